import { startFacetProcess } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';

export interface RefreshAppSettings {
  readonly name: 'trainer' | 'indexer';
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
}

/** A trainer or an indexer that can be killed and started again with the same settings. */
export class RefreshApp {
  readonly name: RefreshAppSettings['name'];
  readonly #settings: RefreshAppSettings;
  readonly #pids: number[] = [];
  #process: FacetProcess | undefined;
  #pastOutput = '';

  constructor(settings: RefreshAppSettings) {
    this.name = settings.name;
    this.#settings = settings;
  }

  /** All process ids, the newest last. */
  get pids(): readonly number[] {
    return this.#pids;
  }

  get isRunning(): boolean {
    return this.#process?.running === true;
  }

  /** Recent error output of its processes. */
  get errorOutput(): string {
    return `${this.#pastOutput}${this.#process?.errorOutput() ?? ''}`;
  }

  async start(): Promise<void> {
    const { name, port, env } = this.#settings;
    this.#process = await startFacetProcess({
      app: name,
      env: { ...env, FACET_PORT: String(port) },
      // The app is healthy while it waits for Redis.
      readyUrl: `http://127.0.0.1:${port}/healthz`,
      readySeconds: 120,
    });
    this.#pids.push(this.#process.pid);
  }

  /** Sends SIGKILL. */
  async kill(): Promise<void> {
    if (this.#process?.running === false) {
      throw new Error(`${this.name} exited unexpectedly:\n${this.#process.errorOutput()}`);
    }
    await this.#process?.kill();
    this.#pastOutput += this.#process?.errorOutput() ?? '';
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }
}
