import { parseWith } from '@facet/platform';
import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { ExperimentsSettings, parseExperiments } from '../src/index.ts';

const Section = Type.Object({ experiments: ExperimentsSettings });
const parse = (experiments: unknown) =>
  parseExperiments(parseWith(Section, { experiments }, { source: 'facet.yaml' }).experiments);

const two = { control: {}, treatment: { merge: { by: 'round-robin' } } };

it('fills in defaults', () => {
  expect(parse([{ name: 'ranking', arms: two }])).toEqual([
    {
      name: 'ranking',
      from: -Infinity,
      before: Infinity,
      share: 1,
      salt: 'ranking',
      arms: [
        { name: 'control', weight: 1, settings: {} },
        { name: 'treatment', weight: 1, settings: { merge: { by: 'round-robin' } } },
      ],
      shadow: [],
    },
  ]);
  expect(parse(undefined)).toEqual([]);
});

it.each([
  [
    'a name twice',
    [
      { name: 'a', arms: two, to: '2026-01-01' },
      { name: 'a', arms: two, from: '2026-02-01' },
    ],
    'experiments.1.name',
  ],
  ['one arm', [{ name: 'a', arms: { control: {} } }], 'experiments.0.arms'],
  ['no arm at all', [{ name: 'a' }], 'experiments.0.arms'],
  [
    'a shadow arm with the name of an arm',
    [{ name: 'a', arms: two, shadow: { control: {} } }],
    'experiments.0.shadow.control',
  ],
  ['a weight of nothing', [{ name: 'a', arms: { ...two, third: { weight: 0 } } }], 'experiments.0.arms.third.weight'],
  ['a share above 1', [{ name: 'a', arms: two, share: 1.5 }], 'experiments.0.share'],
  ['an end before the beginning', [{ name: 'a', arms: two, from: '2026-02-01', to: '2026-01-01' }], 'experiments.0.to'],
  ['an end at the beginning', [{ name: 'a', arms: two, from: '2026-02-01', to: '2026-02-01' }], 'experiments.0.to'],
  ['a day that is none', [{ name: 'a', arms: two, from: '2026-02-31T00:00:99Z' }], 'experiments.0.from'],
  ['a name that is none', [{ name: 'A/B', arms: two }], 'experiments.0.name'],
  ['an arm whose name is none', [{ name: 'a', arms: { ...two, 'x y': {} } }], 'experiments.0.arms.x y'],
  ['an unknown parameter', [{ name: 'a', arms: { ...two, third: { limit: 3 } } }], 'experiments.0.arms.third.limit'],
  [
    'an unknown merge',
    [{ name: 'a', arms: { ...two, third: { merge: { by: 'luck' } } } }],
    'experiments.0.arms.third.merge',
  ],
  [
    'a bundle id that is none',
    [{ name: 'a', arms: { ...two, third: { bundle: 'latest' } } }],
    'experiments.0.arms.third.bundle',
  ],
  [
    'two at one time that set the same',
    [
      { name: 'a', arms: two },
      { name: 'b', arms: two },
    ],
    'experiments.1.arms',
  ],
])('refuses %s', (_, experiments, field) => {
  expect(() => parse(experiments)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`${field}`) as string }),
  );
});

it('allows the same setting in consecutive experiments, and different settings in concurrent ones', () => {
  const breadth = { control: {}, wide: { breadth: 400 } };
  expect(
    parse([
      { name: 'a', arms: two, to: '2026-02-01' },
      { name: 'b', arms: two, from: '2026-02-01' },
      { name: 'c', arms: breadth },
    ]),
  ).toHaveLength(3);
});
