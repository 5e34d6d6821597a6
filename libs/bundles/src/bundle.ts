import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonLines, readSafetensors, writeJsonLines, writeSafetensors } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore, SafeTensor } from '@facet/artifacts';
import { createFeatureEncoder, createItemVocabulary } from '@facet/features';
import type { ItemVocabulary } from '@facet/features';
import { bestInterest, createUserKernel } from '@facet/model';
import type { Weights } from '@facet/model';
import { AppError, parseWith } from '@facet/platform';
import { openFaissIndex } from '@facet/retrieval';
import { Type } from 'typebox';
import { bundleFiles, BundleInfo } from './bundle-info.ts';
import type { BundleView } from './bundle-view.ts';
import type { CatalogItem } from './catalog-item.ts';
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
  /** [N + 1] how often each item was chosen lately: the order of the fallback. */
  readonly popularity: Float32Array;
  readonly golden: readonly GoldenVector[];
}

/** A loaded bundle, ready to answer. */
export interface Bundle extends BundleContents, BundleView {
  readonly info: BundleInfo;
  readonly vocabulary: ItemVocabulary;
  /** All items, most popular first. */
  readonly byPopularity: Int32Array;
}

/** Writes all files of a bundle but the index into `folder`; the index is saved there by its builder. */
export async function writeBundle(folder: string, contents: BundleContents): Promise<void> {
  const { info, items, popularity } = contents;
  const rows = items.length;
  await writeFile(join(folder, bundleFiles.info), `${JSON.stringify(info, null, 2)}\n`);
  await writeJsonLines(join(folder, bundleFiles.items), items.slice(1));
  await writeFile(join(folder, bundleFiles.golden), `${JSON.stringify(contents.golden)}\n`);
  await writeSafetensors(join(folder, bundleFiles.tower), weightsToTensors(contents.tower));
  await writeSafetensors(join(folder, bundleFiles.itemTables), weightsToTensors(contents.itemTables));
  await writeSafetensors(join(folder, bundleFiles.embeddings), {
    embeddings: f32([rows, info.spec.config.embeddingDim], contents.embeddings),
    vectors: f32([rows, info.index.dim], contents.vectors),
    popularity: f32([rows], popularity),
  });
}

/** The parts of a bundle that items are looked up in and embedded by; its long arrays are not among them. */
export type BundleFacts = Pick<BundleContents, 'info' | 'items' | 'tower' | 'itemTables'> & { readonly id: string };

const factFiles = [bundleFiles.info, bundleFiles.items, bundleFiles.tower, bundleFiles.itemTables];

/**
 * Reads a bundle's facts, and verifies the files that they are in.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `CONFIG_INVALID` (another version's `bundle.json`),
 *   `BUNDLE_INVALID`.
 */
export async function loadBundleFacts(store: ArtifactStore, ref: ArtifactRef): Promise<BundleFacts> {
  const { folder } = await store.open(ref, { files: factFiles });
  return readFacts(folder, ref.id);
}

async function readFacts(folder: string, id: string): Promise<BundleFacts> {
  const source = `bundle ${id}`;
  const info = parseWith(BundleInfo, await readJson(folder, bundleFiles.info), { source });
  const items: CatalogItem[] = [{ itemId: '', attributes: {} }];
  for (const item of await readJsonLines<CatalogItem>(join(folder, bundleFiles.items))) items.push(item);
  const readWeights = async (file: string): Promise<Weights> =>
    tensorsToWeights((await readSafetensors(join(folder, file))).tensors);
  const tower = await readWeights(bundleFiles.tower);
  const itemTables = await readWeights(bundleFiles.itemTables);
  return { id, info, items, tower, itemTables };
}

async function readJson(folder: string, file: string): Promise<unknown> {
  return JSON.parse(await readFile(join(folder, file), 'utf8')) as unknown;
}

/** What a bundle says of itself, without loading the rest. @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `CONFIG_INVALID`. */
export async function readBundleInfo(store: ArtifactStore, ref: ArtifactRef): Promise<BundleInfo> {
  const { folder } = await store.open(ref, { files: [bundleFiles.info] });
  return parseWith(BundleInfo, await readJson(folder, bundleFiles.info), { source: `bundle ${ref.id}` });
}

