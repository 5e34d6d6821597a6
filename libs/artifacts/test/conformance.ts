import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError } from '@facet/platform';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ArtifactRef, ArtifactStore } from '../src/index.ts';
import type { ArtifactMetadata } from '../src/manifest.ts';
import { expectSoundHistory } from './promotion-history.ts';

interface TestedStore {
  readonly store: ArtifactStore;
  /** Opens the same store again, as another process would. */
  openAgain(): Promise<ArtifactStore>;
  /** Lets `change` alter or remove a stored file of an artifact, also the manifest, and forgets copies of it. */
  damage(ref: ArtifactRef, file: string, change: (path: string) => Promise<void>): Promise<void>;
}

/**
 * Behavior that every adapter of {@link ArtifactStore} must have. `createStore` returns an empty store for each test.
 */
export function describeArtifactStore(name: string, createStore: () => Promise<TestedStore>): void {
  describe(name, () => {
    let store: ArtifactStore;
    let openAgain: TestedStore['openAgain'];
    let damage: TestedStore['damage'];
    beforeEach(async () => {
      ({ store, openAgain, damage } = await createStore());
    });

    async function putText(text: string, metadata: ArtifactMetadata = {}, kind = 'bundle'): Promise<ArtifactRef> {
      return store.put(
        kind,
        async (folder) => {
          await writeFile(join(folder, 'a.txt'), text);
          await writeFile(join(folder, 'b.bin'), Buffer.alloc(1000, text));
        },
        metadata,
      );
    }

    test('opens an artifact with its metadata', async () => {
      const ref = await putText('one', { rows: 3, nested: { b: [1, null], a: 'x' } });
      const { manifest } = await store.open(ref);
      expect(manifest.files.map(({ path, bytes }) => [path, bytes])).toEqual([
        ['a.txt', 3],
        ['b.bin', 1000],
      ]);
      expect(manifest.metadata).toEqual({ rows: 3, nested: { b: [1, null], a: 'x' } });
    });

    test('gives equal content one id, and other bytes, metadata or kinds another id', async () => {
      const ref = await putText('one', { a: 1, b: 2 });
      expect(await putText('one', { b: 2, a: 1 })).toEqual(ref);
      expect(await store.list('bundle')).toHaveLength(1);
      const others = [
        await putText('two', { a: 1, b: 2 }),
        await putText('one', { a: 1 }),
        await putText('one', { a: 1, b: 2 }, 'model'),
      ];
      expect(new Set([ref, ...others].map(({ id }) => id)).size).toBe(4);
    });

    test('stores equal content once when it is put concurrently', async () => {
      const refs = await Promise.all(Array.from({ length: 8 }, () => putText('same')));
      expect(new Set(refs.map(({ id }) => id)).size).toBe(1);
      expect(await store.list('bundle')).toHaveLength(1);
      await store.open(refs[0]!);
    });

    test('stores nothing when the writer throws', async () => {
      const failing = store.put(
        'bundle',
        async (folder) => {
          await writeFile(join(folder, 'half'), 'x');
          throw new Error('disk on fire');
        },
        {},
      );
      await expect(failing).rejects.toThrow('disk on fire');
      expect(await store.list('bundle')).toEqual([]);
    });

    test.each([
      ['truncated', 'b.bin', (path: string) => truncate(path, 999)],
      ['altered', 'b.bin', (path: string) => writeFile(path, Buffer.alloc(1000, 'x'))],
      ['lengthened', 'a.txt', (path: string) => appendFile(path, 'x')],
      ['missing', 'a.txt', (path: string) => rm(path)],
      ['altered manifest', 'manifest.json', (path: string) => appendFile(path, ' ')],
    ])(
      'refuses to open or promote an artifact with a file that is %s, names the file, and heals it with a new put',
      async (_, file, change) => {
        const ref = await putText('one');
        await damage(ref, file, change);
        for (const attempt of [() => store.open(ref), () => store.promote(ref)]) {
          const error: unknown = await attempt().catch((thrown: unknown) => thrown);
          expect(isAppError(error, 'ARTIFACT_CORRUPT')).toBe(true);
          expect(String(error)).toContain(file);
        }
        expect(await store.readRef('current')).toBeUndefined();
        expect(await putText('one')).toEqual(ref);
        await store.open(ref);
      },
    );

    test('verifies only the files that the caller reads', async () => {
      const ref = await putText('one');
      await damage(ref, 'b.bin', (path) => writeFile(path, Buffer.alloc(1000, 'x')));
      await store.open(ref, { files: ['a.txt'] });
      await expect(store.open(ref, { files: ['b.bin'] })).rejects.toThrow('b.bin');
    });

    test('names an artifact that does not exist', async () => {
      const absent = { kind: 'bundle', id: '0'.repeat(32) };
      for (const attempt of [
        () => store.open(absent),
        () => store.promote(absent),
        () => store.writeRef('x', absent),
      ]) {
        const error: unknown = await attempt().catch((thrown: unknown) => thrown);
        expect(isAppError(error, 'ARTIFACT_NOT_FOUND')).toBe(true);
      }
      expect(await store.list('bundle')).toEqual([]);
    });

    test('refuses names and ids that could leave the store', async () => {
      await expect(putText('x', {}, '../up')).rejects.toThrow(/cannot be the kind/);
      await expect(putText('x', {}, 'refs')).rejects.toThrow(/cannot be the kind/);
      await expect(store.open({ kind: 'bundle', id: '../../etc' })).rejects.toThrow(/not an artifact id/);
      await expect(putText('x', {}, 'promotions')).rejects.toThrow(/cannot be the kind/);
      await expect(store.readRef('a/b')).rejects.toThrow(/cannot be the name/);
    });

    test('refuses metadata that JSON cannot represent, naming its path', async () => {
      await expect(putText('x', { metrics: { recall: NaN } })).rejects.toThrow(/metadata.metrics.recall/);
    });

    test('promote moves current to previous, repeating it changes nothing, and rollback swaps them', async () => {
      const [one, two] = [await putText('one'), await putText('two')];
      await store.promote(one);
      expect(await store.readRef('previous')).toBeUndefined();
      await store.promote(two);
      await store.promote(two);
      expect(await store.readRef('current')).toEqual(two);
      expect(await store.readRef('previous')).toEqual(one);
      expect(await store.rollback()).toEqual(one);
      expect(await store.readRef('current')).toEqual(one);
      expect(await store.rollback()).toEqual(two);
    });

    test('rolls back to any artifact that was current, and to no other', async () => {
      const [one, two] = [await putText('one'), await putText('two')];
      await store.promote(one);
      await store.promote(two);
      await store.rollback();
      expect(await store.rollback({ to: two.id })).toEqual(two);
      expect(await store.readRef('previous')).toEqual(one);
      for (const to of [two.id, '0'.repeat(32)]) {
        await expect(store.rollback({ to })).rejects.toMatchObject({ code: 'ARTIFACT_NO_PREVIOUS' });
      }
    });

    test('refuses a rollback without a previous artifact', async () => {
      await store.promote(await putText('one'));
      const error: unknown = await store.rollback().catch((thrown: unknown) => thrown);
      expect(isAppError(error, 'ARTIFACT_NO_PREVIOUS')).toBe(true);
    });

    test('promotes and rolls back despite a corrupt current artifact, but never to a corrupt previous one', async () => {
      const [one, two, three] = [await putText('one'), await putText('two'), await putText('three')];
      await store.promote(one);
      await store.promote(two);
      await damage(two, 'manifest.json', rm);
      expect(await store.rollback()).toEqual(one);
      await store.promote(three);
      expect(await store.readRef('previous')).toEqual(one);
      await damage(one, 'a.txt', rm);
      await expect(store.rollback()).rejects.toThrow(/a\.txt is missing/);
      expect(await store.readRef('current')).toEqual(three);
    });

    async function codeOf(attempt: Promise<unknown>): Promise<string | undefined> {
      const error: unknown = await attempt.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      return isAppError(error) ? error.code : undefined;
    }

    test('redacts a file again and again, keeps the id, and never restores the content from before', async () => {
      const ref = await putText('ada bob eve');
      for (const user of ['ada', 'bob', 'ada']) {
        const { folder } = await store.open(ref);
        await store.redact(ref, 'a.txt', async (target) => {
          await writeFile(target, (await readFile(join(folder, 'a.txt'), 'utf8')).replace(user, 'erased'));
        });
      }
      expect(await putText('ada bob eve')).toEqual(ref);
      await store.removeRemains();
      const { folder } = await store.open(ref);
      expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('erased erased eve');
      await expect(store.redact(ref, 'none', (target) => writeFile(target, ''))).rejects.toMatchObject({
        code: 'ARTIFACT_INVALID',
      });
    });

    test('writes references other than current and previous', async () => {
      const one = await putText('one');
      for (const name of ['current', 'previous']) {
        expect(await codeOf(store.writeRef(name, one))).toBe('ARTIFACT_INVALID');
      }
      await store.writeRef('delta', one);
      expect(await store.readRef('delta')).toEqual(one);
      expect(await store.readRef('current')).toBeUndefined();
    });

    test('lets a run promote once, even after a rollback', async () => {
      const [one, two] = [await putText('one'), await putText('two')];
      const run = { runId: 'a', day: '2026-01-31' };
      await store.promote(one);
      const record = await store.promote(two, { run });
      await store.rollback({ by: 'guardrails', reason: 'p99' });
      expect(await store.promote(two, { run })).toEqual(record);
      await store.fence({ runId: 'b', day: run.day });
      expect(await store.promote(two, { run })).toEqual(record);
      expect(await store.readRef('current')).toEqual(one);
      expect((await store.promotions()).map(({ kind }) => kind)).toEqual(['promote', 'promote', 'rollback', 'fence']);
    });

    test('a fence stops earlier runs of its day from promoting, and only those', async () => {
      const [one, two, three] = [await putText('one'), await putText('two'), await putText('three')];
      const [a, b] = [
        { runId: 'a', day: '2026-01-31' },
        { runId: 'b', day: '2026-01-31' },
      ];
      const token = (await store.fence(a)).number;
      expect((await store.fence(a)).number).toBe(token);
      expect((await store.fence(b)).number).toBeGreaterThan(token);
      expect(await codeOf(store.promote(one, { run: a }))).toBe('PROMOTION_SUPERSEDED');
      expect(await codeOf(store.fence(a))).toBe('PROMOTION_SUPERSEDED');
      await store.promote(two, { run: { runId: 'earlier', day: '2026-01-30' } });
      await store.promote(three, { run: b });
      expect(await store.readRef('current')).toEqual(three);
      expect(await store.readRef('previous')).toEqual(two);
    });

    test('a canceled run neither promotes nor fences its day, even if it never had a fence', async () => {
      const [one, two] = [await putText('one'), await putText('two')];
      const [a, b] = [
        { runId: 'a', day: '2026-01-31' },
        { runId: 'b', day: '2026-01-31' },
      ];
      await store.promote(one);
      const record = await store.cancel(a, { by: 'ada', reason: 'bad data' });
      expect(record).toMatchObject({ kind: 'cancel', by: 'ada', reason: 'bad data', run: a, ref: one, previous: null });
      expect(await store.cancel(a)).toEqual(record);
      expect(await codeOf(store.promote(two, { run: a }))).toBe('PROMOTION_SUPERSEDED');
      await store.fence(b);
      // Otherwise it would take the day from its successor.
      expect(await codeOf(store.fence(a))).toBe('PROMOTION_SUPERSEDED');
      await store.promote(two, { run: b });
      expect(await store.readRef('current')).toEqual(two);
    });

    test('does not cancel a run that has promoted', async () => {
      const run = { runId: 'a', day: '2026-01-31' };
      const record = await store.promote(await putText('one'), { run });
      expect(await store.cancel(run)).toEqual(record);
      expect(await store.promotions()).toEqual([record]);
    });

    test('a fence does not change the current artifact', async () => {
      await store.fence({ runId: 'a', day: '2026-01-30' });
      expect(await store.readRef('current')).toBeUndefined();
      const [one, two] = [await putText('one'), await putText('two')];
      await store.promote(one);
      await store.promote(two);
      await store.fence({ runId: 'a', day: '2026-01-31' });
      expect(await store.readRef('current')).toEqual(two);
      expect(await store.rollback()).toEqual(one);
    });

    test('refuses the run of an earlier day while a later day is current', async () => {
      const [one, two, three] = [await putText('one'), await putText('two'), await putText('three')];
      await store.promote(one, { run: { runId: 'a', day: '2026-01-29' } });
      await store.promote(two, { run: { runId: 'c', day: '2026-01-31' } });
      const late = { runId: 'b', day: '2026-01-30' };
      expect(await codeOf(store.promote(three, { run: late }))).toBe('PROMOTION_SUPERSEDED');
      await store.rollback();
      await store.promote(three, { run: late });
      expect(await store.readRef('current')).toEqual(three);
    });

    test('refuses a decision about another current artifact, but lets a person override a run', async () => {
      const [one, two] = [await putText('one'), await putText('two')];
      expect(await codeOf(store.promote(one, { expectedCurrent: two.id }))).toBe('PROMOTION_CURRENT_CHANGED');
      await store.promote(one, { expectedCurrent: null });
      expect(await codeOf(store.promote(two, { expectedCurrent: null }))).toBe('PROMOTION_CURRENT_CHANGED');
      await store.promote(two, { run: { runId: 'a', day: '2026-01-31' }, expectedCurrent: one.id });
      expect(await codeOf(store.rollback({ expectedCurrent: one.id }))).toBe('PROMOTION_CURRENT_CHANGED');
      expect(await store.readRef('current')).toEqual(two);
      await store.promote(one, { reason: 'the newer one recommends umbrellas' });
      expect(await store.readRef('current')).toEqual(one);
    });

    test('of several promoters that expect the same current artifact, one wins and the others can retry', async () => {
      const first = await putText('first');
      await store.promote(first);
      const others = await Promise.all(Array.from({ length: 5 }, (_, promoter) => putText(String(promoter))));
      const promoters = await Promise.all(others.map(openAgain));
      const results = await Promise.allSettled(
        promoters.map((promoter, index) => promoter.promote(others[index]!, { expectedCurrent: first.id })),
      );
      const [winner, ...more] = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(more).toEqual([]);
      for (const result of results) {
        if (result.status === 'fulfilled') continue;
        expect(isAppError(result.reason, 'PROMOTION_CURRENT_CHANGED') && result.reason.retryable).toBe(true);
      }
      expect((await expectSoundHistory(store)).slice(1)).toEqual([winner]);
    });

    test('refuses a run without an id or with an invalid day', async () => {
      const one = await putText('one');
      for (const run of [
        { runId: '', day: '2026-01-31' },
        { runId: 'a', day: 'yesterday' },
      ]) {
        expect(await codeOf(store.promote(one, { run }))).toBe('ARTIFACT_INVALID');
        expect(await codeOf(store.fence(run))).toBe('ARTIFACT_INVALID');
        expect(await codeOf(store.cancel(run))).toBe('ARTIFACT_INVALID');
      }
      expect(await store.promotions()).toEqual([]);
    });

    test('prune keeps the inputs of bundles while the bundles exist', async () => {
      const names: ArtifactRef[][] = [];
      for (const text of ['1', '2', '3', '4', '5']) {
        const dataset = await putText(text, {}, 'dataset');
        const model = await putText(text, { datasetId: dataset.id }, 'model');
        names.push([await putText(text, { modelId: model.id, datasetId: dataset.id }), model, dataset]);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await store.promote(names[0]![0]!);
      expect(await store.prune('dataset', { keep: 3 })).toEqual([]);
      expect(await store.prune('model', { keep: 3 })).toEqual([]);
      expect(await store.prune('bundle', { keep: 3 })).toEqual([names[1]![0]]);
      expect(await store.prune('dataset', { keep: 3 })).toEqual([]);
      expect(await store.prune('model', { keep: 3 })).toEqual([names[1]![1]]);
      expect(await store.prune('dataset', { keep: 3 })).toEqual([names[1]![2]]);
    });

    test('prune keeps the newest artifacts and all that a reference names', async () => {
      const refs: ArtifactRef[] = [];
      for (const text of ['1', '2', '3', '4', '5', '6']) {
        refs.push(await putText(text));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await store.promote(refs[0]!);
      await store.promote(refs[1]!);
      expect(await store.prune('bundle', { keep: 3, needed: [refs[2]!.id, 'f'.repeat(32)] })).toEqual([]);
      const removed = await store.prune('bundle', { keep: 3 });
      expect(removed).toEqual([refs[2]]);
      const kept = (await store.list('bundle')).map(({ ref }) => ref);
      expect(kept).toEqual([refs[5], refs[4], refs[3], refs[1], refs[0]]);
      for (const ref of kept) await store.open(ref);
      await expect(store.prune('bundle', { keep: 2 })).rejects.toThrow(/at least 3/i);
    });

    test('putting equal content again makes it the newest', async () => {
      const first = await putText('1');
      await new Promise((resolve) => setTimeout(resolve, 5));
      await putText('2');
      await new Promise((resolve) => setTimeout(resolve, 5));
      await putText('1');
      expect((await store.list('bundle'))[0]!.ref).toEqual(first);
    });
  });
}
