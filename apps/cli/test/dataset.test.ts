import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openLakeWriter } from '@facet/lake';
import { hashUser } from '@facet/schemas';
import { expect, it } from 'vitest';
import { run } from './run.ts';
import { temporaryFolder } from '@facet/testing';

async function importShop(folder: string): Promise<string> {
  const start = 1_700_000_000;
  const rows = Array.from({ length: 60 }, (_, row) => `u${row % 7},i${row % 5},view,${start + row * 3_600}`);
  const positives = Array.from({ length: 60 }, (_, row) => `u${row % 7},i${row % 5},click,${start + row * 3_600}`);
  const program = Array.from({ length: 24 }, (_, hour) => `program,i0,click,${start + hour * 3_600}`);
  const path = join(folder, 'events.csv');
  await writeFile(path, ['user_id,item_id,type,timestamp', ...rows, ...positives, ...program].join('\n'));
  const home = join(folder, 'home');
  expect((await run(['import', '--events', path, '--home', home])).code).toBe(0);
  return home;
}

it('lists the events that the rules excluded', async () => {
  const folder = await temporaryFolder();
  const home = await importShop(folder);
  const config = join(folder, 'facet.yaml');
  await writeFile(config, 'interactions: { bots: { noSleepHours: 15 } }\n');
  const { code, out } = await run(['dataset', '--home', home, '--config', config]);
  expect(code).toBe(0);
  expect(out).toContain('Excluded events: 60 not positive (interactions.positives), 24 of 1 bot (interactions.bots).');
});

it('reports the progress of Spark', async () => {
  const folder = await temporaryFolder();
  const home = await importShop(folder);
  const spark = join(folder, 'spark');
  await mkdir(join(spark, 'bin'), { recursive: true });
  await writeFile(join(spark, 'bin', 'spark-sql'), '#!/bin/sh\necho Time taken: 1 seconds >&2\nexit 1\n', {
    mode: 0o755,
  });
  const config = join(folder, 'facet.yaml');
  await writeFile(config, `dataset: { spark: { master: local, home: ${spark} } }\n`);
  let minutes = 0;
  const { err } = await run(['dataset', '--home', home, '--config', config], { now: () => 60_000 * minutes++ });
  expect(err).toMatch(/^dataset +\d+ %, 1 of \d+ queries of Spark finished$/m);
});

it('rebuilds an earlier dataset and compares the bytes', { tags: 'full' }, async () => {
  const folder = await temporaryFolder();
  const home = await importShop(folder);
  const built = await run(['dataset', '--home', home, '--json']);
  const { datasetId } = JSON.parse(built.out) as { datasetId: string };
  const again = await run(['dataset', '--like', datasetId.slice(0, 8), '--home', home]);
  expect(again).toMatchObject({
    code: 0,
    out: expect.stringContaining(`${datasetId} rebuilt: the bytes are the same`),
  });

  const writer = await openLakeWriter(join(home, 'lake'));
  const erasure = { erasureId: 'e', userHash: hashUser('u1'), requestedAt: Date.now(), requestedBy: 'test' };
  writer.addErasure({ ...erasure, sessionHashes: [] });
  await writer.commit();
  await writer.close();
  const other = await run(['dataset', '--like', datasetId, '--home', home]);
  expect(other.code).toBe(4);
  expect(other.err).toContain('1 user was erased since');
  const json = await run(['dataset', '--like', datasetId, '--home', home, '--json']);
  expect(JSON.parse(json.out)).toMatchObject({ isSame: false });
  expect((await run(['dataset', '--like', 'ffff', '--home', home])).code).toBe(4);
});
