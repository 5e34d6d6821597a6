import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** How one request went. */
export interface Asked {
  /** When it was meant to be sent, and how long it took from then, in milliseconds. */
  readonly at: number;
  readonly ms: number;
  /** 0 where the connection broke. */
  readonly status: number;
  /** Whether the answer was made without the profile of its user. */
  readonly isDegraded: boolean;
  readonly bundleId: string | undefined;
}

/** Asks at a steady rate, whether it is answered or not, until it is stopped. */
export class SteadyLoad {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #url: string;
  readonly #underWay = new Set<Promise<void>>();
  readonly #asked: Asked[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(url: string, perSecond: number) {
    this.#url = url;
    this.#running = this.#run(1_000 / perSecond);
  }

  async stop(): Promise<readonly Asked[]> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#underWay);
    this.#agent.destroy();
    return this.#asked;
  }

  async #run(everyMs: number): Promise<void> {
    for (let at = performance.now(); !this.#stopping.signal.aborted; at += everyMs) {
      const wait = at - performance.now();
      if (wait > 0) await sleep(wait);
      const asking = this.#ask(at).finally(() => this.#underWay.delete(asking));
      this.#underWay.add(asking);
    }
  }

  async #ask(at: number): Promise<void> {
    const answer = await this.#post();
    this.#asked.push({ at, ms: performance.now() - at, ...answer });
  }

  #post(): Promise<Pick<Asked, 'status' | 'isDegraded' | 'bundleId'>> {
    return new Promise((resolve) => {
      const broken = (): void => resolve({ status: 0, isDegraded: false, bundleId: undefined });
      const headers = { 'content-type': 'application/json' };
      const sent = request(
        `${this.#url}/v1/recommendations`,
        { method: 'POST', agent: this.#agent, headers },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => (text += part));
          response.on('error', broken);
          response.on('end', () => {
            const bundleId = /"bundleId":"([^"]+)"/.exec(text)?.[1];
            resolve({ status: response.statusCode!, isDegraded: text.includes('profiles_unavailable'), bundleId });
          });
        },
      );
      sent.on('error', broken);
      sent.end('{"userId":"ada","limit":10}');
    });
  }
}
