import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { readSafetensors, viewSafetensors, writeSafetensors } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore, SafeTensor, Safetensors } from '@facet/artifacts';
import { createFeatureEncoder } from '@facet/features';
import { bestInterest, createUserKernel, unknownUser } from '@facet/model';
import type { Weights } from '@facet/model';
import { AppError, parseWith } from '@facet/platform';
import { mapFile, openFaissIndex } from '@facet/retrieval';
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { encodeCatalog, openCatalog } from '../items/item-catalog.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import { tensor, tensorOf } from '../items/tensors.ts';
import type { Tensors } from '../items/tensors.ts';
import { readPopularLists, writePopularLists } from '../popularity/popular-lists.ts';
import type { PopularLists } from '../popularity/popular-lists.ts';
import { createPopular } from '../popularity/popular.ts';
import { bundleFiles, bundleFormat, BundleInfo } from './bundle-info.ts';
import type { BundleView } from './bundle-view.ts';
import { GoldenVector, verifyGoldenVectors } from './golden-vectors.ts';

/** What a bundle is made of; N items, index 0 of every array is padding. */
export interface BundleContents {
  readonly info: BundleInfo;
  /** [N + 1]; position 0 is a placeholder with an empty id. */
  readonly items: readonly CatalogItem[];
  /** The weights that the kernel needs besides the item embeddings. */
  readonly tower: Weights;
  /** The embedding tables of the items' side features: they give an item that comes later its embedding. */
  readonly itemTables: Weights;
  /** E [N + 1, D]. */
  readonly embeddings: Float32Array;
  /** [N + 1, index dim], what the index holds. */
  readonly vectors: Float32Array;
  /** [N + 1] how often each item was chosen lately: the order of all items in a fallback. */
  readonly popularity: Float32Array;
  /** What many chose lately, by window and segment: what comes first in a fallback. */
  readonly popularLists: PopularLists;
  readonly golden: readonly GoldenVector[];
  /** [U] the users who have vectors of their own, by row; absent where the model has no such vectors. */
  readonly userIds?: readonly string[] | undefined;
}

/** A loaded bundle, ready to answer. What it has of each item is read from its files, and never changed. */
export interface Bundle extends BundleView, Omit<BundleContents, 'items'> {
  readonly info: BundleInfo;
  /** [N] all items, most popular first. */
  readonly byPopularity: Int32Array;
}

/**
 * Writes all files of a bundle but the index into `folder`; the index is saved there by its builder.
 *
 * @throws AppError `FEATURES_DUPLICATE_ITEM`; `BUNDLE_TOO_LARGE` for more than 2 GiB of titles, or of one attribute's values.
 */
export async function writeBundle(folder: string, contents: BundleContents): Promise<void> {
  const { info, items, popularity } = contents;
  const rows = items.length;
  await writeFile(join(folder, bundleFiles.info), `${JSON.stringify(info, null, 2)}\n`);
  const catalog = encodeCatalog(items);
  await writeSafetensors(join(folder, bundleFiles.catalog), catalog.tensors, catalog.metadata);
  await writeFile(join(folder, bundleFiles.golden), `${JSON.stringify(contents.golden)}\n`);
  await writeSafetensors(join(folder, bundleFiles.tower), weightsToTensors(contents.tower));
  await writeSafetensors(join(folder, bundleFiles.itemTables), weightsToTensors(contents.itemTables));
  await writeSafetensors(join(folder, bundleFiles.embeddings), {
    embeddings: f32([rows, info.spec.config.embeddingDim], contents.embeddings),
    vectors: f32([rows, info.index.dim], contents.vectors),
    popularity: f32([rows], popularity),
    byPopularity: tensor('I32', orderByPopularity(popularity)),
  });
  if (contents.userIds !== undefined) {
    await writeFile(join(folder, bundleFiles.userIds), `${JSON.stringify(contents.userIds)}\n`);
  }
  await writePopularLists(join(folder, bundleFiles.popular), contents.popularLists);
}

/** [N] the items, most popular first, equal ones by index. */
function orderByPopularity(popularity: Float32Array): Int32Array {
  return Int32Array.from({ length: popularity.length - 1 }, (_, position) => position + 1).sort(
    (a, b) => popularity[b]! - popularity[a]! || a - b,
  );
}

