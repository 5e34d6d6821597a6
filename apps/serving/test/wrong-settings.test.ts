import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHome } from './fixtures.ts';
import type { Home } from './fixtures.ts';
import { startTestServer } from './test-server.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.remove());

const inBudget = '{ in-budget: { attributes: { price: { max: { context: budget } } } } }';

it.each([
  ['serving: { merge: { by: quota } }', 'serving.merge.floors'],
  ['serving: { merge: { by: diverse, lambda: 0.3 } }', 'serving.merge.attribute'],
  ['serving: { excludeSeen: { type: [purchase] } }', 'serving.excludeSeen'],
  ['experiments: [{ name: e, arms: { a: {}, b: { merge: { by: quota } } } }]', 'experiments.0.arms.b.merge.floors'],
  ['experiments: [{ name: e, arms: { a: {}, b: { filters: [dance] } } }]', 'experiments.0.arms.b.filters.0'],
  ['experiments: [{ name: e, shadow: { a: { filters: [dance] } } }]', 'experiments.0.shadow.a.filters.0'],
  [
    `serving: { filters: ${inBudget} }\nexperiments: [{ name: e, arms: { a: {}, b: { filters: [in-budget] } } }]`,
    'experiments.0.arms.b.filters.0',
  ],
])('refuses to start with %j', async (yaml, field) => {
  await writeFile(join(home.folder, 'facet.yaml'), `${yaml}\n`);
  await expect(startTestServer(home)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(`facet.yaml is not valid: ${field}`) as string,
    remedy: expect.stringContaining('Correct these fields') as string,
  });
});
