import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { bundleFiles, bundleFormat, noPopularLists, recordGoldenVector, writeBundle } from '@facet/bundles';
import type { BundleInfo } from '@facet/bundles';
import { createScratchFolder, logProgress } from '@facet/local-services';
import { createInferenceEngine, facetModel, indexVectors, unknownUser } from '@facet/model';
import type { InferenceEngine } from '@facet/model';
import { Index, MetricType, setThreads } from 'faiss-node';
import { buildFaissIndex, buildTunedIndex, syntheticVectors } from '@facet/retrieval';
import type { IndexChoice } from '@facet/retrieval';
import { ensureEntry } from '@facet/setup/cache';
import {
  behaviorRowsOf,
  createWorldModel,
  drawCatalog,
  drawPopularity,
  drawUsers,
  interestsOf,
  worldEnd,
  worldItemId,
} from './world-parts.ts';

/** Increment this number when the generator changes, to invalidate cached worlds. */
const generation = 3;

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
export type World = Awaited<ReturnType<typeof openWorld>>;

/** The parts of a world that take minutes, below the folder for temporary files. */
const files = {
  index: bundleFiles.index,
  choice: 'choice.json',
  bare: 'bare.faiss',
  users: 'users.json',
  exact: 'exact.json',
};

/** Opens a world of `items` items and builds its missing parts. Equal numbers give equal vectors, users and items. */
export async function openWorld(items: number, bundleCount = 1) {
  const folder = join(tmpdir(), 'facet-bench', `world-${items}-${recallMin}-${generation}`);
  logProgress(`world of ${items.toLocaleString('en')} items in ${folder}`);
  const embeddings = new Float32Array((items + 1) * dim);
  embeddings.set(syntheticVectors(items, dim, 1), dim);
  const model = createWorldModel(items);
  const vectors = indexVectors(model.spec, model.tower, embeddings, new Float32Array(0));
  const engine = createInferenceEngine(model.spec, model.tower, embeddings);
  await ensureEntry(folder, { signal: new AbortController().signal }, (part) => buildWorld(part, vectors, engine));
  const read = async <Value>(name: string): Promise<Value> =>
    JSON.parse(await readFile(join(folder, name), 'utf8')) as Value;
  const choice = await read<IndexChoice>(files.choice);
  const users = (await read<number[][]>(files.users)).map((behaviors) => Int32Array.from(behaviors));
  const indexFile = join(folder, files.index);
  const { path: artifactsFolder } = await createScratchFolder('bench-artifacts');
  const store = createFolderArtifactStore(artifactsFolder);
  const modelIds = Array.from({ length: bundleCount }, (_, number) => `world-${number + 1}`);
  const parts = { model, choice, indexFile, embeddings, vectors, engine, users };
  return {
    itemCount: items,
    dim,
    /** Folder of the artifact store with the bundles. */
    artifactsFolder,
    store,
    /** Bundles that differ only in their ids. */
    bundles: await putBundles(store, modelIds, parts),
    choice,
    /** An index of the same kind, built by plain Faiss. */
    bareIndexFile: join(folder, choice.kind === 'flat' ? files.index : files.bare),
    /** [N + 1, D] vectors of the index. */
    vectors,
    /** Behaviors of the requesting users, [L] item indices each, oldest first. */
    users,
    /** [users * K, D], in the order of the users. */
    interests: interestsOf(engine, users, dim),
    /** [queries, k] labels (item - 1) of an exact scan for the interests of the checked users. */
    exact: Int32Array.from(await read<number[]>(files.exact)),
    engine,
  };
}

/** Returns the request bodies of the users of a world. */
export function requestBodies({ users }: Pick<World, 'users'>, limit: number): string[] {
  return users.map((items) => JSON.stringify({ behaviors: Array.from(items, worldItemId), limit }));
}

