import { mulberry32 } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { compareRatios, estimateRatio, testSampleRatio } from '../src/report/statistics.ts';
import type { RatioEstimate } from '../src/report/report-schema.ts';

const everybody = (values: ArrayLike<number>): number[] => Array.from({ length: values.length }, (_, unit) => unit);

/** Simulates users who differ in how often they come and how readily they click. */
function simulateArm(users: number, random: () => number, lift = 1): RatioEstimate {
  const clicked: number[] = [];
  const exposures: number[] = [];
  for (let user = 0; user < users; user++) {
    const visits = 1 + Math.floor(30 * random() ** 4);
    const chance = lift * (0.02 + 0.3 * random() ** 2);
    exposures.push(visits);
    clicked.push(Array.from({ length: visits }, random).filter((draw) => draw < chance).length);
  }
  return estimateRatio(clicked, exposures, everybody(clicked))!;
}

describe('estimateRatio', () => {
  it('equals the formula of the delta method', () => {
    const [clicked, exposures] = [
      [1, 0, 2],
      [2, 1, 5],
    ];
    // R = 3/8; residuals 1 - 6/8, 0 - 3/8, 2 - 15/8; variance = 3 (sum of squares) / 2 / 64.
    const variance = (3 * (0.25 ** 2 + 0.375 ** 2 + 0.125 ** 2)) / 2 / 64;
    const estimate = estimateRatio(clicked, exposures, [0, 1, 2])!;
    expect(estimate.value).toBe(0.375);
    expect(estimate.variance).toBeCloseTo(variance, 15);
    expect(estimate.high).toBeCloseTo(0.375 + 1.959964 * Math.sqrt(variance), 6);
    expect(estimate.low).toBeCloseTo(0.375 - 1.959964 * Math.sqrt(variance), 6);
  });

  it('equals a proportion when every user came once', () => {
    const clicked = Array.from({ length: 100 }, (_, user) => (user < 30 ? 1 : 0));
    const estimate = estimateRatio(clicked, new Float64Array(100).fill(1), everybody(clicked))!;
    expect(estimate.variance).toBeCloseTo((0.3 * 0.7) / 99, 15);
  });

  it('includes only the given users', () => {
    const of = (units: number[]) => estimateRatio([1, 5, 0, 7], [2, 5, 2, 9], units);
    expect(of([0, 2])).toEqual(estimateRatio([1, 0], [2, 2], [0, 1]));
  });

  it('has no interval without variance', () => {
    expect(estimateRatio([], [], [])).toBeUndefined();
    expect(estimateRatio([1], [2], [0])).toEqual({ value: 0.5, variance: 0 });
    expect(estimateRatio([0, 0], [2, 3], [0, 1])).toEqual({ value: 0, variance: 0 });
  });
});

describe('compareRatios', () => {
  it('matches the tails of the normal distribution', () => {
    const of = (difference: number) =>
      compareRatios({ value: 0.5 + difference, variance: 0.5e-4 }, { value: 0.5, variance: 0.5e-4 })!;
    // R: 2 * pnorm(-c(1, 1.959964, 3)), with standard errors of 0.01
    expect(of(0.01).pValue).toBeCloseTo(0.3173105, 7);
    expect(of(0.01959964).pValue).toBeCloseTo(0.05, 7);
    expect(of(-0.03).pValue).toBeCloseTo(0.002699796, 9);
    expect(of(0.01)).toMatchObject({ relative: expect.closeTo(0.02, 12) as number });
    expect(of(0.01).low).toBeCloseTo(0.01 - 0.01959964, 7);
  });

  it('returns undefined without variance', () => {
    expect(compareRatios(undefined, { value: 1, variance: 1 })).toBeUndefined();
    expect(compareRatios({ value: 0, variance: 0 }, { value: 0, variance: 0 })).toBeUndefined();
  });

  it('contains 0 in 95 of 100 experiments without an effect, although visits of a user are correlated', () => {
    const random = mulberry32(7);
    const rounds = 600;
    let held = 0;
    let significant = 0;
    for (let round = 0; round < rounds; round++) {
      const { low, high, pValue } = compareRatios(simulateArm(300, random), simulateArm(300, random))!;
      if (low <= 0 && high >= 0) held++;
      if (pValue < 0.05) significant++;
    }
    // Four standard errors of a share of 0.95 of 600.
    expect(Math.abs(held / rounds - 0.95)).toBeLessThan(0.036);
    expect(significant).toBe(rounds - held);
  });

  it('finds a real difference', () => {
    const random = mulberry32(8);
    const [control, arm] = [simulateArm(4_000, random), simulateArm(4_000, random, 1.2)];
    const difference = compareRatios(arm, control)!;
    expect(difference.pValue).toBeLessThan(0.001);
    expect(difference.low).toBeGreaterThan(0);
    expect(difference.relative).toBeCloseTo(0.2, 1);
  });
});

describe('testSampleRatio', () => {
  it('equals the chi-square test', () => {
    // R: chisq.test(c(5200, 4800)); chisq.test(c(30, 50, 20), p = c(1, 2, 1) / 4)
    const even = testSampleRatio([5200, 4800], [1, 1])!;
    expect(even).toMatchObject({ chiSquare: 16, degrees: 1, isMismatch: true, expected: [5000, 5000] });
    expect(even.pValue).toBeCloseTo(6.334248e-5, 9);
    const three = testSampleRatio([30, 50, 20], [1, 2, 1])!;
    expect(three).toMatchObject({ chiSquare: 2, degrees: 2, isMismatch: false });
    expect(three.pValue).toBeCloseTo(Math.exp(-1), 10);
  });

  it('returns undefined without users or with one arm', () => {
    expect(testSampleRatio([0, 0], [1, 1])).toBeUndefined();
    expect(testSampleRatio([10], [1])).toBeUndefined();
  });

  it('flags an arm without users', () => {
    expect(testSampleRatio([100, 0], [1, 1])).toMatchObject({ isMismatch: true });
  });
});
