import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@facet/testing';
import { expect, it } from 'vitest';
import { facetJson } from './facet.ts';

/** A folder next to the clone. */
const data = fileURLToPath(new URL('../../../shared/data/online-retail-2', import.meta.url));

it('Online Retail II is imported without a mapping', async (context) => {
  if (!existsSync(data)) context.skip(`There is no ${data}.`);
  const folder = await temporaryFolder();
  const files = ['--events', join(data, 'interactions.tsv.gz'), '--items', join(data, 'items.tsv')];
  const { report } = await facetJson<{ report: { events: { accepted: number; refused: number } } }>(folder, [
    'import',
    ...files,
  ]);
  expect(report.events).toMatchObject({ accepted: 788_247, refused: 0 });
  const { dataset } = await facetJson<{ dataset: { counts: Record<string, number> } }>(folder, ['dataset']);
  expect(dataset.counts).toMatchObject({ users: 5853, interactions: 766_037 });
}, 180_000);
