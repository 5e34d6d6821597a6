import type { Weights } from '../weights.ts';

/** A moving average of the weights of a run. */
export interface WeightAverage {
  readonly weights: Weights;
  /** The number of samples that count: all so far, up to the length of the average. */
  readonly samples: number;
}

/** The samples of an epoch, at most one per step. */
const samplesPerEpoch = 8;

/** Returns whether a sample is due after `done` of `steps` steps of an epoch. The last step is a sample. */
export function isSampleDue(done: number, steps: number): boolean {
  const samplesAt = (step: number): number => Math.floor((step * samplesPerEpoch) / steps);
  return samplesAt(done) > samplesAt(done - 1);
}

/** Returns the length of an average over `epochs`, in samples: at least one. */
export function averageLength(epochs: number, steps: number): number {
  return Math.max(1, Math.round(epochs * Math.min(samplesPerEpoch, steps)));
}

/**
 * Adds a sample: a ← a + (w − a) / n, where n is the number of samples, at most `length`. So the average is a mean at first, then
 * exponential, as in `tf.train.ExponentialMovingAverage`.
 *
 * @param sample The weights w. The function overwrites their values.
 */
export function addSample(average: WeightAverage | undefined, sample: Weights, length: number): WeightAverage {
  if (average === undefined) return { weights: sample, samples: 1 };
  const samples = Math.min(average.samples + 1, length);
  for (const [name, { data }] of Object.entries(sample)) {
    const before = average.weights[name]!.data;
    for (let at = 0; at < data.length; at++) data[at] = before[at]! + (data[at]! - before[at]!) / samples;
  }
  return { weights: sample, samples };
}
