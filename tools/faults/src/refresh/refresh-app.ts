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
  #endings = '';

  constructor(settings: RefreshAppSettings) {
    this.name = settings.name;
    this.#settings = settings;
  }

  /** The process ids it has had, the newest last. */
  get pids(): readonly number[] {
    return this.#pids;
  }

  get isRunning(): boolean {
    return this.#process?.running === true;
  }

  /** What its processes wrote last, for whoever looks into a failure. */
  get said(): string {
    return `${this.#endings}${this.#process?.errorOutput() ?? ''}`;
  }

  async start(): Promise<void> {
    const { name, port, env } = this.#settings;
    this.#process = await startFacetProcess({
      app: name,
      env: { ...env, FACET_PORT: String(port) },
      // It lives while it waits for Redis.
      readyUrl: `http://127.0.0.1:${port}/healthz`,
      readySeconds: 120,
    });
    this.#pids.push(this.#process.pid);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    if (this.#process?.running === false)
      throw new Error(`${this.name} had ended by itself:\n${this.#process.errorOutput()}`);
    await this.#process?.kill();
    this.#endings += this.#process?.errorOutput() ?? '';
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }
}
