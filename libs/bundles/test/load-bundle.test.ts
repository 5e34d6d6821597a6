import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors } from '@facet/artifacts';
import { buildFaissIndex } from '@facet/retrieval';
import { forFile, forTest } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { bundleFiles, bundleFormat, itemsOf, loadBundle } from '../src/index.ts';
import type { BundleContents, CatalogItem } from '../src/index.ts';
import { bundleContents, createBundleStore, itemCount } from '../testing/small-bundle.ts';
import { encodeCatalog } from '../src/items/item-catalog.ts';

const bundleStore = forFile(await createBundleStore());

async function loadChanged(contents: BundleContents, change?: (folder: string) => Promise<void>): Promise<unknown> {
  const bundle = await loadBundle(bundleStore.store, await bundleStore.put(contents, change));
  bundle.close();
  return bundle;
}

/** Rewrites one file of a bundle before it is stored, so that its hashes match. */
function rewrite(file: string, change: (text: string) => string) {
  return async (folder: string): Promise<void> => {
    await writeFile(join(folder, file), change(await readFile(join(folder, file), 'utf8')));
  };
}

describe('a bundle', () => {
  it.each(['facet', 'mind', 'maxmf'] as const)('%s: loads as it was written', async (variant) => {
    const contents = bundleContents(variant);
    const ref = await bundleStore.put(contents);
    const bundle = await loadBundle(bundleStore.store, ref);
    const { info, tower, itemTables, embeddings, vectors, popularity, firstSeen, popularLists, golden, userIds } =
      bundle;
    const items = [contents.items[0], ...itemsOf(bundle.catalog)];
    expect({
      info,
      items,
      tower,
      itemTables,
      embeddings,
      vectors,
      popularity,
      firstSeen,
      popularLists,
      golden,
      userIds,
    }).toEqual(contents);
    expect(['cyd', 'dan', undefined].map(bundle.userRowOf)).toEqual([variant === 'maxmf' ? 2 : -1, -1, -1]);
    expect(bundle.id).toBe(ref.id);
    expect(bundle.index).toMatchObject({ size: itemCount, dim: contents.info.index.dim });
    for (const item of [1, 25, itemCount]) expect(bundle.indexOf(`item${item}`)).toBe(item);
    expect(bundle.unavailable.count).toBe(2);
    expect([7, 13].every((item) => bundle.unavailable.has(item))).toBe(true);
    bundle.close();
  });

  it('searches its index like an exact search over its vectors', async () => {
    const contents = bundleContents();
    const bundle = await loadBundle(bundleStore.store, await bundleStore.put(contents));
    const { dim } = contents.info.index;
    const query = contents.vectors.slice(3 * dim, 4 * dim);
    const products = Array.from({ length: itemCount }, (_, row) => {
      let product = 0;
      for (let d = 0; d < dim; d++) product += query[d]! * contents.vectors[(row + 1) * dim + d]!;
      return product;
    });
    const { ids, scores } = await bundle.index.search(query, itemCount);
    ids.forEach((item, rank) => expect(scores[rank]).toBeCloseTo(products[item - 1]!, 4));
    expect(new Set(ids).size).toBe(itemCount);
    bundle.close();
  });

  it('orders its items by popularity, then by index, without padding', async () => {
    const contents = bundleContents();
    const bundle = await loadBundle(bundleStore.store, await bundleStore.put(contents));
    const { popularity } = contents;
    const order = [...bundle.byPopularity];
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: itemCount }, (_, position) => position + 1));
    for (let rank = 1; rank < order.length; rank++) {
      const [before, after] = [order[rank - 1]!, order[rank]!];
      expect(
        popularity[before]! > popularity[after]! || (popularity[before] === popularity[after] && before < after),
      ).toBe(true);
    }
    bundle.close();
  });

  it('encodes the profile of a user; unknown and absent attributes are row 0', async () => {
    const bundle = await loadBundle(bundleStore.store, await bundleStore.put(bundleContents()));
    const rows: Parameters<typeof bundle.encodeUserFeatures>[0][] = [
      undefined,
      {},
      { age: 'old' },
      { age: 'young', shoe: 40 },
      { age: 'ancient' },
      { age: ['young', 'old'] },
    ];
    expect(rows.map((attributes) => bundle.encodeUserFeatures(attributes))).toEqual([[0], [0], [1], [2], [0], [2]]);
    bundle.close();
  });

  it('gets the same id for equal contents', async () => {
    expect(await bundleStore.put(bundleContents())).toEqual(await bundleStore.put(bundleContents()));
  });
});