/** The parts of a bundle that items are looked up in and embedded by; its long arrays are not among them. */
export interface BundleFacts extends Pick<BundleContents, 'info' | 'tower' | 'itemTables'> {
  readonly id: string;
  readonly catalog: ItemCatalog;
}

const factFiles = [bundleFiles.catalog, bundleFiles.tower, bundleFiles.itemTables];

/**
 * Reads a bundle's facts, and verifies the files that they are in.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `BUNDLE_INVALID` (also for one of another format).
 */
export async function loadBundleFacts(store: ArtifactStore, ref: ArtifactRef): Promise<BundleFacts> {
  // A bundle of another format has other files.
  const info = await readBundleInfo(store, ref);
  const { folder } = await store.open(ref, { files: factFiles });
  return readFacts(folder, ref.id, info);
}

async function readFacts(folder: string, id: string, info: BundleInfo): Promise<BundleFacts> {
  const { tensors, metadata } = await mapSafetensors(folder, bundleFiles.catalog);
  const catalog = openCatalog(tensors, metadata);
  const readWeights = async (file: string): Promise<Weights> =>
    tensorsToWeights((await readSafetensors(join(folder, file))).tensors);
  const tower = await readWeights(bundleFiles.tower);
  const itemTables = await readWeights(bundleFiles.itemTables);
  return { id, info, catalog, tower, itemTables };
}

/** The event loop has a turn between reading a long text and what is done with it. */
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
    throw new AppError(
      `Bundle ${id} has the format ${format}; this version of Facet reads the format ${bundleFormat}.`,
      {
        code: 'BUNDLE_INVALID',
        category: 'artifact',
        remedy: 'Build another one with facet train and facet index, which take the dataset that is there.',
        context: { bundleId: id, format: format ?? null },
      },
    );
  }
  return parseBundleInfo(value, `bundle ${id}`);
}

/** What a bundle says of itself, without loading the rest. @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `BUNDLE_INVALID`. */
export async function readBundleInfo(store: ArtifactStore, ref: ArtifactRef): Promise<BundleInfo> {
  const { folder } = await store.open(ref, { files: [bundleFiles.info] });
  return parseInfo(await readJson(folder, bundleFiles.info), ref.id);
}

/**
 * Loads a bundle whole or not at all: files are verified by the store, the golden vectors are recomputed, and the index
 * must hold one vector for each item. Meanwhile the event loop has its turns: what grows with the number of items is
 * verified in another thread and stays in the files, which are mapped.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `BUNDLE_INVALID` (also for one of another format), `BUNDLE_DRIFTED`.
 */
