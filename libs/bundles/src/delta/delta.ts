import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readJsonLines, readSafetensors, useArtifact, writeJsonLines, writeSafetensors } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore, OpenArtifact } from '@facet/artifacts';
import { AppError, parseWith } from '@facet/platform';
import { createBitmap, hasBit, setBit } from '@facet/retrieval';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { wasListed } from '../items/item-catalog.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';

/** Content of `delta.json`. */
export const DeltaInfo = Type.Object({
  formatVersion: Type.Literal(1),
  /** The bundle that the delta applies to. */
  bundleId: Type.String(),
  /** Width D of the embeddings, and of the index vectors. */
  embeddingDim: Type.Integer({ minimum: 1 }),
  indexDim: Type.Integer({ minimum: 1 }),
  counts: Type.Object({
    /** Items that the bundle does not know. */
    added: Type.Integer({ minimum: 0 }),
    /** Items of the bundle that were withdrawn. */
    withdrawn: Type.Integer({ minimum: 0 }),
    /** Items of the bundle that are available again. */
    returned: Type.Integer({ minimum: 0 }),
    /** Items of the bundle whose title or attributes changed. */
    changed: Type.Integer({ minimum: 0 }),
  }),
  /** Sorted ids of withdrawn items that the catalog no longer lists. */
  gone: Type.Array(Type.String()),
  /** Ids of first chosen items: the recent items of the bundle with later interactions. In the order of the bundle. */
  chosen: Type.Array(Type.String(), { default: [] }),
});
export type DeltaInfo = Static<typeof DeltaInfo>;

/** The difference between a catalog and a bundle: M added items, the changed items of the bundle, and its R first chosen items. */
export interface DeltaContents {
  readonly info: DeltaInfo;
  /** [M] sorted by id. */
  readonly added: readonly CatalogItem[];
  /** Current facts of changed items, sorted by id. */
  readonly changed: readonly CatalogItem[];
  /** [M, D], without a padding row. */
  readonly embeddings: Float32Array;
  /** [R + M, index dim] of the first chosen items, then of the added items. */
  readonly vectors: Float32Array;
  /** [R + M] number of recent interactions, as in the bundle. */
  readonly popularity: Float32Array;
}

export interface Delta extends DeltaContents {
  readonly id: string;
}

const files = {
  info: 'delta.json',
  added: 'added.jsonl',
  changed: 'changed.jsonl',
  vectors: 'added.safetensors',
} as const;

/** Stores a delta. Equal contents get the same id. */
export async function putDelta(store: ArtifactStore, contents: DeltaContents): Promise<ArtifactRef> {
  const { info, added, changed, embeddings, vectors, popularity } = contents;
  const rows = info.chosen.length + added.length;
  return store.put(
    'delta',
    async (folder) => {
      await writeFile(join(folder, files.info), `${JSON.stringify(info, null, 2)}\n`);
      await writeJsonLines(join(folder, files.added), added);
      await writeJsonLines(join(folder, files.changed), changed);
      await writeSafetensors(join(folder, files.vectors), {
        embeddings: { dtype: 'F32', shape: [added.length, info.embeddingDim], data: embeddings },
        vectors: { dtype: 'F32', shape: [rows, info.indexDim], data: vectors },
        popularity: { dtype: 'F32', shape: [rows], data: popularity },
      });
    },
    { formatVersion: 1, bundleId: info.bundleId },
  );
}

/**
 * Reads `delta.json` only.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `CONFIG_INVALID` (another version).
 */
export async function readDeltaInfo(store: ArtifactStore, ref: ArtifactRef): Promise<DeltaInfo> {
  return useArtifact(store, ref, ({ folder }) => parseInfo(folder, ref.id), [files.info]);
}

async function parseInfo(folder: string, id: string): Promise<DeltaInfo> {
  const value: unknown = JSON.parse(await readFile(join(folder, files.info), 'utf8'));
  return parseWith(DeltaInfo, value, { source: `delta ${id}` });
}

/**
 * Loads a delta. {@link overlayDelta} checks whether it matches a bundle.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `CONFIG_INVALID` (another version), `DELTA_INVALID`.
 */
export async function loadDelta(store: ArtifactStore, ref: ArtifactRef): Promise<Delta> {
  return useArtifact(store, ref, readDelta);
}

