import { createHash } from 'node:crypto';
import { copyFile, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { bundleFiles, bundleFormat, BundleInfo, noPopularLists, recordGoldenVector, writeBundle } from '@facet/bundles';
import { facetModel, unknownUser } from '@facet/model';
import type { InferenceEngine } from '@facet/model';
import { buildFaissIndex, buildTunedIndex, syntheticVectors } from '@facet/retrieval';
import type { IndexChoice } from '@facet/retrieval';
import { writeBareGraph } from './bare-index.ts';
import { drawCatalog, drawPopularity, isAvailable, worldItemId } from './world-catalog.ts';
import {
  behaviorRowsOf,
  createWorldKernel,
  createWorldModel,
  interestsOf,
  worldEnd,
  worldIndexVectors,
} from './world-model.ts';
import type { WorldModel } from './world-model.ts';
import { drawUsers } from './world-users.ts';

/** Counts up when the generator makes another world of the same parameters. */
const generation = 2;

const dim = facetModel.embeddingDim;
/** Users whose interests tune the index, as many that its recall is measured with, and those who ask. */
const usersPerPart = { tuning: 200, heldOut: 200, asking: 1_000 } as const;
/** Of those who ask, so many have their answers compared with exact ones. */
export const checkedUsers = 100;
/** k of the index recall, and what is asked for. */
export const depth = 200;

export interface WorldOptions {
  readonly items: number;
  /** Share of the exact nearest 200 that the index must find. */
  readonly recallMin: number;
  /** Where worlds are kept: a large one takes minutes to build. */
  readonly cacheFolder?: string;
  readonly onProgress?: (text: string) => void;
}

/** A generated world: a catalog, its users, and bundles of it that serving can load. */
export interface World {
  readonly itemCount: number;
  readonly dim: number;
  /** Folder of the artifact store with the bundles. */
  readonly artifactsFolder: string;
  readonly store: ArtifactStore;
  /** Bundles that differ in nothing but their ids. */
  readonly bundles: readonly ArtifactRef[];
  readonly choice: IndexChoice;
  /** The file of the index, as it is in the bundles. */
  readonly indexFile: string;
  /** An index of the same kind as Faiss by itself builds, stores and searches it. */
  readonly bareIndexFile: string;
  /** [queries, k] labels (item - 1), those that an exact scan finds for the interests of the first who ask. */
  readonly exactFile: string;
  /** E [N + 1, D] */
  readonly embeddings: Float32Array;
  /** [N + 1, D], what the index holds. */
  readonly vectors: Float32Array;
  /** Behaviors of those who ask, [L] item indices each, oldest first. */
  readonly users: readonly Int32Array[];
  /** [users * K, D], in the order of the users. */
  readonly interests: Float32Array;
  readonly kernel: InferenceEngine;
}

/** Where worlds are kept unless somebody says otherwise: outside the clone, on the disk of temporary files. */
export function worldCacheFolder(environment: NodeJS.ProcessEnv): string {
  return environment['FACET_BENCH_CACHE'] ?? join(tmpdir(), 'facet-bench');
}

/** Opens a world, and builds what of it is not there yet. The same options give the same vectors, users and items. */
export async function openWorld(options: WorldOptions, bundleCount = 1): Promise<World> {
  const { items, recallMin, onProgress = () => undefined } = options;
  const cacheFolder = options.cacheFolder ?? worldCacheFolder(process.env);
  const folder = join(cacheFolder, `world-${items}-${recallMin}-${generation}`);
  await mkdir(folder, { recursive: true });
  onProgress(`world of ${items.toLocaleString('en')} items in ${folder}`);

  const embeddings = await cachedFloats(join(folder, 'embeddings.f32'), async () => {
    const rows = new Float32Array((items + 1) * dim);
    rows.set(syntheticVectors(items, dim, 1), dim);
    return rows;
  });
  const model = createWorldModel(items);
  const vectors = worldIndexVectors(model, embeddings);
  const kernel = createWorldKernel(model, embeddings);
  const allUsers = await cachedUsers(join(folder, 'users.json'), vectors, onProgress);
  const { tuning, heldOut } = usersPerPart;
  const users = allUsers.slice(tuning + heldOut);
  const indexFile = join(folder, bundleFiles.index);
  const choice = await cachedIndex(folder, indexFile, recallMin, vectors, onProgress, () => ({
    tuning: interestsOf(kernel, allUsers.slice(0, tuning), dim),
    heldOut: interestsOf(kernel, allUsers.slice(tuning, tuning + heldOut), dim),
  }));

  const bareIndexFile = await cachedBareIndex(folder, indexFile, choice, vectors, onProgress);
  const interests = interestsOf(kernel, users, dim);
  const exactFile = await cachedExactAnswers(folder, vectors, interests, onProgress);
  const artifactsFolder = join(folder, `artifacts-${bundleKey()}`);
  const store = createFolderArtifactStore(artifactsFolder);
  const parts = { model, choice, indexFile, embeddings, vectors, kernel, users };
  const bundles = await cachedBundles(artifactsFolder, store, parts, bundleCount, onProgress);
  return {
    itemCount: items,
    dim,
    artifactsFolder,
    store,
    bundles,
    choice,
    indexFile,
    bareIndexFile,
    embeddings,
    vectors,
    users,
    interests,
    exactFile,
    kernel,
  };
}

/** The bodies of the requests that the users of a world make. */
export function requestBodies({ users }: Pick<World, 'users'>, limit: number): string[] {
  return users.map((items) => JSON.stringify({ behaviors: Array.from(items, worldItemId), limit }));
}

async function cachedUsers(
  file: string,
  vectors: Float32Array,
  onProgress: (text: string) => void,
): Promise<Int32Array[]> {
  const lists = await cachedJson(file, async () => {
    onProgress('drawing users');
    const scan = await buildFaissIndex(vectors.subarray(dim), dim, { kind: 'flat' });
    const count = usersPerPart.tuning + usersPerPart.heldOut + usersPerPart.asking;
    const users = await drawUsers(scan, vectors, count, () => undefined);
    scan.close();
    return users.map((items) => Array.from(items));
  });
  return lists.map((items) => Int32Array.from(items));
}

async function cachedIndex(
  folder: string,
  indexFile: string,
  recallMin: number,
  vectors: Float32Array,
  onProgress: (text: string) => void,
  queries: () => { readonly tuning: Float32Array; readonly heldOut: Float32Array },
): Promise<IndexChoice> {
  // Written after the index, so that where it is, the index is, too.
  return cachedJson(join(folder, 'index-choice.json'), async () => {
    let lastStep = '';
    const { index, choice } = await buildTunedIndex(vectors.subarray(dim), dim, queries(), {
      kind: 'auto',
      flatItemsMax: flatItemsMaxDefault,
      recallMin,
      depth,
      onProgress: (_, step) => {
        if (step !== lastStep) onProgress(step);
        lastStep = step;
      },
    });
    await writeWhole(indexFile, (part) => index.save(part));
    index.close();
    return choice;
  });
}

/** A flat index is Faiss's own. */
async function cachedBareIndex(
  folder: string,
  indexFile: string,
  { kind }: IndexChoice,
  vectors: Float32Array,
  onProgress: (text: string) => void,
): Promise<string> {
  if (kind === 'flat') return indexFile;
  if (kind !== 'hnsw') throw new Error(`${kind} is no kind of index that this benchmark compares with the bare one`);
  const path = join(folder, 'bare.faiss');
  if (await isThere(path)) return path;
  onProgress('building the bare index');
  await writeWhole(path, async (part) => writeBareGraph(vectors.subarray(dim), dim, part));
  return path;
}

async function cachedExactAnswers(
  folder: string,
  vectors: Float32Array,
  interests: Float32Array,
  onProgress: (text: string) => void,
): Promise<string> {
  const path = join(folder, 'exact.i32');
  if (await isThere(path)) return path;
  onProgress('scanning for the exact answers');
  const scan = await buildFaissIndex(vectors.subarray(dim), dim, { kind: 'flat' });
  const queries = interests.subarray(0, checkedUsers * facetModel.interests * dim);
  const { ids } = await scan.search(queries, Math.min(depth, scan.size));
  scan.close();
  const labels = ids.map((item) => item - 1);
  await writeWhole(path, (part) => writeFile(part, new Uint8Array(labels.buffer)));
  return path;
}

/** As `facet.yaml` has it by default. */
const flatItemsMaxDefault = 50_000;

interface BundleParts {
  readonly model: WorldModel;
  readonly choice: IndexChoice;
  readonly indexFile: string;
  readonly embeddings: Float32Array;
  readonly vectors: Float32Array;
  readonly kernel: InferenceEngine;
  readonly users: readonly Int32Array[];
}

async function cachedBundles(
  artifactsFolder: string,
  store: ArtifactStore,
  parts: BundleParts,
  count: number,
  onProgress: (text: string) => void,
): Promise<ArtifactRef[]> {
  const refs: ArtifactRef[] = [];
  const missing = async (number: number, makeItems: () => BundleItems): Promise<ArtifactRef> =>
    cachedJson(join(artifactsFolder, `bundle-${number}.json`), async () => {
      onProgress(`writing bundle ${number}`);
      return putBundle(store, `world-${number}`, parts, makeItems());
    });
  let made: BundleItems | undefined;
  await mkdir(artifactsFolder, { recursive: true });
  for (let number = 1; number <= count; number++) {
    refs.push(await missing(number, () => (made ??= drawBundleItems(parts.embeddings))));
  }
  return refs;
}

interface BundleItems {
  readonly items: ReturnType<typeof drawCatalog>;
  readonly popularity: Float32Array;
}

function drawBundleItems(embeddings: Float32Array): BundleItems {
  return { items: drawCatalog(embeddings, dim), popularity: drawPopularity(embeddings.length / dim - 1) };
}

async function putBundle(
  store: ArtifactStore,
  modelId: string,
  { model, choice, indexFile, embeddings, vectors, kernel, users }: BundleParts,
  { items, popularity }: BundleItems,
): Promise<ArtifactRef> {
  const datasetId = 'world';
  const info: BundleInfo = {
    formatVersion: bundleFormat,
    modelId,
    datasetId,
    spec: model.spec,
    trainedCount: model.spec.itemCount,
    interactions: { positives: 'purchase', repeats: 'keep', tieSeed: 1 },
    asOf: worldEnd,
    index: { ...choice, dim },
    metrics: {},
  };
  return store.put(
    'bundle',
    async (folder) => {
      await writeBundle(folder, {
        info,
        items,
        tower: model.tower,
        itemTables: model.itemTables,
        embeddings,
        vectors,
        popularity,
        popularLists: noPopularLists,
        golden: users
          .slice(0, 20)
          .map((behaviors) => recordGoldenVector(kernel, behaviorRowsOf(behaviors), [], unknownUser)),
      });
      await copyFile(indexFile, join(folder, bundleFiles.index));
    },
    { formatVersion: 1, modelId, datasetId },
  );
}

/** Names how bundles are written at the moment: another one, and they are written anew, while vectors and index stay. */
function bundleKey(): string {
  const ways = [BundleInfo, bundleFiles, ...[writeBundle, drawCatalog, isAvailable, drawPopularity].map(String)];
  return createHash('sha256').update(JSON.stringify(ways)).digest('hex').slice(0, 12);
}

async function cachedFloats(file: string, make: () => Promise<Float32Array>): Promise<Float32Array> {
  if (await isThere(file)) return readFloats(file);
  const made = await make();
  await writeWhole(file, (part) => writeFile(part, new Uint8Array(made.buffer, made.byteOffset, made.byteLength)));
  return made;
}

async function readFloats(file: string): Promise<Float32Array> {
  const { size } = await stat(file);
  const floats = new Float32Array(size / 4);
  const bytes = new Uint8Array(floats.buffer);
  const handle = await open(file);
  try {
    for (let offset = 0; offset < size;) {
      offset += (await handle.read(bytes, offset, Math.min(1 << 30, size - offset))).bytesRead;
    }
  } finally {
    await handle.close();
  }
  return floats;
}

async function cachedJson<Value>(file: string, make: () => Promise<Value>): Promise<Value> {
  if (await isThere(file)) return JSON.parse(await readFile(file, 'utf8')) as Value;
  const made = await make();
  await writeWhole(file, (part) => writeFile(part, JSON.stringify(made)));
  return made;
}

/** A file is there as a whole or not at all, also when its writer is killed. */
async function writeWhole(file: string, write: (part: string) => Promise<void>): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  await write(part).catch(async (error: unknown) => {
    await rm(part, { force: true });
    throw error;
  });
  await rename(part, file);
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
