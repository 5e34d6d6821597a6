import { facetModel } from '@facet/model';
import type { ModelSpec } from '@facet/model';
import { describe, expect, it } from 'vitest';
import { chooseFit, comparedSpecs, withInterests } from '../src/training/choose-interests.ts';
import type { Fit } from '../src/training/choose-interests.ts';

const spec: ModelSpec = {
  config: { ...facetModel, interests: 4, interestGainMin: 0.01 },
  itemCount: 5,
  itemFeatures: [],
  userFeatures: [],
};
const interestsOf = (specs: readonly ModelSpec[]): number[] => specs.map(({ config }) => config.interests);

/** A fit whose best epoch, the second, has this score. */
function fitOf(interests: number, score: number): Fit {
  const curve = [score / 2, score].map((each, position) => ({
    epoch: position + 1,
    loss: 1,
    firstLoss: 1,
    examples: 1,
    score: each,
  }));
  const state = { weights: {}, optimizer: {} };
  return { spec: withInterests(spec, interests), progress: { curve, bestEpoch: 2, best: state, last: state } };
}

describe('the number of interests', () => {
  it('is compared with one interest', () => {
    expect(interestsOf(comparedSpecs(spec))).toEqual([4, 1]);
  });

  it('is not compared without interestGainMin, or if it is one', () => {
    const { interestGainMin, ...fixed } = spec.config;
    expect(interestGainMin).toBeGreaterThan(0);
    expect(interestsOf(comparedSpecs({ ...spec, config: fixed }))).toEqual([4]);
    expect(interestsOf(comparedSpecs(withInterests(spec, 1)))).toEqual([1]);
  });

  it('is several if they gain at least interestGainMin', () => {
    expect(chooseFit([fitOf(4, 0.2021), fitOf(1, 0.2)]).spec.config.interests).toBe(4);
    expect(chooseFit([fitOf(4, 0.2019), fitOf(1, 0.2)]).spec.config.interests).toBe(1);
    expect(chooseFit([fitOf(4, 0.1)]).spec.config.interests).toBe(4);
  });
});