async function readDelta({ ref, folder }: OpenArtifact): Promise<Delta> {
  const info = await parseInfo(folder, ref.id);
  const added = await readJsonLines<CatalogItem>(join(folder, files.added));
  const changed = await readJsonLines<CatalogItem>(join(folder, files.changed));
  const { tensors } = await readSafetensors(join(folder, files.vectors));
  const [embeddings, vectors, popularity] = [tensors['embeddings'], tensors['vectors'], tensors['popularity']];
  if (embeddings?.dtype !== 'F32' || vectors?.dtype !== 'F32') throw invalidDelta(ref.id, 'its vectors are missing');
  if (popularity?.dtype !== 'F32') throw invalidDelta(ref.id, 'the popularity of its items is missing');
  const rows = [
    embeddings.data.length / info.embeddingDim,
    vectors.data.length / info.indexDim - info.chosen.length,
    popularity.data.length - info.chosen.length,
    info.counts.added,
  ];
  if (rows.some((count) => count !== added.length)) {
    throw invalidDelta(ref.id, `it has ${added.length} added items, but its files have ${rows.join(', ')} rows`);
  }
  return {
    id: ref.id,
    info,
    added,
    changed,
    embeddings: embeddings.data,
    vectors: vectors.data,
    popularity: popularity.data,
  };
}

export function invalidDelta(id: string, problem: string): AppError {
  return new AppError(`Delta ${id} cannot be used: ${problem}.`, {
    code: 'DELTA_INVALID',
    category: 'artifact',
    remedy: 'Delete refs/delta.json in the artifacts folder and run facet delta.',
    context: { deltaId: id },
  });
}

/** The difference between a catalog and a bundle. */
export type CatalogDifference = Pick<DeltaContents, 'added' | 'changed'> & Pick<DeltaInfo, 'counts' | 'gone'>;

/** The earlier state that a comparison continues from. */
interface CompareSources {
  /** Items known to have been removed from the catalog. The bundle may know them from events only. */
  readonly gone?: readonly string[] | undefined;
  /** The difference between the bundle and an earlier state of the catalog. Then only the items that may have changed since are added. */
  readonly before?: Omit<CatalogDifference, 'counts'> | undefined;
}

/** Compares a catalog with the items of a bundle, one item at a time. Memory depends on the difference, and one bit per known item. */
export function compareCatalog(known: ItemCatalog, { gone: goneBefore = [], before }: CompareSources) {
  const byId = (items: readonly CatalogItem[] = []) => new Map(items.map((item) => [item.itemId, item]));
  const [added, changed] = [byId(before?.added), byId(before?.changed)];
  const gone = new Set(before?.gone);
  const wasGone = new Set(goneBefore);
  const listed = createBitmap(known.itemCount);
  const withdraw = (index: number): void => {
    const was = known.itemAt(index);
    changed.delete(was.itemId);
    // An item that no catalog ever listed or removed is known from events only, and stays.
    if (!wasListed(was) && !wasGone.has(was.itemId) && !gone.has(was.itemId)) return;
    gone.add(was.itemId);
    if (was.available !== false) changed.set(was.itemId, { ...was, available: false });
  };
  return {
    /** Compares one item of the catalog; without `item`, an item that was removed. */
    add(itemId: string, item: CatalogItem | undefined): void {
      const index = known.indexOf(itemId);
      if (index === undefined) {
        if (item === undefined || item.available === false) added.delete(itemId);
        else added.set(itemId, item);
        return;
      }
      if (item === undefined) {
        gone.add(itemId);
        withdraw(index);
        return;
      }
      setBit(listed, index);
      gone.delete(itemId);
      if (changeOf(known.itemAt(index), item) === undefined) changed.delete(itemId);
      else changed.set(itemId, item);
    },
    finish(): CatalogDifference {
      if (before === undefined) {
        for (let index = 1; index <= known.itemCount; index++) if (!hasBit(listed, index)) withdraw(index);
      }
      const counts = { added: added.size, withdrawn: 0, returned: 0, changed: 0 };
      for (const item of changed.values()) {
        counts[changeOf(known.itemAt(known.indexOf(item.itemId)!), item) ?? 'changed']++;
      }
      return { added: sorted(added), changed: sorted(changed), counts, gone: [...gone].sort() };
    },
  };
}

function sorted(items: ReadonlyMap<string, CatalogItem>): CatalogItem[] {
  return [...items.values()].sort((a, b) => (a.itemId < b.itemId ? -1 : 1));
}

function changeOf(before: CatalogItem, now: CatalogItem): 'withdrawn' | 'returned' | 'changed' | undefined {
  const [was, is] = [before.available !== false, now.available !== false];
  if (was !== is) return is ? 'returned' : 'withdrawn';
  const isSame = before.title === now.title && isDeepStrictEqual(before.attributes, now.attributes);
  return isSame ? undefined : 'changed';
}
