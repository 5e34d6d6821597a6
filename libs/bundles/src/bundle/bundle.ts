import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { useArtifact, viewSafetensors, writeSafetensors, readSafetensors } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore, OpenArtifact, Safetensors } from '@facet/artifacts';
import { createFeatureEncoder } from '@facet/features';
import { createItemScorer, createInferenceEngine, unknownUser } from '@facet/model';
import type { Weights } from '@facet/model';
import { AppError, parseWith } from '@facet/platform';
import { mapFile, openFaissIndex } from '@facet/retrieval';
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { encodeCatalog, openCatalog } from '../items/item-catalog.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import { tensor, readTensor } from '../items/tensors.ts';
import type { Tensors } from '../items/tensors.ts';
import { createPopular, readPopularLists, writePopularLists } from '../popularity/popular-lists.ts';
import type { PopularLists } from '../popularity/popular-lists.ts';
import { bundleFiles, bundleFormat, BundleInfo, scoringOf } from './bundle-info.ts';
import type { BundleView } from './bundle-info.ts';
import { GoldenVector, verifyGoldenVectors } from './golden-vectors.ts';

/** The content of a bundle with N items. Index 0 of every array is padding. */
export interface BundleContents {
  readonly info: BundleInfo;
  /** [N + 1]; index 0 is a placeholder with an empty id. */
  readonly items: readonly CatalogItem[];
  /** Weights that the inference engine needs in addition to the item embeddings. */
  readonly tower: Weights;
  /** Embedding tables of the item side features, which embed items that a delta adds. */
  readonly itemTables: Weights;
  /** E [N + 1, D]. */
  readonly embeddings: Float32Array;
  /** [N + 1, index dim], the vectors in the index. */
  readonly vectors: Float32Array;
  /** [N + 1] number of recent interactions with each item, which orders all items in a fallback. */
  readonly popularity: Float32Array;
  /** [N + 1] the day since the epoch when each item was created or first chosen; {@link neverSeen} without both. */
  readonly firstSeen: Int32Array;
  /** Popular items by window and segment, which come first in a fallback. */
  readonly popularLists: PopularLists;
  readonly golden: readonly GoldenVector[];
  /** [N + 1, 2] position of each item on the map, from −1 to 1; NaN without an embedding. Undefined without a map. */
  readonly positions?: Float32Array | undefined;
  /** [U] users with learned vectors, by row; absent if the model has none. */
  readonly userIds?: readonly string[] | undefined;
}

/** The day of items without interactions and creation time. */
export const neverSeen = -1;

/** A loaded bundle. Its per-item data stays in mapped, read-only files. */
export interface Bundle extends BundleView, Omit<BundleContents, 'items'> {
  readonly info: BundleInfo;
  /** [N] all items, most popular first. */
  readonly byPopularity: Int32Array;
}

/**
 * Writes all files of a bundle to `folder`, except the index, which its builder saves there.
 *
 * @throws AppError `FEATURES_DUPLICATE_ITEM`; `BUNDLE_TOO_LARGE` for more than 2 GiB of titles, or of values of one
 *   attribute.
 */
export async function writeBundle(folder: string, contents: BundleContents): Promise<void> {
  const { info, items, popularity } = contents;
  const rows = items.length;
  await writeFile(join(folder, bundleFiles.info), `${JSON.stringify(info, null, 2)}\n`);
  const catalog = encodeCatalog(items);
  await writeSafetensors(join(folder, bundleFiles.catalog), catalog.tensors, catalog.metadata);
  await writeFile(join(folder, bundleFiles.golden), `${JSON.stringify(contents.golden)}\n`);
  await writeWeights(join(folder, bundleFiles.tower), contents.tower);
  await writeWeights(join(folder, bundleFiles.itemTables), contents.itemTables);
  await writeSafetensors(join(folder, bundleFiles.embeddings), {
    embeddings: tensor('F32', contents.embeddings, [rows, info.spec.config.embeddingDim]),
    vectors: tensor('F32', contents.vectors, [rows, info.index.dim]),
    popularity: tensor('F32', popularity),
    byPopularity: tensor('I32', orderByPopularity(popularity)),
    firstSeen: tensor('I32', contents.firstSeen),
  });
  if (contents.userIds !== undefined) {
    await writeFile(join(folder, bundleFiles.userIds), `${JSON.stringify(contents.userIds)}\n`);
  }
  if (contents.positions !== undefined) {
    await writeSafetensors(join(folder, bundleFiles.map), { positions: tensor('F32', contents.positions, [rows, 2]) });
  }
  await writePopularLists(join(folder, bundleFiles.popular), contents.popularLists);
}

/** [N] items, most popular first, then by index. */
function orderByPopularity(popularity: Float32Array): Int32Array {
  return Int32Array.from({ length: popularity.length - 1 }, (_, position) => position + 1).sort(
    (a, b) => popularity[b]! - popularity[a]! || a - b,
  );
}