/** Writes the parts of a world that take minutes into a folder. */
async function buildWorld(folder: string, vectors: Float32Array, engine: InferenceEngine): Promise<void> {
  const write = (name: string, value: unknown): Promise<void> => writeFile(join(folder, name), JSON.stringify(value));
  logProgress('drawing users');
  const scan = await buildFaissIndex(vectors.subarray(dim), dim, { kind: 'flat' });
  const { tuning, heldOut, requesting } = usersPerPart;
  const users = await drawUsers(scan, vectors, tuning + heldOut + requesting);
  const interests = (start: number, end: number): Float32Array => interestsOf(engine, users.slice(start, end), dim);
  const requestingFrom = tuning + heldOut;
  await write(
    files.users,
    users.slice(requestingFrom).map((behaviors) => Array.from(behaviors)),
  );
  logProgress('exact scan');
  const checked = interests(requestingFrom, requestingFrom + checkedUsers);
  const { ids } = await scan.search(checked, Math.min(depth, scan.size));
  scan.close();
  await write(
    files.exact,
    Array.from(ids, (item) => item - 1),
  );
  const queries = { tuning: interests(0, tuning), heldOut: interests(tuning, requestingFrom) };
  let lastStep = '';
  const { index, choice } = await buildTunedIndex(vectors.subarray(dim), dim, queries, {
    kind: 'auto',
    recallMin,
    depth,
    onProgress: (_, step) => {
      if (step !== lastStep) logProgress(step);
      lastStep = step;
    },
  });
  await index.save(join(folder, files.index));
  index.close();
  await write(files.choice, choice);
  // A flat index is already plain Faiss.
  if (choice.kind === 'flat') return;
  if (choice.kind !== 'hnsw') throw new Error(`plain Faiss has no index of kind ${choice.kind} to compare with`);
  buildBareGraph(join(folder, files.bare), vectors);
}

/** Builds a graph with plain Faiss and the parameters of `buildFaissIndex` in @facet/retrieval. */
function buildBareGraph(file: string, vectors: Float32Array): void {
  logProgress('building the bare index');
  setThreads(1);
  const rowsPerCall = 10_000;
  // With equal norms, the nearest vectors have the highest inner products.
  const index = Index.fromFactory(dim, 'HNSW32,Flat', MetricType.METRIC_L2);
  index.setParameter('efConstruction', 40);
  for (let row = 1; row < vectors.length / dim; row += rowsPerCall) {
    index.add(vectors.subarray(row * dim, (row + rowsPerCall) * dim));
  }
  index.write(file);
  index.dispose();
}

/** Stores bundles that differ only in the ids of their models. Their index is a copy of `indexFile`. */
export async function putBundles(
  store: ArtifactStore,
  modelIds: readonly string[],
  parts: {
    readonly model: ReturnType<typeof createWorldModel>;
    readonly choice: IndexChoice;
    readonly indexFile: string;
    readonly embeddings: Float32Array;
    readonly vectors: Float32Array;
    readonly engine: InferenceEngine;
    readonly users: readonly Int32Array[];
  },
): Promise<ArtifactRef[]> {
  const { model, choice, indexFile, embeddings, vectors, engine, users } = parts;
  const { spec, tower, itemTables } = model;
  const datasetId = 'world';
  const shared = {
    items: drawCatalog(embeddings, dim),
    tower,
    itemTables,
    embeddings,
    vectors,
    popularity: drawPopularity(spec.itemCount),
    firstSeen: new Int32Array(spec.itemCount + 1),
    popularLists: noPopularLists,
    golden: users
      .slice(0, 20)
      .map((behaviors) => recordGoldenVector(engine, behaviorRowsOf(behaviors), [], unknownUser)),
  };
  const refs: ArtifactRef[] = [];
  for (const modelId of modelIds) {
    logProgress(`writing the bundle of ${modelId}`);
    const info: BundleInfo = {
      formatVersion: bundleFormat,
      modelId,
      datasetId,
      spec,
      trainedCount: spec.itemCount,
      interactions: { positives: 'purchase', repeats: 'keep', tieSeed: 1 },
      asOf: worldEnd,
      index: { ...choice, dim },
      metrics: {},
    };
    const write = async (folder: string): Promise<void> => {
      await writeBundle(folder, { info, ...shared });
      await copyFile(indexFile, join(folder, bundleFiles.index));
    };
    refs.push(await store.put('bundle', write, { formatVersion: 1, modelId, datasetId }));
  }
  return refs;
}
