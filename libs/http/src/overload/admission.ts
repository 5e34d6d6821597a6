import { randomFill } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@facet/platform';
import { Counter, Gauge } from 'prom-client';
import type { HttpMetrics } from '../metrics.ts';
import { problemError } from '../problems/problem.ts';

interface LimitBounds {
  readonly concurrentMin: number;
  readonly concurrentMax: number;
  /** The acceptable queueing delay. */
  readonly delayMsTarget: number;
}

/** The limit shrinks by at most this factor at once, so that one bad moment does not refuse everything. */
const shrinkMax = 0.5;
const growth = 1.1;

/**
 * Returns the next concurrency limit. The least delay of an interval is that of the standing queue, which bursts do not
 * affect (CoDel, RFC 8289). By Little's law the delay is proportional to the concurrency, so the limit shrinks by the ratio
 * of the target delay to the measured delay. Below the target it grows by a tenth.
 *
 * @param busyMax the maximum concurrency in the interval. A limit far above it has no effect.
 */
export function nextLimit(
  limit: number,
  { leastDelayMs, busyMax }: { readonly leastDelayMs: number; readonly busyMax: number },
  { concurrentMin, concurrentMax, delayMsTarget }: LimitBounds,
): number {
  if (leastDelayMs <= delayMsTarget) return Math.min(concurrentMax, Math.ceil(limit * growth));
  const ratio = Math.max(shrinkMax, delayMsTarget / leastDelayMs);
  return Math.max(concurrentMin, Math.floor(Math.min(limit, Math.max(busyMax, 1)) * ratio));
}

const probeEveryMs = 10;
const probe = new Uint8Array(1);

/**
 * Measures the queueing delay in milliseconds: a trivial job takes the way of every request, through the event loop and the
 * thread pool of libuv. Unlike the latency of requests, the delay does not depend on slow stores elsewhere.
 */
export async function measureQueueDelay(): Promise<number> {
  const due = performance.now() + probeEveryMs;
  await delay(probeEveryMs, undefined, { ref: false });
  await new Promise<void>((resolve) => randomFill(probe, () => resolve()));
  return Math.max(0, performance.now() - due);
}

export type Admission = ReturnType<typeof createAdmission>;

interface AdmissionOptions extends Partial<LimitBounds> {
  /** Logs when refusals begin and when they end. */
  readonly logger?: Pick<Logger, 'warn' | 'info'>;
  /** The longest time that the requests before it may make an admitted request wait, at their mean CPU time. */
  readonly waitMsMax?: number;
  /** Returns the CPU time of the process in milliseconds. */
  readonly readCpuMs?: () => number;
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

/** Bounds the wait in a burst, which the queueing delay shows too late. A request of 2 ms may wait for 75 others. */
const waitMsMaxDefault = 150;

/** With fewer requests in one measurement, other work of the process would distort their CPU time. */
const requestsPerMeasure = 16;
/** The share of a new measurement in the mean CPU time of a request. */
const cpuShareOfNewest = 0.3;

/** Delay measurements for one adjustment of the limit, which makes ten adjustments a second. */
const measuresPerSetting = 8;

/** Adjustments without work after which the limit is reset, and without a refusal after which the overload has ended. */
const quietSettings = 10;

/** Callers retry after 1 second to this many seconds. */
const retryAfterSecondsMax = 3;

/** Bounds the number of concurrent requests, so that admitted requests finish soon and the rest is refused immediately. */
export function createAdmission(options: AdmissionOptions = {}) {
  const {
    logger,
    measureDelay = measureQueueDelay,
    random = Math.random,
    waitMsMax = waitMsMaxDefault,
    readCpuMs = readProcessCpuMs,
    ...ownBounds
  } = options;
  const { concurrentMin, concurrentMax, delayMsTarget } = { ...boundsDefault, ...ownBounds };
  const bounds = { concurrentMin: Math.min(concurrentMin, concurrentMax), concurrentMax, delayMsTarget };
  let limit = bounds.concurrentMax;
  let busy = 0;
  let busyMax = 0;
  let turnedAway = 0;
  let finished = 0;
  let cpuMsPerRequest: number | undefined;
  let isWatching = false;

  /** Returns the limit without a queue: the requests that finish within the longest wait, as far as their CPU time is known. */
  function idleLimit(): number {
    if (cpuMsPerRequest === undefined) return bounds.concurrentMax;
    const within = Math.floor(waitMsMax / cpuMsPerRequest);
    return Math.min(bounds.concurrentMax, Math.max(bounds.concurrentMin, within));
  }

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
    let before = { cpuMs: readCpuMs(), finished };
    while (idle < quietSettings) {
      const delayMs = await measureLeastDelay();
      const now = { cpuMs: readCpuMs(), finished };
      const requests = now.finished - before.finished;
      if (requests >= requestsPerMeasure) {
        const newest = (now.cpuMs - before.cpuMs) / requests;
        cpuMsPerRequest = newest * cpuShareOfNewest + (cpuMsPerRequest ?? newest) * (1 - cpuShareOfNewest);
        before = now;
      }
      limit = Math.min(idleLimit(), nextLimit(limit, { leastDelayMs: delayMs, busyMax }, bounds));
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
    limit = idleLimit();
    isWatching = false;
  }

  /**
   * Refuses a request at the limit, before any work is done for it.
   *
   * @returns the seconds after which the caller may retry; undefined if there is room.
   */
  function refuse(): number | undefined {
    if (busy < limit) return undefined;
    turnedAway++;
    return 1 + Math.floor(random() * retryAfterSecondsMax);
  }

  return {
    /** The current limit of concurrent requests. */
    get limit(): number {
      return limit;
    },
    /** The number of concurrent requests. */
    get busy(): number {
      return busy;
    },
    /** The number of refused requests since the start. */
    get turnedAway(): number {
      return turnedAway;
    },
    /** Whether background work may start: there was no queueing lately, and at most half of the limit is used. */
    get hasTimeToSpare(): boolean {
      return limit >= idleLimit() && busy <= limit / 2;
    },
    refuse,
    /**
     * Starts the work of a request. Call `leave` when the work has ended.
     *
     * @throws AppError `OVERLOADED` at the limit.
     */
    enter(): void {
      const retryAfterSeconds = refuse();
      if (retryAfterSeconds !== undefined) throw overloaded({ retryAfterSeconds });
      if (!isWatching) {
        isWatching = true;
        void watch();
      }
      busy++;
      busyMax = Math.max(busyMax, busy);
    },
    leave(): void {
      busy--;
      finished++;
    },
  };
}

function readProcessCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
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
