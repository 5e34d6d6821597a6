import { readFileSync } from 'node:fs';
import { parseWith } from '@facet/platform';
import { mergeModes, mergeNames } from '@facet/retrieval';
import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { findMergeFault } from '../src/merge.ts';
import { checkServingSettings, ServingSettings } from '../src/settings.ts';

const filters = {
  dance: { attributes: { genre: { in: ['dance'] } } },
  'in-budget': { attributes: { price: { max: { context: 'budget' } }, country: { in: { context: 'countries' } } } },
};
const settings = (serving: object = {}) =>
  parseWith(ServingSettings, { filters, ...serving }, { source: 'facet.yaml' });
const arm = (name: string, changes: object) => ({ name, settings: changes });
const problemsOf = (check: () => void): string => {
  try {
    check();
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', context: { source: 'shop.yaml' } });
    return (error as Error).message;
  }
  return 'none';
};

it.each([
  [{ by: 'quota' }, 'merge.floors: is missing, as is merge.shares. Set at least one of them'],
  [{ by: 'quota', shares: [0, 0] }, 'merge.shares: must have a positive share. Make one share positive'],
  [{ by: 'diverse', attribute: 'genre' }, 'merge.lambda: is missing. Set lambda and attribute, such as'],
  [{ by: 'diverse', lambda: 0.3 }, 'merge.attribute: is missing. Set lambda and attribute, such as'],
  [{ by: 'max', lambda: 0.3 }, 'merge.lambda: belongs to diverse, but merge.by is max. Remove it'],
])('refuses an impossible merge, with its position: %j', (merge, problem) => {
  const check = (serving: object, experiments: Parameters<typeof checkServingSettings>[1]): string =>
    problemsOf(() => checkServingSettings(settings(serving), experiments, 'shop.yaml'));
  expect(check({ merge }, [])).toContain(`shop.yaml is not valid: serving.${problem}`);
  const arms = [arm('control', {}), arm('other', { merge })];
  expect(check({}, [{ arms, shadow: [] }])).toContain(`shop.yaml is not valid: experiments.0.arms.other.${problem}`);
  const experiments = [
    { arms: [], shadow: [] },
    { arms: [], shadow: [arm('unseen', { merge })] },
  ];
  expect(check({}, experiments)).toContain(`experiments.1.shadow.unseen.${problem}`);
});

it('requires filters of arms to be declared and independent of the request', () => {
  const arms = [arm('control', { filters: ['dance'] }), arm('other', { filters: ['dance', 'in-budget', 'opera'] })];
  const message = problemsOf(() => checkServingSettings(settings(), [{ arms, shadow: [] }], 'shop.yaml'));
  expect(message).toBe(
    'shop.yaml is not valid: experiments.0.arms.other.filters.1: the filter in-budget needs context.budget, ' +
      'context.countries, which requests may lack. Declare a filter without context for the arm; ' +
      'experiments.0.arms.other.filters.2: "opera" is not declared in serving.filters. Use one of: dance, in-budget.',
  );
});

it('refuses filter names that a query could not contain', () => {
  const odd = { 'a,b': filters.dance, Dance: filters.dance, dance: filters.dance };
  const message = problemsOf(() => checkServingSettings(settings({ filters: odd }), [], 'shop.yaml'));
  expect(message).toContain('serving.filters.a,b: is not a valid name.');
  expect(message).toContain('serving.filters.Dance: is not a valid name.');
  expect(message).not.toContain('serving.filters.dance:');
});

it('accepts valid settings', () => {
  for (const merge of [
    { by: 'max' },
    { by: 'round-robin' },
    { by: 'quota', floors: [3] },
    { by: 'quota', shares: 'equal' },
    { by: 'diverse', lambda: 0.3, attribute: 'genre' },
  ]) {
    const arms = [arm('control', { merge }), arm('other', { merge, filters: ['dance'] })];
    expect(() => checkServingSettings(settings({ merge }), [{ arms, shadow: arms }])).not.toThrow();
  }
});

it.each([{ by: 'quota', share: 'equal' }, { by: 'best' }, { by: 'max', lamda: 1 }, {}])(
  'the schema refuses %j',
  (merge) => {
    expect(() => settings({ merge })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  },
);

it.each(mergeNames)('the merge mode %s has a valid example, a row in docs/api.md, and its own options', (by) => {
  const { example } = mergeModes[by];
  expect(settings({ merge: { by, ...example } }).merge).toEqual({ by, ...example });
  expect(findMergeFault({ by, ...example })).toBeUndefined();
  expect(readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8')).toContain(`{"by": "${by}"`);
  for (const other of mergeNames) {
    for (const [option, value] of Object.entries(mergeModes[other].example)) {
      if (option in mergeModes[by].options(Type)) continue;
      expect(findMergeFault({ by, ...example, [option]: value })).toMatchObject({ field: `merge.${option}` });
    }
  }
});
