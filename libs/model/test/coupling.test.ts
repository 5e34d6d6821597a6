import { expect, it } from 'vitest';
import { couplingCoefficients, interestCohesion } from '../src/index.ts';

it('divides the weight of each behavior over the interests', () => {
  // Two interests of a sequence with one padded slot; the recency weights of the behaviors are 1 and 5.
  const behaviorWeights = Float32Array.of(0, 0.25, 5, 0, 0.75, 0);
  const coefficients = couplingCoefficients({ count: 2, behaviorWeights });
  expect([...coefficients]).toEqual([0, 0, 0.25, 0.75, 1, 0]);
});

it('has no coefficients without interests', () => {
  expect(couplingCoefficients({ count: 0, behaviorWeights: new Float32Array(0) })).toHaveLength(0);
});

it('compares items of the same strongest interest with items of different ones', () => {
  const vectors = [Float32Array.of(1, 0), Float32Array.of(3, 0), Float32Array.of(0, 2), Float32Array.of(0, 0)];
  const coefficients = [
    [0.9, 0.1],
    [0.6, 0.4],
    [0.2, 0.8],
    [0.5, 0.5],
  ];
  // The zero vector has no direction and takes part in no pair.
  expect(interestCohesion(vectors, coefficients)).toEqual({ within: 1, across: 0 });
  expect(interestCohesion(vectors.slice(0, 2), coefficients)).toEqual({ within: 1, across: undefined });
});
