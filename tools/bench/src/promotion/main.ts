import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef } from '@facet/artifacts';
import { createScratchFolder, option, readCommandLine } from '@facet/local-services';
import { median } from '../figures.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- promotion',
  summary: 'Measure promotion and rollback with a long promotion log',
  options: {
    records: option.number('Records in the promotion log; two per day for 7 years', 5_000),
    megabytes: option.number('Size of the large bundle; a million items of 64 dimensions take about 800', 800),
  },
  notes: `The benchmark reads the current bundle, rolls back a bundle of 2 MB and one of --megabytes, and promotes a bundle by a run.

Exit code: 0 when the measurement is complete.`,
});

const { path: root } = await createScratchFolder('bench-promotion');
const store = createFolderArtifactStore(root);
const small = [await putBundle(1, 2), await putBundle(2, 2)] as const;
await fillLog(values.records, small);
await report('current bundle', 15, async () => store.readRef('current'));
await report('rollback, a bundle of 2 MB', 15, async () => store.rollback());
let run = 0;
await report('promotion by a run', 15, async () =>
  store.promote(small[run % 2]!, { run: { runId: `bench-${run++}`, day: '2026-01-31' } }),
);
for (const content of [3, 4]) await store.promote(await putBundle(content, values.megabytes));
await report(`rollback, a bundle of ${values.megabytes} MB`, 5, async () => store.rollback());

async function putBundle(content: number, megabytes: number): Promise<ArtifactRef> {
  const bytes = Buffer.alloc(megabytes * 1_000_000, content);
  return store.put('bundle', async (folder) => writeFile(join(folder, 'items'), bytes), {});
}

/** Writes records in the format of the store, without an fsync per record. */
async function fillLog(count: number, bundles: readonly [ArtifactRef, ArtifactRef]): Promise<void> {
  const folder = join(root, 'promotions');
  await mkdir(folder, { recursive: true });
  for (let number = 1; number <= count; number++) {
    const [ref, previous] = number % 2 === 0 ? bundles : [bundles[1], bundles[0]];
    const run = { runId: `run-${number}`, day: '2026-01-30' };
    const record = { format: 1, number, at: number, by: 'bench', kind: 'promote', ref, previous, run };
    await writeFile(join(folder, `${String(number).padStart(10, '0')}.json`), JSON.stringify(record));
  }
}

async function report(what: string, times: number, work: () => Promise<unknown>): Promise<void> {
  const ms: number[] = [];
  for (let turn = 0; turn < times; turn++) {
    const start = performance.now();
    await work();
    ms.push(performance.now() - start);
  }
  console.log(
    `${what.padEnd(30)} median ${median(ms).toFixed(1).padStart(7)} ms, slowest ${Math.max(...ms).toFixed(1)} ms`,
  );
}