describe('a bundle is refused whole', () => {
  it.each(Object.values(bundleFiles))('when %s was altered, truncated or lost after it was stored', async (file) => {
    const ownShelf = forTest(await createBundleStore());
    const contents = bundleContents('maxmf');
    const positions = new Float32Array(2 * contents.popularity.length);
    const ref = await ownShelf.put({ ...contents, positions });
    const path = join(ownShelf.root, 'bundle', ref.id, file);
    const whole = await readFile(path);
    const altered = Buffer.from(whole);
    altered[altered.length >> 1]! ^= 1;
    const refused = { code: 'ARTIFACT_CORRUPT', message: expect.stringContaining(file) as string };
    await writeFile(path, altered);
    await expect(loadBundle(ownShelf.store, ref)).rejects.toMatchObject(refused);
    await writeFile(path, whole);
    await truncate(path, whole.length - 1);
    await expect(loadBundle(ownShelf.store, ref)).rejects.toMatchObject(refused);
    await rm(path);
    await expect(loadBundle(ownShelf.store, ref)).rejects.toMatchObject(refused);
  });

  it('when it does not exist', async () => {
    await expect(loadBundle(bundleStore.store, { kind: 'bundle', id: 'f'.repeat(32) })).rejects.toMatchObject({
      code: 'ARTIFACT_NOT_FOUND',
    });
  });

  it('when this version computes other interests than the trainer', async () => {
    const contents = bundleContents();
    const drift = (by: number): BundleContents => ({
      ...contents,
      golden: contents.golden.map((vector, position) =>
        position !== 1
          ? vector
          : {
              ...vector,
              interests: vector.interests.map((values) => values.map((value, d) => (d === 2 ? value + by : value))),
            },
      ),
    });
    await expect(loadChanged(drift(5e-5))).resolves.toBeDefined();
    await expect(loadChanged(drift(2e-4))).rejects.toMatchObject({ code: 'BUNDLE_DRIFTED', context: { position: 1 } });
    await expect(loadChanged(drift(-2e-4))).rejects.toMatchObject({ code: 'BUNDLE_DRIFTED' });
  });

  it.each([
    ['a weight', (contents: BundleContents) => contents.tower['hidden/1/bias']!.data.fill(0.1)],
    ['an embedding of a golden behavior', (contents: BundleContents) => contents.embeddings.fill(0.3, 6, 12)],
    [
      'a weight that is no number',
      (contents: BundleContents) => (contents.tower['hidden/0/kernel']!.data[0] = Number.NaN),
    ],
  ])('when %s differs from the one of the golden vectors', async (_, change) => {
    const contents = bundleContents();
    change(contents);
    await expect(loadChanged(contents)).rejects.toMatchObject({ code: 'BUNDLE_DRIFTED' });
  });

  it.each([
    ['an interest too few', (interests: number[][]) => interests.slice(1)],
    ['an interest too many', (interests: number[][]) => [...interests, interests[0]!]],
    ['a coordinate too few', (interests: number[][]) => interests.map((vector) => vector.slice(1))],
    ['a coordinate too many', (interests: number[][]) => interests.map((vector) => [...vector, 0])],
  ])('when a golden vector has %s', async (_, change) => {
    const contents = bundleContents();
    const golden = contents.golden.map((vector) => ({ ...vector, interests: change(vector.interests) }));
    await expect(loadChanged({ ...contents, golden })).rejects.toMatchObject({ code: 'BUNDLE_DRIFTED' });
  });

  it('when an item is missing or extra', async () => {
    const { items } = bundleContents();
    const catalogOf = (others: readonly CatalogItem[]) => async (folder: string) => {
      const { tensors, metadata } = encodeCatalog(others);
      await writeSafetensors(join(folder, bundleFiles.catalog), tensors, metadata);
    };
    await expect(loadChanged(bundleContents(), catalogOf(items.slice(0, -1)))).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
    });
    const oneMore = [...items, { itemId: 'more', attributes: {} }];
    await expect(loadChanged(bundleContents(), catalogOf(oneMore))).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });

  it('when an item occurs twice', async () => {
    const contents = bundleContents();
    const items = contents.items.map((item, at) => (at === 2 ? contents.items[1]! : item));
    await expect(bundleStore.put({ ...contents, items })).rejects.toMatchObject({ code: 'FEATURES_DUPLICATE_ITEM' });
  });

  it.each([
    ['fewer items', itemCount - 1, 7],
    ['more items', itemCount + 1, 7],
    ['narrower vectors', itemCount, 6],
  ])('when its index has %s', async (_, rows, dim) => {
    const otherIndex = async (folder: string): Promise<void> => {
      await rm(join(folder, bundleFiles.index));
      const index = await buildFaissIndex(new Float32Array(rows * dim).fill(0.5), dim, { kind: 'flat' });
      await index.save(join(folder, bundleFiles.index));
      index.close();
    };
    await expect(loadChanged(bundleContents(), otherIndex)).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });

  it('when its arrays belong to another catalog, even without golden vectors', async () => {
    const contents = { ...bundleContents(), golden: [] };
    const { info } = contents;
    const spec = { ...info.spec, itemCount: itemCount - 1 };
    await expect(loadChanged({ ...contents, info: { ...info, spec } })).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
    });
    await expect(loadChanged(contents)).resolves.toBeDefined();
  });

  it('when its users differ from those of the model', async () => {
    const contents = bundleContents('maxmf');
    await expect(loadChanged({ ...contents, userIds: ['ada'] })).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
      message: expect.stringContaining('1 users, but a model of 3') as string,
    });
  });

  it('when it has an unknown format', async () => {
    const older = rewrite(bundleFiles.info, (text) =>
      text.replace(`"formatVersion": ${bundleFormat}`, '"formatVersion": 1'),
    );
    const dropCatalog = async (folder: string): Promise<void> => {
      await older(folder);
      await rm(join(folder, bundleFiles.catalog));
    };
    for (const change of [older, dropCatalog]) {
      await expect(loadChanged(bundleContents(), change)).rejects.toMatchObject({
        code: 'BUNDLE_INVALID',
        message: expect.stringContaining('has format 1') as string,
        remedy: expect.stringContaining('facet index') as string,
      });
    }
  });
});
