import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAppError } from '@facet/platform';
import fc from 'fast-check';
import { temporaryFolder } from '@facet/testing';
import { expect, test } from 'vitest';
import { createFolderArtifactStore } from '../src/index.ts';
import type { ArtifactRef, ArtifactStore } from '../src/index.ts';
import { expectSoundHistory } from './promotion-history.ts';

async function putBundles(store: ArtifactStore, count: number): Promise<ArtifactRef[]> {
  const refs: ArtifactRef[] = [];
  for (let n = 0; n < count; n++) {
    refs.push(await store.put('bundle', (folder) => writeFile(join(folder, 'n'), String(n)), {}));
  }
  return refs;
}

test('writes one file per record with who, when, why and the previous artifact, and leaves the staging folder empty', async () => {
  const root = await temporaryFolder();
  const store = createFolderArtifactStore(root);
  const [one, two] = await putBundles(store, 2);
  await store.promote(one!, { by: 'ada', at: 5 });
  const run = { runId: 'refresh-2026-01-31', day: '2026-01-31' };
  await store.promote(two!, { by: 'indexer', reason: 'the gate passed', run, at: 7 });
  expect(await readdir(join(root, 'promotions'))).toEqual(['0000000001.json', '0000000002.json']);
  expect(await readdir(join(root, 'staging'))).toEqual([]);
  expect(await store.promotions()).toEqual([
    { format: 1, number: 1, kind: 'promote', at: 5, by: 'ada', ref: one, previous: null },
    {
      format: 1,
      number: 2,
      kind: 'promote',
      at: 7,
      by: 'indexer',
      reason: 'the gate passed',
      run,
      ref: two,
      previous: one,
    },
  ]);
});

test.each([
  ['cut', (path: string) => writeFile(path, '{"format":1,"number":3,"kind":"promote","ref":{"kind"')],
  ['empty', (path: string) => writeFile(path, '')],
  ['zeroed', (path: string) => writeFile(path, Buffer.alloc(200))],
  ['of another format', (path: string) => writeFile(path, '{"format":2,"number":3}')],
  ['a folder', (path: string) => mkdir(path)],
])(
  'ignores a record that is %s: readers see the one before, and the next record gets a new number',
  async (_, damage) => {
    const root = await temporaryFolder();
    const store = createFolderArtifactStore(root);
    const [one, two, three] = await putBundles(store, 3);
    await store.promote(one!);
    await store.promote(two!);
    await damage(join(root, 'promotions', '0000000003.json'));
    await writeFile(join(root, 'promotions', 'notes.txt'), 'not ours');
    await writeFile(join(root, 'promotions', '3.json'), '{}');
    expect(await store.readRef('current')).toEqual(two);
    expect(await store.rollback()).toEqual(one);
    const { number, previous } = await store.promote(three!);
    expect([number, previous]).toEqual([5, one]);
    expect((await store.promotions()).map((record) => record.number)).toEqual([1, 2, 4, 5]);
  },
);

test('concurrent promoters agree on one history that contains all of them', async () => {
  const root = await temporaryFolder();
  const refs = await putBundles(createFolderArtifactStore(root), 12);
  await Promise.all(refs.map((ref) => createFolderArtifactStore(root).promote(ref)));
  const records = await expectSoundHistory(createFolderArtifactStore(root));
  expect(new Set(records.map(({ ref }) => ref!.id)).size).toBe(12);
});

const day = fc.constantFrom('2026-01-01', '2026-01-02', '2026-01-03');
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('promote' as const), day, bundle: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fence' as const), day, bundle: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), day, bundle: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rollback' as const), day, bundle: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('override' as const), day, bundle: fc.nat(3) }) },
);

test('keeps the history consistent under concurrent runs and manual changes', async () => {
  const root = await temporaryFolder();
  const refs = await putBundles(createFolderArtifactStore(root), 4);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { minLength: 2, maxLength: 4 }), async (actors) => {
      await rm(join(root, 'promotions'), { recursive: true, force: true });
      await Promise.all(
        actors.map(async (steps, actor) => {
          const store = createFolderArtifactStore(root);
          for (const { kind, day, bundle } of steps) {
            const run = { runId: `${day}-${actor}`, day };
            await (
              kind === 'fence'
                ? store.fence(run)
                : kind === 'cancel'
                  ? store.cancel(run)
                  : kind === 'rollback'
                    ? store.rollback()
                    : store.promote(refs[bundle]!, kind === 'override' ? {} : { run })
            ).catch((error: unknown) => {
              if (!isAppError(error, 'PROMOTION_SUPERSEDED') && !isAppError(error, 'ARTIFACT_NO_PREVIOUS')) throw error;
            });
          }
        }),
      );
      await expectSoundHistory(createFolderArtifactStore(root));
    }),
    { numRuns: 40 },
  );
});

test('keeps the history consistent when writers of several processes are killed', { tags: 'full' }, async () => {
  const root = await temporaryFolder();
  const store = createFolderArtifactStore(root);
  await putBundles(store, 4);
  let length = 0;
  for (const delayMs of [3, 31]) {
    const writers = ['a', 'b', 'c'].map((name) => startWriter(root, `${name}${delayMs}`));
    while ((await store.promotions()).length < length + 12) await sleep(5);
    await sleep(delayMs);
    for (const writer of writers) writer.kill('SIGKILL');
    await Promise.all(writers.map((writer) => writer.exitCode ?? once(writer, 'exit')));
    const records = await expectSoundHistory(store);
    expect(records.length).toBeGreaterThan(length);
    length = records.length;
    await store.prune('bundle', { keep: 3 });
    expect(await readdir(join(root, 'staging'))).toEqual([]);
  }
});

function startWriter(root: string, name: string) {
  const script = fileURLToPath(new URL('./endless-promoter.ts', import.meta.url));
  const args = ['--conditions=@facet/source', '--import', 'tsx', script, root, name];
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
