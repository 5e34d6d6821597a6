import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../send.ts';

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
    const body = { userId, limit: 10 };
    const response = await send(`${this.#url}/v1/recommendations`, { body, timeoutMs });
    const { status = 0, text = '' } = response ?? {};
    const fieldOf = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
    this.#requests.push({
      at,
      ms: performance.now() - at,
      userId,
      status,
      isDegraded: text.includes('profiles_unavailable'),
      bundleId: fieldOf(/"bundleId":"([^"]+)"/),
      arm: fieldOf(/"arms":\{"[^"]+":"([^"]+)"/),
      code: fieldOf(/"code":"([A-Z_]+)"/),
    });
  }
}
