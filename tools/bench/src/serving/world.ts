import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { bundleFiles, bundleFormat, BundleInfo, noPopularLists, recordGoldenVector, writeBundle } from '@facet/bundles';
import { logProgress } from '@facet/local-services';
import { createInferenceEngine, facetModel, indexVectors, unknownUser } from '@facet/model';
import type { InferenceEngine } from '@facet/model';
import { pathExists } from '@facet/platform';
import { Index, MetricType, setThreads } from 'faiss-node';
import { buildFaissIndex, buildTunedIndex, syntheticVectors } from '@facet/retrieval';
import type { IndexChoice } from '@facet/retrieval';
import {
  behaviorRowsOf,
  createWorldModel,
  drawCatalog,
  drawPopularity,
  drawUsers,
  interestsOf,
  isAvailable,
  worldEnd,
  worldItemId,
} from './world-parts.ts';
import type { WorldModel } from './world-parts.ts';

/** Increment this number when the generator changes, to invalidate cached worlds. */
const generation = 2;

const dim = facetModel.embeddingDim;
/** Users who tune the index, users who measure its recall, and users who send requests. */
const usersPerPart = { tuning: 200, heldOut: 200, requesting: 1_000 } as const;
/** Number of users whose responses are compared with an exact scan. */
export const checkedUsers = 100;
/** Items per response, and k of the index recall. */
export const depth = 200;
/** Share of the exact nearest 200 items that the index must find. */
export const recallMin = 0.98;

/** A generated world: a catalog, its users, and bundles of it that serving can load. */
export interface World {
  readonly itemCount: number;
  readonly dim: number;
  /** Folder of the artifact store with the bundles. */
  readonly artifactsFolder: string;
  readonly store: ArtifactStore;
  /** Bundles that differ only in their ids. */
  readonly bundles: readonly ArtifactRef[];
  readonly choice: IndexChoice;
  /** An index of the same kind, built by plain Faiss. */
  readonly bareIndexFile: string;
  /** [queries, k] labels (item - 1) of an exact scan for the interests of the checked users. */
  readonly exact: Int32Array;
  /** [N + 1, D] vectors of the index. */
  readonly vectors: Float32Array;
  /** Behaviors of the requesting users, [L] item indices each, oldest first. */
  readonly users: readonly Int32Array[];
  /** [users * K, D], in the order of the users. */
  readonly interests: Float32Array;
  readonly engine: InferenceEngine;
}

/** Folder of cached worlds, outside the clone. A large world takes minutes to build. */
const cacheFolder = join(tmpdir(), 'facet-bench');

/** Opens a world of `items` items and builds its missing parts. Equal numbers give equal vectors, users and items. */
export async function openWorld(items: number, bundleCount = 1): Promise<World> {
  const folder = join(cacheFolder, `world-${items}-${recallMin}-${generation}`);
  await mkdir(folder, { recursive: true });
  logProgress(`world of ${items.toLocaleString('en')} items in ${folder}`);

  const embeddings = new Float32Array((items + 1) * dim);
  embeddings.set(syntheticVectors(items, dim, 1), dim);
  const model = createWorldModel(items);
  const vectors = indexVectors(model.spec, model.tower, embeddings, new Float32Array(0));
  const engine = createInferenceEngine(model.spec, model.tower, embeddings);
  const allUsers = await cachedUsers(join(folder, 'users.json'), vectors);
  const { tuning, heldOut } = usersPerPart;
  const users = allUsers.slice(tuning + heldOut);
  const indexFile = join(folder, bundleFiles.index);
  const choice = await cachedIndex(folder, indexFile, vectors, () => ({
    tuning: interestsOf(engine, allUsers.slice(0, tuning), dim),
    heldOut: interestsOf(engine, allUsers.slice(tuning, tuning + heldOut), dim),
  }));

  const bareIndexFile = await cachedBareIndex(folder, indexFile, choice, vectors);
  const interests = interestsOf(engine, users, dim);
  const exact = await cachedExactLabels(folder, vectors, interests);
  const artifactsFolder = join(folder, `artifacts-${bundleKey()}`);
  const store = createFolderArtifactStore(artifactsFolder);
  const parts = { model, choice, indexFile, embeddings, vectors, engine, users };
  const bundles = await cachedBundles(artifactsFolder, store, parts, bundleCount);
  return {
    itemCount: items,
    dim,
    artifactsFolder,
    store,
    bundles,
    choice,
    bareIndexFile,
    vectors,
    users,
    interests,
    exact,
    engine,
  };
}

/** Returns the request bodies of the users of a world. */
export function requestBodies({ users }: Pick<World, 'users'>, limit: number): string[] {
  return users.map((items) => JSON.stringify({ behaviors: Array.from(items, worldItemId), limit }));
}

async function cachedUsers(file: string, vectors: Float32Array): Promise<Int32Array[]> {
  const lists = await cachedJson(file, async () => {
    logProgress('drawing users');
    const scan = await buildFaissIndex(vectors.subarray(dim), dim, { kind: 'flat' });
    const count = usersPerPart.tuning + usersPerPart.heldOut + usersPerPart.requesting;
    const users = await drawUsers(scan, vectors, count);
    scan.close();
    return users.map((items) => Array.from(items));
  });
  return lists.map((items) => Int32Array.from(items));
}

