import { createHistogram } from 'node:perf_hooks';
import type { RecordableHistogram } from 'node:perf_hooks';
import type { TrafficFigures } from '@facet/bundles/guardrails';

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

const slicesPerWindow = 20;

interface Slice {
  responses: number;
  errors: number;
  fallbacks: number;
  empty: number;
  /** Response times in microseconds. */
  readonly times: RecordableHistogram;
}

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
    slice.times.record(Math.max(1, Math.ceil(outcome.ms * 1_000)));
  }

  figures(now: number): TrafficFigures {
    this.#forget(now);
    const sum = createSlice();
    for (const { responses, errors, fallbacks, empty, times } of this.#slices.values()) {
      sum.responses += responses;
      sum.errors += errors;
      sum.fallbacks += fallbacks;
      sum.empty += empty;
      if (responses > 0) sum.times.add(times);
    }
    const requests = sum.responses + sum.errors;
    return {
      requests,
      fallbackShare: shareOf(sum.fallbacks, sum.responses),
      emptyShare: shareOf(sum.empty, sum.responses),
      errorShare: shareOf(sum.errors, requests),
      p99Ms: sum.responses === 0 ? 0 : quantileMs(sum.times, sum.responses, 0.99),
    };
  }

  clear(): void {
    this.#slices.clear();
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
  // Two significant figures bound the error of a quantile to 1 %.
  return { responses: 0, errors: 0, fallbacks: 0, empty: 0, times: createHistogram({ figures: 2 }) };
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** Rounds the rank up: the histogram would round it to the nearest. */
function quantileMs(times: RecordableHistogram, count: number, share: number): number {
  return times.percentile((100 * Math.ceil(count * share)) / count) / 1_000;
}