export async function loadBundle(store: ArtifactStore, ref: ArtifactRef): Promise<Bundle> {
  const info = await readBundleInfo(store, ref);
  const { folder } = await store.open(ref);
  const facts = await readFacts(folder, ref.id, info);
  const { catalog, tower } = facts;
  const { embeddingDim } = info.spec.config;
  const golden = parseGolden(await readJson(folder, bundleFiles.golden), `bundle ${ref.id}`);
  const { tensors } = await mapSafetensors(folder, bundleFiles.embeddings);
  const { itemCount } = catalog;
  const rows = itemCount + 1;
  if (info.spec.itemCount !== itemCount) {
    throw doesNotFit(ref.id, `${itemCount} items, a model of ${info.spec.itemCount}`);
  }
  const embeddings = tensorOf(tensors, 'embeddings', 'F32', rows * embeddingDim);
  const vectors = tensorOf(tensors, 'vectors', 'F32', rows * info.index.dim);
  const popularity = tensorOf(tensors, 'popularity', 'F32', rows);
  const byPopularity = tensorOf(tensors, 'byPopularity', 'I32', itemCount);
  const popularLists = await readPopularLists(join(folder, bundleFiles.popular), itemCount);
  const userIds = await readUserIds(folder, ref.id, info);
  const rowOfUser = new Map(userIds?.map((userId, row) => [userId, row]));
  const kernel = createUserKernel(info.spec, tower, embeddings);
  await verifyGoldenVectors(kernel, golden, ref.id);
  const index = await openFaissIndex(join(folder, bundleFiles.index), { map: true });
  if (index.size !== itemCount || index.dim !== info.index.dim) {
    const { size, dim } = index;
    index.close();
    throw doesNotFit(ref.id, `${itemCount} items of ${info.index.dim} values, an index of ${size} of ${dim}`);
  }
  await yieldToEventLoop();
  const encoders = info.spec.userFeatures.map(createFeatureEncoder);
  return {
    ...facts,
    embeddings,
    vectors,
    popularity,
    byPopularity,
    popularLists,
    golden,
    userIds,
    kernel,
    index,
    itemCount,
    deltaItems: new Map(),
    unavailable: catalog.unavailable,
    indexOf: catalog.indexOf,
    idOf: catalog.idOf,
    titleOf: catalog.titleOf,
    attributeOf: catalog.attributeOf,
    itemAt: catalog.itemAt,
    itemsByPopularity: () => byPopularity,
    popularityOf: (item) => popularity[item]!,
    popular: createPopular(popularLists, () => byPopularity),
    vectorOf: (item) => vectors.subarray(item * info.index.dim, (item + 1) * info.index.dim),
    bestInterest: (interests, item) => bestInterest(interests, vectors, item, info.index.dim),
    encodeProfile: (attributes) => encoders.map((encoder) => encoder.encode(attributes?.[encoder.schema.name])[0] ?? 0),
    userRowOf: (userId) => (userId === undefined ? unknownUser : (rowOfUser.get(userId) ?? unknownUser)),
    close: () => index.close(),
  };
}

async function readUserIds(folder: string, id: string, { spec }: BundleInfo): Promise<string[] | undefined> {
  if (spec.userCount === undefined) return undefined;
  const userIds = parseUserIds(await readJson(folder, bundleFiles.userIds), `bundle ${id}`);
  if (userIds.length !== spec.userCount) {
    throw doesNotFit(id, `${userIds.length} users, a model of ${spec.userCount}`);
  }
  return userIds;
}

function doesNotFit(id: string, found: string): AppError {
  return new AppError(`Bundle ${id} does not fit together: ${found}.`, {
    code: 'BUNDLE_INVALID',
    category: 'artifact',
    remedy: 'Rebuild it with facet index.',
  });
}

const f32 = (shape: readonly number[], data: Float32Array): SafeTensor => ({ dtype: 'F32', shape, data });

/** Weights as tensors of a safetensors file. */
export function weightsToTensors(weights: Weights): Record<string, SafeTensor> {
  return Object.fromEntries(Object.entries(weights).map(([name, { shape, data }]) => [name, f32(shape, data)]));
}

/** The reverse of {@link weightsToTensors}. */
export function tensorsToWeights(tensors: Tensors): Weights {
  return Object.fromEntries(
    Object.keys(tensors).map((name) => [name, { shape: tensors[name]!.shape, data: tensorOf(tensors, name, 'F32') }]),
  );
}

/** A model's weights as a bundle keeps them; the embeddings of its own items are there already. */
export function bundleWeights(weights: Weights): Pick<BundleContents, 'tower' | 'itemTables'> {
  const where = (isKept: (name: string) => boolean): Weights =>
    Object.fromEntries(Object.entries(weights).filter(([name]) => isKept(name)));
  return {
    tower: where((name) => !name.startsWith('item/')),
    itemTables: where((name) => name.startsWith('item/') && name !== 'item/id'),
  };
}

/**
 * Parses as `parseWith` of @facet/platform, for a schema without defaults: what is valid is neither copied nor walked twice,
 * and the schema is compiled once. A large document takes a fraction of the time.
 *
 * @throws AppError `CONFIG_INVALID` naming the source and each offending field.
 */
function createParser<Schema extends TSchema>(schema: Schema): (value: unknown, source: string) => Static<Schema> {
  let compiled: ReturnType<typeof Compile> | undefined;
  return (value, source) => {
    compiled ??= Compile(schema) as ReturnType<typeof Compile>;
    return compiled.Check(value) ? (value as Static<Schema>) : parseWith(schema, value, { source });
  };
}
