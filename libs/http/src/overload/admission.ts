import type { Logger } from '@facet/platform';
import { problemError } from '../problems/problem.ts';
import { nextLimit } from './concurrency-limit.ts';
import type { LimitBounds } from './concurrency-limit.ts';
import { measureQueueDelay } from './queue-delay.ts';

/** Bounds the work that is under way, so that what is admitted is answered soon, and the rest is told so at once. */
export interface Admission {
  /** How much may be under way now. */
  readonly limit: number;
  /** How much is. */
  readonly busy: number;
  /** Whether there is time for work that nobody waits for: there was no line lately, and there is room for many more requests. */
  readonly hasTimeToSpare: boolean;
  /** How many requests were turned away since the start. */
  readonly turnedAway: number;
  /**
   * Turns a request away whose work could not start now, before anything is done for it.
   *
   * @returns the seconds after which it may come again; undefined when there is room.
   */
  refuse(): number | undefined;
  /** @throws AppError `OVERLOADED` instead of starting when the limit is reached. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

export interface AdmissionOptions extends Partial<LimitBounds> {
  /** Is told when requests begin to be turned away, and when that is over. */
  readonly logger?: Pick<Logger, 'warn' | 'info'>;
  /** Takes a while, and tells how long work stood in line then, in milliseconds. */
  readonly measureDelay?: () => Promise<number>;
  /** Uniform from 0 to 1: callers that were turned away together are not to come again together. */
  readonly random?: () => number;
}

/**
 * Sixteen are always admitted: the pool of connections of one caller, which is not to be turned away because answers take some
 * milliseconds longer, or because other programs have the cores. 25 ms in line are little to a caller, and enough never to
 * be out of work. 128 is what may come at once to a server that had nothing to do.
 */
const boundsDefault: LimitBounds = { concurrentMin: 16, concurrentMax: 128, delayMsTarget: 25 };

/** The limit is set by so many measures of the delay: ten times a second. */
const measuresPerSetting = 8;

/** After so many settings without anything to do the limit is forgotten; after as many without a refusal they are over. */
const quietSettings = 10;

/** Callers come again after 1 to so many seconds. */
const retryAfterSecondsMax = 3;

export function createAdmission(options: AdmissionOptions = {}): Admission {
  const { logger, measureDelay = measureQueueDelay, random = Math.random, ...ownBounds } = options;
  const { concurrentMin, concurrentMax, delayMsTarget } = { ...boundsDefault, ...ownBounds };
  const bounds = { concurrentMin: Math.min(concurrentMin, concurrentMax), concurrentMax, delayMsTarget };
  let limit = bounds.concurrentMax;
  let busy = 0;
  let busyMax = 0;
  let turnedAway = 0;
  let isWatching = false;

  async function leastDelay(): Promise<number> {
    let least = Infinity;
    for (let measure = 0; measure < measuresPerSetting; measure++) least = Math.min(least, await measureDelay());
    return least;
  }

  /** Sets the limit again and again as long as there is something to do. */
  async function watch(): Promise<void> {
    let idle = 0;
    let calm = quietSettings;
    let turnedAwayBefore = turnedAway;
    let calmAt = turnedAway;
    while (idle < quietSettings) {
      const delayMs = await leastDelay();
      limit = nextLimit(limit, { leastDelayMs: delayMs, busyMax }, bounds);
      const isRefusing = turnedAway > turnedAwayBefore;
      idle = busyMax === 0 && !isRefusing ? idle + 1 : 0;
      if (isRefusing) {
        if (calm >= quietSettings) logger?.warn({ limit, delayMs }, 'overloaded: requests are turned away');
        calm = 0;
      } else if (++calm === quietSettings) {
        logger?.info({ turnedAway: turnedAway - calmAt }, 'no longer overloaded');
        calmAt = turnedAway;
      }
      busyMax = busy;
      turnedAwayBefore = turnedAway;
    }
    limit = bounds.concurrentMax;
    isWatching = false;
  }

  function wake(): void {
    if (isWatching) return;
    isWatching = true;
    void watch();
  }

  function refuse(): number | undefined {
    if (busy < limit) return undefined;
    turnedAway++;
    return 1 + Math.floor(random() * retryAfterSecondsMax);
  }

  return {
    get limit() {
      return limit;
    },
    get busy() {
      return busy;
    },
    get turnedAway() {
      return turnedAway;
    },
    get hasTimeToSpare() {
      return limit === bounds.concurrentMax && busy <= limit / 2;
    },
    refuse,
    async run(work) {
      const retryAfterSeconds = refuse();
      if (retryAfterSeconds !== undefined) throw overloaded({ retryAfterSeconds });
      wake();
      busy++;
      busyMax = Math.max(busyMax, busy);
      try {
        return await work();
      } finally {
        busy--;
      }
    },
  };
}

export const overloadedMessage = 'This server has more to do than it can.';

export function overloaded(details: { readonly retryAfterSeconds?: number } = {}): Error {
  return problemError('OVERLOADED', overloadedMessage, details);
}
