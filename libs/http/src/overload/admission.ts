import type { Logger } from '@facet/platform';
import { Counter, Gauge } from 'prom-client';
import type { HttpMetrics } from '../metrics.ts';
import { problemError } from '../problems/problem.ts';
import { nextLimit } from './concurrency-limit.ts';
import type { LimitBounds } from './concurrency-limit.ts';
import { measureQueueDelay } from './queue-delay.ts';

/** Bounds the number of concurrent requests, so that admitted requests finish soon and the rest is refused immediately. */
export interface Admission {
  /** The current limit of concurrent requests. */
  readonly limit: number;
  /** The number of concurrent requests. */
  readonly busy: number;
  /** Whether background work may start: there was no queueing lately, and at most half of the limit is used. */
  readonly hasTimeToSpare: boolean;
  /** The number of refused requests since the start. */
  readonly turnedAway: number;
  /**
   * Refuses a request at the limit, before any work is done for it.
   *
   * @returns the seconds after which the caller may retry; undefined if there is room.
   */
  refuse(): number | undefined;
  /**
   * Starts the work of a request. Call {@link leave} when the work has ended.
   *
   * @throws AppError `OVERLOADED` at the limit.
   */
  enter(): void;
  leave(): void;
}

export interface AdmissionOptions extends Partial<LimitBounds> {
  /** Logs when refusals begin and when they end. */
  readonly logger?: Pick<Logger, 'warn' | 'info'>;
  /** Takes a moment, and returns the queueing delay in milliseconds. */
  readonly measureDelay?: () => Promise<number>;
  /** Uniform from 0 to 1. Spreads the retries of callers that were refused together. */
  readonly random?: () => number;
}

/**
 * The minimum of 16 is the connection pool of one caller, which slightly slower responses or other programs on the cores must
 * not shut out. A queueing delay of 25 ms is short for a caller, and long enough to keep the cores busy. The maximum of 128 is
 * the burst that an idle server accepts.
 */
const boundsDefault: LimitBounds = { concurrentMin: 16, concurrentMax: 128, delayMsTarget: 25 };

/** Delay measurements for one adjustment of the limit, which makes ten adjustments a second. */
const measuresPerSetting = 8;

/** Adjustments without work after which the limit is reset, and without a refusal after which the overload has ended. */
const quietSettings = 10;

/** Callers retry after 1 second to this many seconds. */
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

  async function measureLeastDelay(): Promise<number> {
    let least = Infinity;
    for (let measure = 0; measure < measuresPerSetting; measure++) least = Math.min(least, await measureDelay());
    return least;
  }

  /** Adjusts the limit repeatedly, until there is no work. */
  async function watch(): Promise<void> {
    let idle = 0;
    let calm = quietSettings;
    let turnedAwayBefore = turnedAway;
    let calmAt = turnedAway;
    while (idle < quietSettings) {
      const delayMs = await measureLeastDelay();
      limit = nextLimit(limit, { leastDelayMs: delayMs, busyMax }, bounds);
      const isRefusing = turnedAway > turnedAwayBefore;
      idle = busyMax === 0 && !isRefusing ? idle + 1 : 0;
      if (isRefusing) {
        if (calm >= quietSettings) logger?.warn({ limit, delayMs }, 'overloaded: refusing requests');
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
    enter() {
      const retryAfterSeconds = refuse();
      if (retryAfterSeconds !== undefined) throw overloaded({ retryAfterSeconds });
      if (!isWatching) {
        isWatching = true;
        void watch();
      }
      busy++;
      busyMax = Math.max(busyMax, busy);
    },
    leave() {
      busy--;
    },
  };
}

export function overloaded(details: { readonly retryAfterSeconds?: number } = {}): Error {
  return problemError('OVERLOADED', 'This server has more requests than it can serve.', details);
}

/** Adds the figures of an admission to the metrics of its app. */
export function addAdmissionMetrics({ registry }: HttpMetrics, admission: Admission): void {
  const registers = [registry];
  new Gauge({
    name: 'facet_http_admission_limit',
    help: 'The current limit of concurrent requests.',
    registers,
    collect() {
      this.set(admission.limit);
    },
  });
  new Gauge({
    name: 'facet_http_admission_busy',
    help: 'The number of concurrent requests.',
    registers,
    collect() {
      this.set(admission.busy);
    },
  });
  new Counter({
    name: 'facet_http_turned_away_total',
    help: 'Requests refused as OVERLOADED because the limit was reached.',
    registers,
    collect() {
      this.reset();
      this.inc(admission.turnedAway);
    },
  });
}
