import { describe, expect, it } from 'vitest';
import type { Weights } from '../src/index.ts';
import { addSample, lengthInSamples, isSampleDue } from '../src/training/weight-average.ts';
import type { WeightAverage } from '../src/training/weight-average.ts';

const weights = (value: number): Weights => ({ table: { shape: [2], data: Float32Array.of(value, -value) } });

describe('the average of weights', () => {
  it('is the mean of the first samples, then an exponential moving average', () => {
    let average: WeightAverage | undefined;
    const averages = [8, 4, 6, 0].map((value) => {
      average = addSample(average, weights(value), 3);
      return average.weights['table']!.data[0];
    });
    expect(averages).toEqual([8, 6, 6, 4]);
    expect(average!.sampleCount).toBe(3);
    expect(average!.weights['table']!.data).toEqual(Float32Array.of(4, -4));
  });

  it('does not change earlier averages', () => {
    const first = addSample(undefined, weights(8), 4);
    addSample(first, weights(4), 4);
    expect(first).toEqual({ weights: weights(8), sampleCount: 1 });
  });

  it.each([
    [100, 8],
    [8, 8],
    [3, 3],
  ])('has a sample after the last of %d steps, and %d in all', (steps, samples) => {
    const due = Array.from({ length: steps }, (_, step) => isSampleDue(step + 1, steps));
    expect(due.filter(Boolean)).toHaveLength(samples);
    expect(due.at(-1)).toBe(true);
    expect(lengthInSamples(1, steps)).toBe(samples);
  });
});
