import type { ConfigProblem } from '@facet/platform';
import type { FacetConfig } from '../facet-config.ts';

const pairs = [
  ['validationFrom', 'testFrom'],
  ['validationDays', 'testDays'],
] as const;

/** Returns the problems of a split: a missing date or number of days, both kinds together, or windows in the wrong order. */
export function findSplitProblems(split: FacetConfig['split']): ConfigProblem[] {
  const given = pairs.filter((pair) => pair.some((name) => split[name] !== undefined));
  if (given.length === 2) {
    return [
      {
        path: ['split'],
        problem: 'contains both days (testDays, validationDays) and dates (testFrom, validationFrom)',
        remedy: 'Keep one of the two pairs, or remove both to split by shares.',
      },
    ];
  }
  for (const pair of given) {
    const missing = pair.find((name) => split[name] === undefined);
    const other = pair.find((name) => split[name] !== undefined)!;
    if (missing === undefined) continue;
    return [
      {
        path: ['split', other],
        problem: `needs split.${missing}`,
        remedy: `Set split.${missing}, or remove split.${other} to split by shares.`,
      },
    ];
  }
  const { validationFrom, testFrom, validationShare, testShare } = split;
  if (validationFrom !== undefined && testFrom !== undefined) {
    return findDateProblems({ validationFrom, testFrom });
  }
  if (given.length > 0 || validationShare + testShare < 1) return [];
  return [
    {
      path: ['split', 'validationShare'],
      problem: `${validationShare} and split.testShare ${testShare} leave no interactions for the training`,
      remedy: 'Lower one of the two.',
      related: [['split', 'testShare']],
    },
  ];
}

function findDateProblems(dates: { readonly validationFrom: string; readonly testFrom: string }): ConfigProblem[] {
  const invalid = pairs[0].filter((name) => Number.isNaN(Date.parse(dates[name])));
  if (invalid.length > 0) {
    return invalid.map((name) => ({
      path: ['split', name],
      problem: `${dates[name]} is not a date`,
      remedy: 'Write 2026-02-01 or 2026-02-01T12:00:00Z.',
    }));
  }
  const { validationFrom, testFrom } = dates;
  if (Date.parse(validationFrom) < Date.parse(testFrom)) return [];
  return [
    {
      path: ['split', 'testFrom'],
      problem: `${testFrom} is not after split.validationFrom, ${validationFrom}`,
      remedy: 'Exchange the two, or remove both to split by shares.',
      related: [['split', 'validationFrom']],
    },
  ];
}
