import { facetModel, facetTraining } from '@facet/model';
import type { FitConfig, ModelSpec } from '@facet/model';
import { AppError } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { compareFits, countFits, scoreOf } from '../src/training/compare-fits.ts';
import type { Fit, FitPlan } from '../src/training/compare-fits.ts';

const spec: ModelSpec = {
  config: { ...facetModel, interests: 4, interestGainMin: 0.01 },
  itemCount: 5,
  itemFeatures: [],
  userFeatures: [],
};
const fixed = { ...facetTraining, labels: 'window' } as const;

/** Returns a fit whose best epoch, the second, has the score. */
function fitOf(plan: FitPlan, score: number, userScores: number[] = []): Fit {
  const curve = [score / 2, score].map((each, position) => ({
    epoch: position + 1,
    loss: 1,
    firstLoss: 1,
    examples: 1,
    score: each,
  }));
  const state = { weights: {}, optimizer: {} };
  return { ...plan, progress: { curve, bestEpoch: 2, best: state, last: state }, userScores };
}

const diverged = { code: 'MODEL_DIVERGED', category: 'usage', remedy: 'Lower the learning rate.' } as const;

/** Compares fits with these scores by interests and labels. A fit without a score diverges. Returns the fits in order, and the chosen one. */
async function compare(
  scores: Record<string, number>,
  given: {
    spec?: ModelSpec;
    training?: typeof facetTraining;
    userScores?: Record<string, number[]>;
  } = {},
): Promise<{ fits: string[]; chosen: string }> {
  const named = ({ spec, training }: { spec: ModelSpec; training: FitConfig }): string =>
    `${spec.config.interests} ${training.labels}`;
  const [wanted, training] = [given.spec ?? spec, given.training ?? facetTraining];
  const fits: string[] = [];
  const compared = await compareFits(wanted, training, async (plan, part) => {
    expect(part).toBe(fits.length);
    fits.push(named(plan));
    const score = scores[named(plan)];
    if (score === undefined) throw new AppError('The loss became NaN.', diverged);
    return fitOf(plan, score, given.userScores?.[named(plan)]);
  });
  expect(fits).toHaveLength(countFits(wanted, training));
  expect(compared.scores.map(({ interests, labels }) => `${interests} ${labels}`)).toEqual(fits);
  return { fits, chosen: named(compared.chosen) };
}

describe('the compared fits', () => {
  const fits = ['4 window', '4 share', '1 window', '1 share'];

  it('are two labels with several interests, then the same with one', async () => {
    const scores = { '4 window': 0.2, '4 share': 0.3, '1 window': 0.1, '1 share': 0.1 };
    expect(await compare(scores)).toEqual({ fits, chosen: '4 share' });
  });

  it('keep the first labels unless others gain more than 2 %', async () => {
    const one = { '1 window': 0.1, '1 share': 0 };
    expect(await compare({ ...one, '4 window': 0.2, '4 share': 0.2041 })).toMatchObject({ chosen: '4 share' });
    expect(await compare({ ...one, '4 window': 0.2, '4 share': 0.2039 })).toMatchObject({ chosen: '4 window' });
    expect(await compare({ ...one, '4 window': 0, '4 share': 0.15 })).toMatchObject({ chosen: '4 share' });
    expect(await compare({ ...one, '4 window': 0, '4 share': 0 })).toMatchObject({ chosen: '1 window' });
  });

  it('leave out a fit that diverges, unless it is the first', async () => {
    expect(await compare({ '4 window': 0.2, '1 window': 0.1 })).toEqual({ fits, chosen: '4 window' });
    expect(await compare({ '4 window': 0.2, '4 share': 0.3 })).toMatchObject({ chosen: '4 share' });
    await expect(compare({})).rejects.toMatchObject({ code: 'MODEL_DIVERGED' });
  });

  it('choose several interests only if they gain at least interestGainMin', async () => {
    expect(await compare({ '4 window': 0.2021, '1 window': 0.2 }, { training: fixed })).toMatchObject({
      chosen: '4 window',
    });
    expect(await compare({ '4 window': 0.2019, '1 window': 0.2 }, { training: fixed })).toMatchObject({
      chosen: '1 window',
    });
  });

  it('do not include one interest without interestGainMin, or if it is one', async () => {
    const { interestGainMin, ...config } = spec.config;
    expect(interestGainMin).toBeGreaterThan(0);
    expect(await compare({ '4 window': 0.1 }, { spec: { ...spec, config }, training: fixed })).toEqual({
      fits: ['4 window'],
      chosen: '4 window',
    });
    const one = { ...spec, config: { ...spec.config, interests: 1 } };
    expect(await compare({ '1 window': 0.1 }, { spec: one, training: fixed })).toMatchObject({ fits: ['1 window'] });
  });

  it('choose the labels of one interest by its own scores', async () => {
    const scores = { '4 window': 0.2, '4 share': 0.3, '1 window': 0.31, '1 share': 0.25 };
    expect(await compare(scores)).toMatchObject({ chosen: '1 window' });
  });

  it('choose several interests only if the interval of their gain over users is above 0', async () => {
    const scores = { '4 window': 0.3, '1 window': 0.2 };
    const users = (gain: (user: number) => number): Record<string, number[]> => ({
      '4 window': Array.from({ length: 100 }, (_, user) => 0.2 + gain(user)),
      '1 window': Array.from({ length: 100 }, () => 0.2),
    });
    const [steady, chance] = [users((user) => (user % 2 === 0 ? 0.2 : 0)), users((user) => (user === 0 ? 10 : 0))];
    expect(await compare(scores, { training: fixed, userScores: steady })).toMatchObject({ chosen: '4 window' });
    expect(await compare(scores, { training: fixed, userScores: chance })).toMatchObject({ chosen: '1 window' });
  });

  it('have scores with the settings that they compare', () => {
    expect(scoreOf(fitOf({ spec, training: fixed }, 0.3))).toEqual({ interests: 4, labels: 'window', score: 0.3 });
  });
});
