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
  readonly userId: string;
  readonly bundleId: string | undefined;
  /** The user's arm in the experiment. */
  readonly arm: string | undefined;
  /** The code of a refusal, such as `OVERLOADED`. */
  readonly code: string | undefined;
}

/** Longer than any response takes. */
const timeoutMs = 30_000;

/** Sends requests at a steady rate, independent of responses, until `stop`. */
export class SteadyLoad {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #url: string;
  readonly #nextUser: () => string;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #requests: TimedRequest[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  /** @param nextUser Returns the user of the next request. */
  constructor(url: string, perSecond: number, nextUser: () => string = () => 'ada') {
    this.#url = url;
    this.#nextUser = nextUser;
    this.#running = this.#run(1_000 / perSecond);
  }

  /** The finished requests. */
  get requests(): readonly TimedRequest[] {
    return this.#requests;
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
    const userId = this.#nextUser();
    const response = await this.#post(userId);
    this.#requests.push({ at, ms: performance.now() - at, userId, ...response });
  }

  #post(userId: string): Promise<Pick<TimedRequest, 'status' | 'isDegraded' | 'bundleId' | 'arm' | 'code'>> {
    return new Promise((resolve) => {
      const broken = (): void =>
        resolve({ status: 0, isDegraded: false, bundleId: undefined, arm: undefined, code: undefined });
      const headers = { 'content-type': 'application/json' };
      const sent = request(
        `${this.#url}/v1/recommendations`,
        { method: 'POST', agent: this.#agent, headers, timeout: timeoutMs },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => (text += part));
          response.on('error', broken);
          response.on('end', () => {
            const bundleId = /"bundleId":"([^"]+)"/.exec(text)?.[1];
            const arm = /"arms":\{"[^"]+":"([^"]+)"/.exec(text)?.[1];
            const code = /"code":"([A-Z_]+)"/.exec(text)?.[1];
            resolve({
              status: response.statusCode!,
              isDegraded: text.includes('profiles_unavailable'),
              bundleId,
              arm,
              code,
            });
          });
        },
      );
      sent.on('error', broken);
      sent.on('timeout', () => sent.destroy());
      sent.end(JSON.stringify({ userId, limit: 10 }));
    });
  }
}
