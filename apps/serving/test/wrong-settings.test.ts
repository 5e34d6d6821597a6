import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { upsertItems } from '@facet/lake';
import { expect, it } from 'vitest';
import { homeOfFile } from './fixtures.ts';
import { startTestServer } from './test-server.ts';

const home = await homeOfFile();

const inBudget = '{ in-budget: { attributes: { price: { max: { context: budget } } } } }';

it.each([
  ['serving: { merge: { by: quota } }', 'serving.merge.floors'],
  ['serving: { merge: { by: diverse, lambda: 0.3 } }', 'serving.merge.attribute'],
  ['serving: { excludeSeen: { type: [purchase] } }', 'serving.excludeSeen'],
  ['experiments: [{ name: e, arms: { a: {}, b: { merge: { by: quota } } } }]', 'experiments.0.arms.b.merge.floors'],
  ['experiments: [{ name: e, arms: { a: {}, b: { filters: [dance] } } }]', 'experiments.0.arms.b.filters.0'],
  ['experiments: [{ name: e, shadow: { a: { filters: [dance] } } }]', 'experiments.0.shadow.a.filters.0'],
  ['refresh: { cron: hourly }', 'refresh.cron'],
  [
    `serving: { filters: ${inBudget} }\nexperiments: [{ name: e, arms: { a: {}, b: { filters: [in-budget] } } }]`,
    'experiments.0.arms.b.filters.0',
  ],
])('refuses to start with %j', async (yaml, field) => {
  await writeFile(join(home.folder, 'facet.yaml'), `${yaml}\n`);
  await expect(startTestServer(home)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(`, ${field}`) as string,
    remedy: expect.stringMatching(/^Correct (this field|these fields) in /) as string,
  });
});

it('starts with a filter on an attribute that no item of the catalog has, and logs a warning with its line', async () => {
  const filters = '{ dance: { attributes: { genre: { in: [dance] } } }, tall: { attributes: { height: { min: 2 } } } }';
  await writeFile(join(home.folder, 'facet.yaml'), `serving:\n  filters: ${filters}\n`);
  await upsertItems(join(home.folder, 'catalog'), [{ itemId: '1', attributes: { genre: ['dance'] } }]);
  const { logLines } = await startTestServer(home);
  await expect
    .poll(() => logLines.find(({ msg }) => msg === 'an attribute is not in the catalog'))
    .toMatchObject({
      level: 40,
      file: join(home.folder, 'facet.yaml'),
      line: 2,
      field: 'serving.filters.tall.attributes.height',
      problem: 'no item of the catalog has the attribute height',
      remedy: 'Correct the name, or import items with this attribute.',
    });
});
