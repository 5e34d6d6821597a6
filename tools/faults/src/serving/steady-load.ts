import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Timing and result of one request. */
export interface TimedRequest {
  /** Scheduled time, and latency from then, in milliseconds. */
  readonly at: number;
  readonly ms: number;
  /** 0 for a broken connection. */
  readonly status: number;
  /** Whether serving responded without the user's profile. */
  readonly isDegraded: boolean;
  readonly bundleId: string | undefined;
}

/** Sends requests at a steady rate, independent of responses, until `stop`. */
export class SteadyLoad {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #url: string;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #requests: TimedRequest[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(url: string, perSecond: number) {
    this.#url = url;
    this.#running = this.#run(1_000 / perSecond);
  }

  async stop(): Promise<readonly TimedRequest[]> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#inFlight);
    this.#agent.destroy();
    return this.#requests;
  }

  async #run(everyMs: number): Promise<void> {
    for (let at = performance.now(); !this.#stopping.signal.aborted; at += everyMs) {
      const wait = at - performance.now();
      if (wait > 0) await sleep(wait);
      const sending = this.#send(at).finally(() => this.#inFlight.delete(sending));
      this.#inFlight.add(sending);
    }
  }

  async #send(at: number): Promise<void> {
    const response = await this.#post();
    this.#requests.push({ at, ms: performance.now() - at, ...response });
  }

  #post(): Promise<Pick<TimedRequest, 'status' | 'isDegraded' | 'bundleId'>> {
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