/** The parts of a bundle that look up, embed and score items. */
export interface BundleItems extends Pick<
  BundleContents,
  'info' | 'tower' | 'itemTables' | 'embeddings' | 'vectors' | 'popularity' | 'firstSeen'
> {
  readonly id: string;
  readonly catalog: ItemCatalog;
}

const itemFiles = [bundleFiles.catalog, bundleFiles.tower, bundleFiles.itemTables, bundleFiles.embeddings];

/**
 * Loads the items of a bundle, and verifies the files that it reads.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `BUNDLE_INVALID` (also for another format).
 */
export async function loadBundleItems(store: ArtifactStore, ref: ArtifactRef): Promise<BundleItems> {
  // A bundle of another format has other files.
  const info = await readBundleInfo(store, ref);
  return useArtifact(store, ref, async ({ folder }) => (await readItems(folder, ref.id, info)).items, itemFiles);
}

/** Returns the items, and the arrays of `embeddings` by name. */
async function readItems(
  folder: string,
  id: string,
  info: BundleInfo,
): Promise<{ readonly items: BundleItems; readonly arrays: Tensors }> {
  const { tensors, metadata } = await mapSafetensors(folder, bundleFiles.catalog);
  const catalog = openCatalog(tensors, metadata);
  const tower = await readWeights(join(folder, bundleFiles.tower));
  const itemTables = await readWeights(join(folder, bundleFiles.itemTables));
  const { tensors: arrays } = await mapSafetensors(folder, bundleFiles.embeddings);
  const { embeddingDim } = info.spec.config;
  const rows = catalog.itemCount + 1;
  const embeddings = readTensor(arrays, 'embeddings', 'F32', rows * embeddingDim);
  const vectors = readTensor(arrays, 'vectors', 'F32', rows * info.index.dim);
  const popularity = readTensor(arrays, 'popularity', 'F32', rows);
  const firstSeen = readTensor(arrays, 'firstSeen', 'I32', rows);
  return { items: { id, info, catalog, tower, itemTables, embeddings, vectors, popularity, firstSeen }, arrays };
}

/** Parses a JSON file, and yields to the event loop before returning. */
async function readJson(folder: string, file: string): Promise<unknown> {
  const value: unknown = JSON.parse(await readFile(join(folder, file), 'utf8'));
  await yieldToEventLoop();
  return value;
}

async function mapSafetensors(folder: string, file: string): Promise<Safetensors> {
  const path = join(folder, file);
  return viewSafetensors(await mapFile(path), path);
}

const parseBundleInfo = createParser(BundleInfo);
const parseUserIds = createParser(Type.Array(Type.String()));
const parseGolden = createParser(Type.Array(GoldenVector));

function parseInfo(value: unknown, id: string): BundleInfo {
  const format = (value as Partial<BundleInfo> | null)?.formatVersion;
  if (format !== bundleFormat) {
    throw new AppError(`Bundle ${id} has format ${format}; this version of Facet reads format ${bundleFormat}.`, {
      code: 'BUNDLE_INVALID',
      category: 'artifact',
      remedy: 'Rebuild it with facet train and facet index, which use the existing dataset.',
      context: { bundleId: id, format: format ?? null },
    });
  }
  return parseBundleInfo(value, `bundle ${id}`);
}

/**
 * Reads `bundle.json` only.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `BUNDLE_INVALID`.
 */
export async function readBundleInfo(store: ArtifactStore, ref: ArtifactRef): Promise<BundleInfo> {
  const read = async ({ folder }: OpenArtifact): Promise<BundleInfo> =>
    parseInfo(await readJson(folder, bundleFiles.info), ref.id);
  return useArtifact(store, ref, read, [bundleFiles.info]);
}

/**
 * Loads a bundle completely or throws: the store verifies the files, the golden vectors are recomputed, and the index
 * must contain one vector per item. The event loop stays responsive: a thread verifies the large files, and they are
 * mapped instead of read.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `BUNDLE_INVALID` (also for another format),
 *   `BUNDLE_DRIFTED`.
 */
export async function loadBundle(store: ArtifactStore, ref: ArtifactRef): Promise<Bundle> {
  const info = await readBundleInfo(store, ref);
  const artifact = await store.open(ref);
  try {
    return await loadOpenBundle(artifact, info);
  } catch (error) {
    await artifact.release();
    throw error;
  }
}

