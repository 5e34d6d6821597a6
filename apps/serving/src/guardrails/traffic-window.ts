import type { TrafficFigures } from '@facet/bundles/guardrails';

/** How one request ended. */
export type RequestOutcome =
  | {
      readonly kind: 'answer';
      readonly isFallback: boolean;
      readonly isEmpty: boolean;
      /** From the arrival of the request to the end of its answer. */
      readonly ms: number;
    }
  | { readonly kind: 'error' };

const slicesPerWindow = 20;

/** Times are counted by their order of size: each bucket reaches 15 % further than the one before. */
const shortestMs = 0.1;
const bucketRatio = 1.15;
const bucketCount = 128;

interface Slice {
  answers: number;
  errors: number;
  fallbacks: number;
  empty: number;
  /** [bucketCount] answers by their time */
  readonly times: Uint32Array;
}

/** The figures of the requests of the last while, counted in slices of time. */
export class TrafficWindow {
  readonly #sliceMs: number;
  readonly #slices = new Map<number, Slice>();

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / slicesPerWindow;
  }

  /** @param now of a clock in milliseconds that only goes forward; so are the others. */
  record(now: number, outcome: RequestOutcome): void {
    const slice = this.#sliceAt(now);
    if (outcome.kind === 'error') {
      slice.errors++;
      return;
    }
    slice.answers++;
    if (outcome.isFallback) slice.fallbacks++;
    if (outcome.isEmpty) slice.empty++;
    slice.times[bucketOf(outcome.ms)]!++;
  }

  figures(now: number): TrafficFigures {
    this.#forget(now);
    const sum: Slice = emptySlice();
    for (const { answers, errors, fallbacks, empty, times } of this.#slices.values()) {
      sum.answers += answers;
      sum.errors += errors;
      sum.fallbacks += fallbacks;
      sum.empty += empty;
      times.forEach((count, bucket) => (sum.times[bucket]! += count));
    }
    const requests = sum.answers + sum.errors;
    return {
      requests,
      fallbackShare: shareOf(sum.fallbacks, sum.answers),
      emptyShare: shareOf(sum.empty, sum.answers),
      errorShare: shareOf(sum.errors, requests),
      p99Ms: quantileMs(sum.times, sum.answers, 0.99),
    };
  }

  /** Forgets everything. */
  clear(): void {
    this.#slices.clear();
  }

  #sliceAt(now: number): Slice {
    const key = Math.floor(now / this.#sliceMs);
    let slice = this.#slices.get(key);
    if (slice === undefined) {
      this.#forget(now);
      slice = emptySlice();
      this.#slices.set(key, slice);
    }
    return slice;
  }

  #forget(now: number): void {
    const oldest = Math.floor(now / this.#sliceMs) - slicesPerWindow;
    for (const key of this.#slices.keys()) if (key <= oldest) this.#slices.delete(key);
  }
}

function emptySlice(): Slice {
  return { answers: 0, errors: 0, fallbacks: 0, empty: 0, times: new Uint32Array(bucketCount) };
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function bucketOf(ms: number): number {
  const bucket = Math.ceil(Math.log(Math.max(ms, shortestMs) / shortestMs) / Math.log(bucketRatio));
  return Math.min(bucketCount - 1, bucket);
}

/** The upper end of the bucket that the quantile falls into. */
function quantileMs(times: Uint32Array, total: number, share: number): number {
  if (total === 0) return 0;
  let remaining = Math.ceil(total * share);
  const bucket = times.findIndex((count) => (remaining -= count) <= 0);
  return shortestMs * bucketRatio ** bucket;
}
