import { startFacetProcess } from '@facet/local-services';
import type { FacetProcess, FacetProcessOptions } from '@facet/local-services';

/** A part that a suite kills and starts again. */
export interface Victim {
  readonly name: string;
  /** SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** An app that can be killed and started again with the same settings and port. */
export class KillableApp implements Victim {
  readonly name: string;
  readonly #options: FacetProcessOptions;
  readonly #pids: number[] = [];
  #process: FacetProcess | undefined;
  #pastOutput = '';

  constructor(name: string, options: FacetProcessOptions) {
    this.name = name;
    this.#options = { readySeconds: 120, ...options };
  }

  /** All process ids, the newest last. */
  get pids(): readonly number[] {
    return this.#pids;
  }

  /** @throws Error before the first start. */
  get url(): string {
    if (this.#process === undefined) throw new Error(`${this.name} has not started`);
    return this.#process.url;
  }

  get isRunning(): boolean {
    return this.#process?.running === true;
  }

  /** Recent error output of its processes. */
  get errorOutput(): string {
    return `${this.#pastOutput}${this.#process?.errorOutput() ?? ''}`;
  }

  async start(): Promise<void> {
    this.#process = await startFacetProcess({ ...this.#options, port: this.#process?.port });
    this.#pids.push(this.#process.pid);
  }

  /** @throws Error with the output of a process that has exited before. */
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