/** Loads an open bundle, and releases it when the bundle is closed. */
async function loadOpenBundle({ ref, folder, manifest, release }: OpenArtifact, info: BundleInfo): Promise<Bundle> {
  const { items, arrays } = await readItems(folder, ref.id, info);
  const { catalog, tower, embeddings, vectors, popularity, firstSeen } = items;
  const golden = parseGolden(await readJson(folder, bundleFiles.golden), `bundle ${ref.id}`);
  const { itemCount } = catalog;
  const rows = itemCount + 1;
  if (info.spec.itemCount !== itemCount) {
    throw mismatch(ref.id, `${itemCount} items, but a model of ${info.spec.itemCount}`);
  }
  const byPopularity = readTensor(arrays, 'byPopularity', 'I32', itemCount);
  const popularLists = await readPopularLists(join(folder, bundleFiles.popular), itemCount);
  const positions = manifest.files.some(({ path }) => path === bundleFiles.map)
    ? readTensor((await mapSafetensors(folder, bundleFiles.map)).tensors, 'positions', 'F32', 2 * rows)
    : undefined;
  const userIds = await readUserIds(folder, ref.id, info);
  const rowOfUser = new Map(userIds?.map((userId, row) => [userId, row]));
  const engine = createInferenceEngine(info.spec, tower, embeddings);
  await verifyGoldenVectors(engine, golden, ref.id);
  const index = await openFaissIndex(join(folder, bundleFiles.index), { map: true });
  if (index.size !== itemCount || index.dim !== info.index.dim) {
    const { size, dim } = index;
    index.close();
    throw mismatch(ref.id, `${itemCount} items of ${info.index.dim} values, but an index of ${size} of ${dim}`);
  }
  await yieldToEventLoop();
  const encoders = info.spec.userFeatures.map(createFeatureEncoder);
  return {
    ...catalog,
    ...items,
    byPopularity,
    popularLists,
    golden,
    positions,
    userIds,
    engine,
    index,
    deltaItems: new Map(),
    itemsByPopularity: () => byPopularity,
    popularityOf: (item) => popularity[item]!,
    firstSeenOn: (item) => (firstSeen[item] === neverSeen ? undefined : firstSeen[item]),
    popular: createPopular(popularLists, () => byPopularity),
    vectorOf: (item) => vectors.subarray(item * info.index.dim, (item + 1) * info.index.dim),
    createItemScorer: (interests) => createItemScorer(interests, vectors, scoringOf(info)),
    encodeUserFeatures: (attributes) =>
      encoders.map((encoder) => encoder.encode(attributes?.[encoder.schema.name])[0] ?? 0),
    userRowOf: (userId) => (userId === undefined ? unknownUser : (rowOfUser.get(userId) ?? unknownUser)),
    close: () => {
      index.close();
      void release().catch(() => undefined);
    },
  };
}

async function readUserIds(folder: string, id: string, { spec }: BundleInfo): Promise<string[] | undefined> {
  if (spec.userCount === undefined) return undefined;
  const userIds = parseUserIds(await readJson(folder, bundleFiles.userIds), `bundle ${id}`);
  if (userIds.length !== spec.userCount) {
    throw mismatch(id, `${userIds.length} users, but a model of ${spec.userCount}`);
  }
  return userIds;
}

function mismatch(id: string, found: string): AppError {
  return new AppError(`The parts of bundle ${id} do not match: ${found}.`, {
    code: 'BUNDLE_INVALID',
    category: 'artifact',
    remedy: 'Rebuild it with facet index.',
  });
}

/**
 * Creates a parser like `parseWith` of @facet/platform for a schema without defaults. It compiles the schema once and
 * does not copy valid values, which is several times faster for large documents.
 *
 * @throws AppError `CONFIG_INVALID` naming the source and each wrong field.
 */
function createParser<Schema extends TSchema>(schema: Schema): (value: unknown, source: string) => Static<Schema> {
  let compiled: ReturnType<typeof Compile> | undefined;
  return (value, source) => {
    compiled ??= Compile<TSchema>(schema);
    return compiled.Check(value) ? (value as Static<Schema>) : parseWith(schema, value, { source });
  };
}

/** Writes weights to a safetensors file. */
export async function writeWeights(path: string, weights: Weights): Promise<void> {
  const tensors = Object.entries(weights).map(([name, { shape, data }]) => [name, tensor('F32', data, shape)]);
  await writeSafetensors(path, Object.fromEntries(tensors) as Tensors);
}

/** @throws AppError as `readSafetensors`; `BUNDLE_INVALID` for a tensor of another type. */
export async function readWeights(path: string): Promise<Weights> {
  const { tensors } = await readSafetensors(path);
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape }]) => [name, { shape, data: readTensor(tensors, name, 'F32') }]),
  );
}

/** Divides the weights that a bundle stores. Item embeddings are stored separately. */
export function bundleWeights(weights: Weights): { readonly tower: Weights; readonly itemTables: Weights } {
  const where = (isKept: (name: string) => boolean): Weights =>
    Object.fromEntries(Object.entries(weights).filter(([name]) => isKept(name)));
  return {
    tower: where((name) => !name.startsWith('item/')),
    itemTables: where((name) => name.startsWith('item/') && name !== 'item/id'),
  };
}
