// cspell:ignore purchse
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { upsertItems, upsertUsers } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { createLogger } from '@facet/platform';
import type { ConfigProblem } from '@facet/platform';
import { checkFacetConfig, readFacetConfig, warnOfMissingAttributes } from '../src/index.ts';

async function fileOf(yaml: string): Promise<string> {
  const path = join(await temporaryFolder(), 'facet.yaml');
  await writeFile(path, yaml);
  return path;
}

/** Returns the problems as `line field: problem`. */
async function problemsIn(yaml: string): Promise<string[]> {
  const { config, problems } = await checkFacetConfig(await fileOf(yaml));
  expect(config === undefined).toBe(problems.length > 0);
  return problems.map(toText);
}

async function warningsIn(yaml: string, catalogFolder: string): Promise<string[]> {
  const { config, problems, warnings } = await checkFacetConfig(await fileOf(yaml), { catalogFolder });
  expect(problems).toEqual([]);
  expect(config).toBeDefined();
  return warnings.map(toText);
}

function toText({ line, path, problem }: ConfigProblem): string {
  return `${line} ${path.join('.')}: ${problem}`;
}

describe('contradictions of facet.yaml', () => {
  it.each([
    ['interactions: { positives: purchase >= }', '1 interactions.positives: Invalid rule'],
    [
      'interactions: { positives: wishlist or purchase }',
      '1 interactions.positives: wishlist is not a declared event type',
    ],
    ['interactions:\n  positives: purchse or click', '2 interactions.positives: purchse is not a declared event type'],
    ['mapping:\n  typeNames: { kauf: purchse }', '2 mapping.typeNames.kauf: purchse is not a declared event type'],
    ['refresh:\n  cron: at noon', '2 refresh.cron: "at noon" is not a schedule'],
    ['mapping:\n  returns: drop', '2 mapping.returns: must be'],
    ['mapping:\n  decimal: ";"', '2 mapping.decimal: must be'],
    ['mapping:\n  defaultType: wish', '2 mapping.defaultType: wish is not'],
    ['mapping:\n  typeNames:\n    kauf: bought', '3 mapping.typeNames.kauf: bought is not'],
    ['serving:\n  excludeSeen: { types: [purchase, wish] }', '2 serving.excludeSeen.types.1: wish is not'],
    ['mapping:\n  timeZone: Europe/Atlantis', '2 mapping.timeZone: "Europe/Atlantis" is not a time zone'],
    ['refresh:\n  timeZone: Europe/Atlantis', '2 refresh.timeZone: "Europe/Atlantis" is not a time zone'],
    ['refresh:\n  cron: no cron', '2 refresh.cron: "no cron" is not a schedule: it has fewer than five fields'],
    ['refresh:\n  cron: ""', '2 refresh.cron: "" is not a schedule'],
    ['refresh:\n  cron: 61 2 * * *', '2 refresh.cron: "61 2 * * *" is not a schedule'],
    [
      'dataset:\n  spark:\n    master: yarn\n    settings: { spark.executor.cores: 4, spark.sql.ansi.enabled: true }',
      '4 dataset.spark.settings.spark.sql.ansi.enabled: has no effect, because Facet sets it',
    ],
    [
      'dataset:\n  spark: { master: yarn, settings: { spark.master: local } }',
      '2 dataset.spark.settings.spark.master: has no effect',
    ],
    ['split:\n  testFrom: 2026-02-01', '2 split.testFrom: needs split.validationFrom'],
    ['split:\n  validationDays: 3', '2 split.validationDays: needs split.testDays'],
    ['split:\n  testDays: 3\n  validationFrom: 2026-02-01', '1 split: contains both days'],
    [
      'split:\n  validationFrom: 2026-02-09\n  testFrom: 2026-02-01',
      '3 split.testFrom: 2026-02-01 is not after split.validationFrom',
    ],
    [
      'split:\n  validationFrom: 2026-13-45\n  testFrom: 2026-02-01',
      '2 split.validationFrom: 2026-13-45 is not a date',
    ],
    ['split:\n  testShare: 0.5\n  validationShare: 0.5', '3 split.validationShare: 0.5 and split.testShare 0.5 leave'],
    ['model:\n  variant: mnd', '2 model.variant: '],
    ['model:\n  intrests: 3', '2 model.intrests: is not a known field'],
    ['training:\n  warm: { epochs: 0 }', '2 training.warm.epochs: must be >= 1'],
    ['model:\n  extractor: { kind: mean }', '1 model: The extractor mean makes one interest per user, not 4'],
    ['model:\n  interests: 8', '2 model.interests: 8 is above 6, the most interests of a user with 100 behaviors'],
    ['model:\n  sequenceLength: 10\n  interests: 4', '3 model.interests: 4 is above 3'],
    [
      'serving:\n  merge:\n    by: quota\n    floors: [1, 1, 1, 1, 1]',
      '4 serving.merge.floors: has an entry for each of 5 interests, but model.interests is 4',
    ],
    [
      'experiments:\n- name: e\n  arms:\n    a: {}\n    b: { merge: { by: quota, shares: [1, 1, 1, 1, 1] } }',
      '5 experiments.0.arms.b.merge.shares: has an entry for each of 5 interests',
    ],
    ['serving:\n  merge: { by: quota }', '2 serving.merge.floors: is missing, as is merge.shares'],
    [
      'serving:\n  filters:\n    cheap:\n      attributes:\n        price: { min: 9, max: 3 }',
      '5 serving.filters.cheap.attributes.price: min 9 is above max 3',
    ],
    [
      'experiments:\n- { name: a, arms: { x: {}, y: { breadth: 9 } } }\n- { name: b, arms: { x: {}, y: { breadth: 8 } } }',
      '3 experiments.1.arms: breadth is also set by the concurrent experiment a',
    ],
    [
      'exposures: { enabled: false }\nexperiments:\n- name: a\n  shadow:\n    unseen: {}',
      '5 experiments.0.shadow.unseen: has no effect',
    ],
  ])('%j is refused with its line', async (yaml, problem) => {
    const problems = await problemsIn(`${yaml}\n`);
    expect(problems.map((each) => each.slice(0, problem.length))).toEqual([problem]);
  });

  it('suggests the event type that a misspelled one probably means', async () => {
    const { problems } = await checkFacetConfig(await fileOf('interactions: { positives: purchse }\n'));
    expect(problems[0]?.remedy).toBe('Did you mean purchase? Correct it, or add purchse to eventTypes.');
  });

  it.each([
    'index: { recallMin: 0.9 }',
    'profiles: { eventsMax: 50 }',
    'model: { sequenceLength: 600 }',
    'experiments: [{ name: e, to: 2020-01-01, arms: { a: {}, b: { merge: { by: quota, floors: [1, 1, 1, 1, 1] } } } }]',
    'exposures: { enabled: false }\nexperiments: [{ name: e, to: 2020-01-01, shadow: { a: {} } }]',
    'refresh: { cron: off }',
    'model: { sequenceLength: 10 }',
    'model: { variant: comirec-sa }',
    'eventTypes: [wishlist]\ninteractions: { positives: wishlist }\nserving: { excludeSeen: { types: [wishlist] } }',
    'experiments: [{ name: e, arms: { a: {}, b: { bundle: 0123456789abcdef0123456789abcdef, merge: { by: quota, floors: [1, 1, 1, 1, 1] } } } }]',
  ])('%j is accepted', async (yaml) => {
    expect(await problemsIn(yaml)).toEqual([]);
  });

  it('reports all problems of all sections in the order of their lines, also next to invalid sections', async () => {
    const yaml = 'gate:\n  usersMax: 10\nindex: { kind: tree, recallMin: 0.5 }\nspilt: {}\nmodel:\n  interests: 8\n';
    expect(await problemsIn(yaml)).toEqual([
      '2 gate.usersMax: is no longer a setting',
      expect.stringContaining('3 index.kind: must be'),
      '4 spilt: is not a known field (did you mean split?)',
      expect.stringContaining('6 model.interests: 8 is above'),
    ]);
    expect(await problemsIn('- a\n- b\n')).toEqual(['undefined : must be object']);
  });

  it('names file, line and remedy in the error of an app', async () => {
    const path = await fileOf('\nsplit:\n  testDays: 7\n');
    await expect(readFacetConfig(path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${path} is not valid: line 3, split.testDays: needs split.validationDays. Set split.validationDays, or remove split.testDays to split by shares.`,
      remedy: `Correct this field in ${path}.`,
    });
  });
});

describe('attributes that facet.yaml names', () => {
  const yaml = `features: { items: [brand, title, colour], users: [age, city] }
popularity: { segments: [city] }
serving:
  merge: { by: diverse, lambda: 1, attribute: genre }
  filters:
    local: { attributes: { brand: { in: [a] }, country: { in: [b] } } }
experiments:
  - name: e
    arms: { a: {}, b: { explore: { share: 0.1 } } }
    shadow: { c: { merge: { by: diverse, lambda: 1, attribute: shade } } }
`;

  it('are warnings if the catalog lacks them, unless the experiment has ended', async () => {
    const catalogFolder = join(await temporaryFolder(), 'catalog');
    await upsertItems(catalogFolder, [
      { itemId: '1', attributes: { brand: 'a' } },
      { itemId: '2', attributes: { genre: ['x'] } },
    ]);
    await upsertUsers(catalogFolder, [{ userId: '1', attributes: { age: 3 } }]);
    const item = 'no item of the catalog has the attribute';
    const user = 'no user of the catalog has the attribute';
    const ended = `  - { name: f, to: 2020-01-01, shadow: { d: { merge: { by: diverse, lambda: 1, attribute: gone } } } }\n`;
    expect(await warningsIn(yaml + ended, catalogFolder)).toEqual([
      `1 features.items.2: ${item} colour`,
      `1 features.users.1: ${user} city`,
      `2 popularity.segments.0: ${user} city`,
      `6 serving.filters.local.attributes.country: ${item} country`,
      `10 experiments.0.shadow.c.merge.attribute: ${item} shade`,
    ]);
  });

  it('are not checked without a catalog, or before it has items and users', async () => {
    const catalogFolder = join(await temporaryFolder(), 'catalog');
    expect(await problemsIn(yaml)).toEqual([]);
    expect(await warningsIn(yaml, catalogFolder)).toEqual([]);
    await mkdir(catalogFolder);
    expect(await warningsIn(yaml, catalogFolder)).toEqual([]);
  });

  it('do not stop an app whose catalog is unreadable', async () => {
    const catalogFolder = await temporaryFolder();
    await writeFile(join(catalogFolder, 'items.jsonl'), '{"item\n');
    const lines: string[] = [];
    const logger = createLogger({ name: 'test', destination: { write: (line) => void lines.push(line) } });
    await warnOfMissingAttributes(await fileOf(yaml), { catalogFolder, logger });
    expect(lines).toEqual([expect.stringContaining('cannot check the attributes')]);
  });
});