async function cachedIndex(
  folder: string,
  indexFile: string,
  vectors: Float32Array,
  queries: () => { readonly tuning: Float32Array; readonly heldOut: Float32Array },
): Promise<IndexChoice> {
  // Written after the index, so that its presence implies a complete index.
  return cachedJson(join(folder, 'index-choice.json'), async () => {
    let lastStep = '';
    const { index, choice } = await buildTunedIndex(vectors.subarray(dim), dim, queries(), {
      kind: 'auto',
      recallMin,
      depth,
      onProgress: (_, step) => {
        if (step !== lastStep) logProgress(step);
        lastStep = step;
      },
    });
    await writeWhole(indexFile, (part) => index.save(part));
    index.close();
    return choice;
  });
}

/** Returns the file of the bare index. A flat index is already plain Faiss. */
async function cachedBareIndex(
  folder: string,
  indexFile: string,
  { kind }: IndexChoice,
  vectors: Float32Array,
): Promise<string> {
  if (kind === 'flat') return indexFile;
  if (kind !== 'hnsw') throw new Error(`the benchmark cannot compare index kind ${kind} with plain Faiss`);
  const path = join(folder, 'bare.faiss');
  if (await pathExists(path)) return path;
  logProgress('building the bare index');
  setThreads(1);
  const rowsPerCall = 10_000;
  // The parameters of `buildFaissIndex` in @facet/retrieval. With equal norms, the nearest vectors have the highest inner products.
  const index = Index.fromFactory(dim, 'HNSW32,Flat', MetricType.METRIC_L2);
  index.setParameter('efConstruction', 40);
  for (let row = 1; row < vectors.length / dim; row += rowsPerCall) {
    index.add(vectors.subarray(row * dim, (row + rowsPerCall) * dim));
  }
  await writeWhole(path, async (part) => index.write(part));
  index.dispose();
  return path;
}

async function cachedExactLabels(folder: string, vectors: Float32Array, interests: Float32Array): Promise<Int32Array> {
  const path = join(folder, 'exact.i32');
  if (await pathExists(path)) {
    const { buffer, byteOffset, length } = await readFile(path);
    return new Int32Array(buffer, byteOffset, length / 4);
  }
  logProgress('exact scan');
  const scan = await buildFaissIndex(vectors.subarray(dim), dim, { kind: 'flat' });
  const queries = interests.subarray(0, checkedUsers * facetModel.interests * dim);
  const { ids } = await scan.search(queries, Math.min(depth, scan.size));
  scan.close();
  const labels = ids.map((item) => item - 1);
  await writeWhole(path, (part) => writeFile(part, new Uint8Array(labels.buffer)));
  return labels;
}

interface BundleParts {
  readonly model: WorldModel;
  readonly choice: IndexChoice;
  readonly indexFile: string;
  readonly embeddings: Float32Array;
  readonly vectors: Float32Array;
  readonly engine: InferenceEngine;
  readonly users: readonly Int32Array[];
}

async function cachedBundles(
  artifactsFolder: string,
  store: ArtifactStore,
  parts: BundleParts,
  count: number,
): Promise<ArtifactRef[]> {
  const refs: ArtifactRef[] = [];
  let made: BundleItems | undefined;
  await mkdir(artifactsFolder, { recursive: true });
  for (let number = 1; number <= count; number++) {
    const write = (): Promise<ArtifactRef> => {
      logProgress(`writing bundle ${number}`);
      const { embeddings } = parts;
      made ??= { items: drawCatalog(embeddings, dim), popularity: drawPopularity(embeddings.length / dim - 1) };
      return putBundle(store, `world-${number}`, parts, made);
    };
    refs.push(await cachedJson(join(artifactsFolder, `bundle-${number}.json`), write));
  }
  return refs;
}

interface BundleItems {
  readonly items: ReturnType<typeof drawCatalog>;
  readonly popularity: Float32Array;
}

/** Stores a bundle. Its index is a copy of `indexFile`. */
export async function putBundle(
  store: ArtifactStore,
  modelId: string,
  { model, choice, indexFile, embeddings, vectors, engine, users }: BundleParts,
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
        firstSeen: new Int32Array(popularity.length),
        popularLists: noPopularLists,
        golden: users
          .slice(0, 20)
          .map((behaviors) => recordGoldenVector(engine, behaviorRowsOf(behaviors), [], unknownUser)),
      });
      await copyFile(indexFile, join(folder, bundleFiles.index));
    },
    { formatVersion: 1, modelId, datasetId },
  );
}

/** Hashes the code that writes bundles. A change rewrites the bundles but keeps vectors and index. */
function bundleKey(): string {
  const ways = [BundleInfo, bundleFiles, ...[writeBundle, drawCatalog, isAvailable, drawPopularity].map(String)];
  return createHash('sha256').update(JSON.stringify(ways)).digest('hex').slice(0, 12);
}

async function cachedJson<Value>(file: string, make: () => Promise<Value>): Promise<Value> {
  if (await pathExists(file)) return JSON.parse(await readFile(file, 'utf8')) as Value;
  const made = await make();
  await writeWhole(file, (part) => writeFile(part, JSON.stringify(made)));
  return made;
}

/** Writes a file atomically, so that a killed process leaves no partial file. */
async function writeWhole(file: string, write: (part: string) => Promise<void>): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  await write(part).catch(async (error: unknown) => {
    await rm(part, { force: true });
    throw error;
  });
  await rename(part, file);
}
