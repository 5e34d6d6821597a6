import { slicesMin } from '@facet/bundles/guardrails';
import type { TrafficMetrics } from '@facet/bundles/guardrails';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** How one request ended. */
export type RequestOutcome =
  | {
      readonly kind: 'response';
      readonly isFallback: boolean;
      readonly isEmpty: boolean;
      /** From the arrival of the request to the end of the response. */
      readonly ms: number;
    }
  | { readonly kind: 'error' };

const Count = Type.Integer({ minimum: 0 });

/** The requests of a period, as JSON. */
export const TrafficCounts = Type.Object({
  responses: Count,
  errors: Count,
  fallbacks: Count,
  empty: Count,
  /** Responses by bucket of their time. */
  times: Type.Array(Type.Tuple([Type.Integer(), Count])),
});
export type TrafficCounts = Static<typeof TrafficCounts>;

const slicesPerWindow = 20;
/** The slices with the longest times do not count for the response time: a stall of the machine is in two slices at most. */
const stalledSlices = 2;

type Slice = Omit<TrafficCounts, 'times'> & { readonly times: Map<number, number> };

/** Counts the requests of a sliding window, in time slices. */
export class TrafficWindow {
  readonly #sliceMs: number;
  readonly #slices = new Map<number, Slice>();

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / slicesPerWindow;
  }

  /** @param now monotonic, in milliseconds. */
  record(now: number, outcome: RequestOutcome): void {
    const slice = this.#sliceAt(now);
    if (outcome.kind === 'error') {
      slice.errors++;
      return;
    }
    slice.responses++;
    if (outcome.isFallback) slice.fallbacks++;
    if (outcome.isEmpty) slice.empty++;
    addTo(slice.times, bucketOf(outcome.ms), 1);
  }

  /** Adds the counts of an earlier process, as if their requests ended now. */
  restore(now: number, counts: TrafficCounts): void {
    addSlice(this.#sliceAt(now), { ...counts, times: new Map(counts.times) });
  }

  counts(now: number): TrafficCounts {
    const { times, ...sum } = this.#sum(now);
    return { ...sum, times: [...times] };
  }

  metrics(now: number): TrafficMetrics {
    const { responses, errors, fallbacks, empty } = this.#sum(now);
    const requests = responses + errors;
    const slices = [...this.#slices.values()].filter((slice) => slice.responses > 0);
    return {
      requests,
      fallbackShare: shareOf(fallbacks, responses),
      emptyShare: shareOf(empty, responses),
      errorShare: shareOf(errors, requests),
      p99Ms: p99Of(slices.length < slicesMin ? slices : withoutStalls(slices)),
      slices: slices.length,
    };
  }

  clear(): void {
    this.#slices.clear();
  }

  #sum(now: number): Slice {
    this.#forget(now);
    const sum = createSlice();
    for (const slice of this.#slices.values()) addSlice(sum, slice);
    return sum;
  }

  #sliceAt(now: number): Slice {
    const key = Math.floor(now / this.#sliceMs);
    let slice = this.#slices.get(key);
    if (slice === undefined) {
      this.#forget(now);
      slice = createSlice();
      this.#slices.set(key, slice);
    }
    return slice;
  }

  #forget(now: number): void {
    const oldest = Math.floor(now / this.#sliceMs) - slicesPerWindow;
    for (const key of this.#slices.keys()) if (key <= oldest) this.#slices.delete(key);
  }
}

function createSlice(): Slice {
  return { responses: 0, errors: 0, fallbacks: 0, empty: 0, times: new Map() };
}

function addSlice(sum: Slice, { responses, errors, fallbacks, empty, times }: Slice): void {
  sum.responses += responses;
  sum.errors += errors;
  sum.fallbacks += fallbacks;
  sum.empty += empty;
  for (const [bucket, count] of times) addTo(sum.times, bucket, count);
}

function addTo(times: Map<number, number>, bucket: number, count: number): void {
  times.set(bucket, (times.get(bucket) ?? 0) + count);
}

/** The width of a bucket bounds the error of a quantile to 1 %. */
const bucketWidth = Math.log(1.0099);
const msMin = 0.001;

function bucketOf(ms: number): number {
  return Math.ceil(Math.log(Math.max(msMin, ms)) / bucketWidth);
}

function withoutStalls(slices: readonly Slice[]): Slice[] {
  return slices
    .map((slice) => ({ slice, p99Ms: p99Of([slice]) }))
    .sort((a, b) => a.p99Ms - b.p99Ms)
    .slice(0, -stalledSlices)
    .map(({ slice }) => slice);
}

function p99Of(slices: readonly Slice[]): number {
  const sum = createSlice();
  for (const slice of slices) addSlice(sum, slice);
  return quantileMs(sum.times, Math.ceil(sum.responses * 0.99));
}

/** Returns the upper end of the bucket that contains the response with this rank, from 1; 0 without responses. */
function quantileMs(times: ReadonlyMap<number, number>, rank: number): number {
  let passed = 0;
  for (const [bucket, count] of [...times].sort(([a], [b]) => a - b)) {
    passed += count;
    if (passed >= rank) return Math.exp(bucket * bucketWidth);
  }
  return 0;
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