/**
 * Loads a bundle whole or not at all: files are verified by the store, the golden vectors are recomputed, and the index
 * must hold one vector for each item.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `CONFIG_INVALID` (another version's `bundle.json`),
 *   `FEATURES_DUPLICATE_ITEM`, `BUNDLE_INVALID`, `BUNDLE_DRIFTED`.
 */
export async function loadBundle(store: ArtifactStore, ref: ArtifactRef): Promise<Bundle> {
  const { folder } = await store.open(ref);
  const facts = await readFacts(folder, ref.id);
  const { info, items, tower } = facts;
  const source = `bundle ${ref.id}`;
  const golden = parseWith(Type.Array(GoldenVector), await readJson(folder, bundleFiles.golden), { source });
  const { tensors } = await readSafetensors(join(folder, bundleFiles.embeddings));
  const [embeddings, vectors, popularity] = [
    floats(tensors, 'embeddings'),
    floats(tensors, 'vectors'),
    floats(tensors, 'popularity'),
  ];
  const vocabulary = createItemVocabulary(
    items.map((item) => item.itemId),
    info.trainedCount,
  );
  const rows = items.length;
  const { embeddingDim } = info.spec.config;
  const sizes = [
    embeddings.length / embeddingDim,
    vectors.length / info.index.dim,
    popularity.length,
    info.spec.itemCount + 1,
  ];
  if (sizes.some((size) => size !== rows)) {
    throw doesNotFit(ref.id, `${rows - 1} items, arrays of ${sizes.join(', ')} rows`);
  }
  const kernel = createUserKernel(info.spec, tower, embeddings);
  verifyGoldenVectors(kernel, golden, ref.id);
  const index = await openFaissIndex(join(folder, bundleFiles.index));
  if (index.size !== rows - 1 || index.dim !== info.index.dim) {
    const { size, dim } = index;
    index.close();
    throw doesNotFit(ref.id, `${rows - 1} items of ${info.index.dim} values, an index of ${size} of ${dim}`);
  }
  const encoders = info.spec.userFeatures.map(createFeatureEncoder);
  const byPopularity = Int32Array.from({ length: rows - 1 }, (_, position) => position + 1).sort(
    (a, b) => popularity[b]! - popularity[a]! || a - b,
  );
  return {
    ...facts,
    embeddings,
    vectors,
    popularity,
    golden,
    vocabulary,
    kernel,
    index,
    itemCount: rows - 1,
    unavailable: new Set(items.flatMap((item, position) => (item.available === false ? [position] : []))),
    byPopularity,
    indexOf: vocabulary.indexOf,
    itemAt: (item) => items[item]!,
    itemsByPopularity: () => byPopularity,
    popularityOf: (item) => popularity[item]!,
    bestInterest: (interests, item) => bestInterest(interests, vectors, item, info.index.dim),
    encodeProfile: (attributes) => encoders.map((encoder) => encoder.encode(attributes?.[encoder.schema.name])[0] ?? 0),
    close: () => index.close(),
  };
}

function doesNotFit(id: string, found: string): AppError {
  return new AppError(`Bundle ${id} does not fit together: ${found}.`, {
    code: 'BUNDLE_INVALID',
    remedy: 'Rebuild it with facet index.',
  });
}

const f32 = (shape: readonly number[], data: Float32Array): SafeTensor => ({ dtype: 'F32', shape, data });

/** Weights as tensors of a safetensors file. */
export function weightsToTensors(weights: Weights): Record<string, SafeTensor> {
  return Object.fromEntries(Object.entries(weights).map(([name, { shape, data }]) => [name, f32(shape, data)]));
}

/** The reverse of {@link weightsToTensors}. */
export function tensorsToWeights(tensors: Readonly<Record<string, SafeTensor>>): Weights {
  return Object.fromEntries(
    Object.keys(tensors).map((name) => [name, { shape: tensors[name]!.shape, data: floats(tensors, name) }]),
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

function floats(tensors: Readonly<Record<string, SafeTensor>>, name: string): Float32Array {
  const tensor = tensors[name];
  if (tensor?.dtype !== 'F32') {
    throw new AppError(`The tensor ${name} is missing or not of type F32.`, {
      code: 'BUNDLE_INVALID',
      remedy: 'Rebuild the artifact; it was written by another version.',
    });
  }
  return tensor.data;
}
