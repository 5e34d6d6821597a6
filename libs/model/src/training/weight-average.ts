import type { Weights } from '../weights.ts';

/** A moving average of the weights of a run. */
export interface WeightAverage {
  readonly weights: Weights;
  /** Number of samples so far, at most the length of the average. */
  readonly sampleCount: number;
}

const samplesPerEpochMax = 8;

/** Returns whether to sample the weights after step `done` of an epoch with `steps` steps. Always true for the last step. */
export function isSampleDue(done: number, steps: number): boolean {
  const samplesAt = (step: number): number => Math.floor((step * samplesPerEpochMax) / steps);
  return samplesAt(done) > samplesAt(done - 1);
}

/** Returns the length of an average over `epochs`, in samples: at least one. */
export function lengthInSamples(epochs: number, steps: number): number {
  return Math.max(1, Math.round(epochs * Math.min(samplesPerEpochMax, steps)));
}

/**
 * Adds a sample: a ← a + (w − a) / n, where n is the number of samples, at most `length`. The first `length` samples have equal
 * weight. Each later sample has the weight 1 / `length`, as in an exponential moving average.
 *
 * @param sample The weights w. Their arrays become the new average.
 */
export function addSample(average: WeightAverage | undefined, sample: Weights, length: number): WeightAverage {
  if (average === undefined) return { weights: sample, sampleCount: 1 };
  const sampleCount = Math.min(average.sampleCount + 1, length);
  for (const [name, { data }] of Object.entries(sample)) {
    const before = average.weights[name]!.data;
    for (let at = 0; at < data.length; at++) data[at] = before[at]! + (data[at]! - before[at]!) / sampleCount;
  }
  return { weights: sample, sampleCount };
}
