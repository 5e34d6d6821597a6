import { repeat, send } from '../send.ts';

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

/**
 * Sends requests at a steady rate, independent of responses, until `stop`.
 *
 * @param nextUser Returns the user of the next request.
 */
export function startSteadyLoad(url: string, perSecond: number, nextUser: () => string = () => 'ada') {
  /** The finished requests. */
  const requests: TimedRequest[] = [];
  const stop = repeat(1_000 / perSecond, async (at) => {
    const userId = nextUser();
    const response = await send(`${url}/v1/recommendations`, { body: { userId, limit: 10 }, timeoutMs });
    const { status = 0, text = '' } = response ?? {};
    const fieldOf = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
    requests.push({
      at,
      ms: performance.now() - at,
      userId,
      status,
      isDegraded: text.includes('profiles_unavailable'),
      bundleId: fieldOf(/"bundleId":"([^"]+)"/),
      arm: fieldOf(/"arms":\{"[^"]+":"([^"]+)"/),
      code: fieldOf(/"code":"([A-Z_]+)"/),
    });
  });
  return { requests, stop };
}
