import { parseWith } from '@facet/platform';
import { expect, it } from 'vitest';
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
  [{ by: 'diverse', attribute: 'genre' }, 'merge.lambda: is missing. Set both fields'],
  [{ by: 'diverse', lambda: 0.3 }, 'merge.attribute: is missing. Set both fields'],
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
