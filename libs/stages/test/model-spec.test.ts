import { facetModel } from '@facet/model';
import { expect, it } from 'vitest';
import { canProduce } from '../src/model/model-spec.ts';

it.each([
  ['the same settings', { interests: 4 }, {}, true],
  ['one interest instead of K', { interests: 1 }, {}, true],
  ['one interest instead of a fixed K', { interests: 1 }, { interestGainMin: 0 }, false],
  ['another K', { interests: 2 }, {}, false],
  ['another dimension', { embeddingDim: 32 }, {}, false],
])('compares settings with a model that has %s', (_, trained, settings, expected) => {
  const wanted = { ...facetModel, ...settings };
  expect(canProduce(wanted, { ...wanted, ...trained })).toBe(expected);
});
