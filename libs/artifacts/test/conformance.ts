import { appendFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError } from '@facet/platform';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ArtifactMetadata, ArtifactRef, ArtifactStore } from '../src/index.ts';

/** What every adapter of {@link ArtifactStore} must do. `createStore` gives an empty store for each test. */
export function describeArtifactStore(name: string, createStore: () => Promise<ArtifactStore>): void {
  describe(name, () => {
    let store: ArtifactStore;
    beforeEach(async () => {
      store = await createStore();
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

    test('opens what was put, with its metadata', async () => {
      const ref = await putText('one', { rows: 3, nested: { b: [1, null], a: 'x' } });
      const { manifest } = await store.open(ref);
      expect(manifest.files.map(({ path, bytes }) => [path, bytes])).toEqual([
        ['a.txt', 3],
        ['b.bin', 1000],
      ]);
      expect(manifest.metadata).toEqual({ rows: 3, nested: { b: [1, null], a: 'x' } });
    });

    test('equal content has one id; other bytes, metadata or kind have another', async () => {
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

    test('concurrent puts of the same content all succeed and store it once', async () => {
      const refs = await Promise.all(Array.from({ length: 8 }, () => putText('same')));
      expect(new Set(refs.map(({ id }) => id)).size).toBe(1);
      expect(await store.list('bundle')).toHaveLength(1);
      await store.open(refs[0]!);
    });

    test('keeps nothing of a put whose writer throws', async () => {
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
      ['extra', 'c.txt', (path: string) => writeFile(path, '')],
      ['altered manifest', 'manifest.json', (path: string) => appendFile(path, ' ')],
      ['missing manifest', 'manifest.json', (path: string) => rm(path)],
    ])('refuses a file that is %s, by name, also to promote it; a new put heals it', async (_, file, damage) => {
      const ref = await putText('one');
      await damage(join((await store.open(ref)).folder, file));
      for (const attempt of [() => store.open(ref), () => store.promote(ref)]) {
        const error: unknown = await attempt().catch((thrown: unknown) => thrown);
        expect(isAppError(error, 'ARTIFACT_CORRUPT')).toBe(true);
        expect(String(error)).toContain(file);
      }
      expect(await store.readRef('current')).toBeUndefined();
      expect(await putText('one')).toEqual(ref);
      await store.open(ref);
    });

    test('an artifact that is not there is named', async () => {
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

    test('names and ids that could leave the store are refused', async () => {
      await expect(putText('x', {}, '../up')).rejects.toThrow(/cannot be the kind/);
      await expect(putText('x', {}, 'refs')).rejects.toThrow(/cannot be the kind/);
      await expect(store.open({ kind: 'bundle', id: '../../etc' })).rejects.toThrow(/not an artifact id/);
      await expect(store.readRef('a/b')).rejects.toThrow(/cannot be the name/);
    });

    test('metadata that JSON cannot hold is refused by its path', async () => {
      await expect(putText('x', { metrics: { recall: NaN } })).rejects.toThrow(/metadata.metrics.recall/);
    });

    test('promote moves current to previous; repeating it changes nothing; rollback swaps them', async () => {
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

    test('rollback without a previous artifact says so', async () => {
      await store.promote(await putText('one'));
      const error: unknown = await store.rollback().catch((thrown: unknown) => thrown);
      expect(isAppError(error, 'ARTIFACT_NO_PREVIOUS')).toBe(true);
    });

    test('a corrupt current keeps neither rollback nor promote from working; a corrupt previous is not gone back to', async () => {
      const [one, two, three] = [await putText('one'), await putText('two'), await putText('three')];
      await store.promote(one);
      await store.promote(two);
      await rm(join((await store.open(two)).folder, 'manifest.json'));
      expect(await store.rollback()).toEqual(one);
      await store.promote(three);
      expect(await store.readRef('previous')).toEqual(one);
      await rm(join((await store.open(one)).folder, 'a.txt'));
      await expect(store.rollback()).rejects.toThrow(/a\.txt is missing/);
      expect(await store.readRef('current')).toEqual(three);
    });

    test('prune keeps the newest, and whatever a reference names', async () => {
      const refs: ArtifactRef[] = [];
      for (const text of ['1', '2', '3', '4', '5', '6']) {
        refs.push(await putText(text));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await store.promote(refs[0]!);
      await store.promote(refs[1]!);
      const removed = await store.prune('bundle', { keep: 3 });
      expect(removed).toEqual([refs[2]]);
      const kept = (await store.list('bundle')).map(({ ref }) => ref);
      expect(kept).toEqual([refs[5], refs[4], refs[3], refs[1], refs[0]]);
      for (const ref of kept) await store.open(ref);
      await expect(store.prune('bundle', { keep: 2 })).rejects.toThrow(/at least 3/i);
    });

    test('putting content again makes it the newest', async () => {
      const first = await putText('1');
      await new Promise((resolve) => setTimeout(resolve, 5));
      await putText('2');
      await new Promise((resolve) => setTimeout(resolve, 5));
      await putText('1');
      expect((await store.list('bundle'))[0]!.ref).toEqual(first);
    });
  });
}
