import { open } from 'node:fs/promises';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { AppError } from '@facet/platform';
import { Graph, Index, mapFile as mapIntoMemory, MetricType, setThreads } from 'faiss-node';
import { checkQueries, checkVectors, closedIndex, emptyResult, rowsOf } from './checks.ts';
import { innerProduct, squaredNorm, squaredRadius, toSphere, toSphereQueries } from './euclidean.ts';
import type { BuiltVectorIndex, SearchParameters, SearchResult, VectorIndex } from './vector-index.ts';

export type FaissIndexOptions =
  /** Every item is scored: exact. */
  | { readonly kind: 'flat' }
  /** A graph: fastest to search, slow to build. */
  | {
      readonly kind: 'hnsw';
      /** Links per item; 32 by default. */
      readonly neighbors?: number;
      /** Candidates kept while an item is linked in; 40 by default. */
      readonly efConstruction?: number;
    }
  /** Clusters: fastest to build. */
  | {
      readonly kind: 'ivf';
      /** Clusters; by default 4 sqrt(N), and never more than leave 39 items each. */
      readonly lists?: number;
    };

/** Rows added before the event loop gets a turn: short enough for signals and heartbeats. */
const rowsPerTurn = 10_000;

/** Below this many items a cluster, k-means is unsound and Faiss complains. */
const itemsPerListMin = 39;

/** An `ivf` index of fewer items, too few for one cluster, becomes a flat one. */
export const ivfItemsMin = itemsPerListMin;

/** Items a cluster that k-means looks at: of more it would draw as many itself, but after all had been copied. */
const trainingItemsPerList = 64;

/** Faiss's own default of 16 finds half of the nearest 200 of clustered vectors. */
const efSearchDefault = 64;

/** The first four bytes of a file say what it is. */
const kindOfFile: ReadonlyMap<string, 'flat' | 'ivf' | 'graph'> = new Map([
  ['IxFI', 'flat'],
  ['IwFl', 'ivf'],
  ['FctG', 'graph'],
]);

/**
 * How many threads one call of Faiss may use, for the whole process. One while serving: requests already run beside each
 * other, and OpenMP and BLAS pools that fight for the same cores cost a factor of ten (`OMP_NUM_THREADS=1` says the
 * same from outside). One while building what is kept, too: see `buildFaissIndex`.
 */
export function setFaissThreads(threads: number): void {
  setThreads(threads);
}

/**
 * The bytes of a file, read-only in effect: its pages are shared with every process that maps it, and what is written into
 * the buffer never reaches the file. It is read ahead without blocking the event loop, may be deleted meanwhile, and is
 * unmapped when the buffer is collected. Only for files that never change, as those of the artifact store: reading what
 * has been cut off ends the process.
 *
 * @throws AppError `RETRIEVAL_FILE_UNREADABLE`.
 */
export async function mapFile(path: string): Promise<ArrayBuffer> {
  try {
    return await mapIntoMemory(path);
  } catch (error) {
    throw new AppError(`The file cannot be mapped: ${(error as Error).message}.`, {
      code: 'RETRIEVAL_FILE_UNREADABLE',
      category: 'artifact',
      remedy: 'Check that the file is there and may be read.',
      context: { file: path },
      cause: error,
    });
  }
}

/**
 * Builds a Faiss index of maximum inner product. With one thread the same vectors give the same index; with more, a graph
 * comes out differently each time. An `ivf` index of fewer than {@link ivfItemsMin} items becomes a flat one.
 *
 * @param vectors `[N, D]` row by row, in the order of item indices; not kept.
 * @throws AppError `RETRIEVAL_VECTORS_INVALID` for rows of another width or values that are not finite.
 */
export async function buildFaissIndex(
  vectors: Float32Array,
  dim: number,
  options: FaissIndexOptions,
  onProgress: (rowsDone: number) => void = () => undefined,
): Promise<BuiltVectorIndex> {
  const size = checkVectors(vectors, dim);
  const kind = options.kind === 'ivf' && size < ivfItemsMin ? 'flat' : options.kind;
  const index = createEmpty(kind, options, size, dim);
  const radiusSquared = squaredRadius(vectors, dim);
  const stored = (rows: Float32Array) => (kind === 'flat' ? rows : toSphere(rows, dim, radiusSquared));
  if (kind === 'ivf') index.train(stored(everyNthRow(vectors, dim, listsOf(options, size) * trainingItemsPerList)));
  for (let row = 0; row < size; row += rowsPerTurn) {
    const end = Math.min(size, row + rowsPerTurn);
    index.add(stored(vectors.subarray(row * dim, end * dim)));
    onProgress(end);
    await yieldToEventLoop();
  }
  if (kind === 'hnsw') {
    const graph = await index.takeGraphAsync(dim);
    return { ...createGraphReader(graph), save: (path) => saved(path, () => graph.writeAsync(path)) };
  }
  return { ...(await createReader(index, kind)), save: (path) => saved(path, () => index.write(path)) };
}

async function saved(path: string, write: () => Promise<void> | void): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new AppError(`The index cannot be written to ${path}: ${(error as Error).message}.`, {
      code: 'RETRIEVAL_INDEX_UNWRITABLE',
      category: 'unavailable',
      remedy: 'Check that the folder exists and the disk has room.',
      retryable: true,
      cause: error,
    });
  }
}

/**
 * Opens an index that was saved, without blocking the event loop. Which kind it is stands in the file.
 *
 * @param options.map Leave vectors and links in the file, whose pages are shared with every process that maps it, as
 *   `mapFile` does.
 * @throws AppError `RETRIEVAL_INDEX_UNREADABLE` for a file that is absent, damaged, or not an index of this platform.
 */
export async function openFaissIndex(path: string, options: { readonly map?: boolean } = {}): Promise<VectorIndex> {
  const kind = await readKind(path);
  const how = { map: options.map ?? false };
  try {
    if (kind === 'graph') return createGraphReader(await Graph.openAsync(path, how));
    return await createReader(await Index.readAsync(path, how), kind);
  } catch (error) {
    throw unreadable(path, (error as Error).message, error);
  }
}

/** What the two native classes have in common: labels are rows (item - 1). */
interface Searched {
  /** `[Q, depth]` labels and inner products. */
  search(
    queries: Float32Array,
    depth: number,
    parameters: SearchParameters,
  ): Promise<{ readonly labels: Int32Array; readonly products: Float32Array }>;
  scan(
    queries: Float32Array,
    depth: number,
    rows: Int32Array,
  ): Promise<{ readonly labels: Int32Array; readonly distances: Float32Array }>;
  dispose(): void;
}

async function createReader(index: Index, kind: 'flat' | 'ivf'): Promise<VectorIndex> {
  const size = index.ntotal();
  if (kind === 'flat') {
    return readerOf('flat', size, index.getDimension(), {
      async search(queries, depth, parameters) {
        const { labels, distances } = await index.searchAsync(queries, depth, allowedOf(parameters));
        return { labels, products: distances };
      },
      scan: (queries, depth, rows) => index.scanAsync(queries, depth, rows),
      dispose: () => index.dispose(),
    });
  }
  const dim = index.getDimension() - 1;
  const radiusSquared = size === 0 ? 0 : await distanceFromOrigin(index);
  return readerOf('ivf', size, dim, {
    async search(queries, depth, parameters) {
      const norms = Float64Array.from({ length: queries.length / dim }, (_, query) =>
        squaredNorm(queries, query * dim, dim),
      );
      const { nprobe } = parameters;
      const { labels, distances } = await index.searchAsync(toSphereQueries(queries, dim), depth, {
        ...(nprobe !== undefined && { nprobe }),
        ...allowedOf(parameters),
      });
      const products = distances.map((distance, position) =>
        innerProduct(norms[Math.floor(position / depth)]!, radiusSquared, distance),
      );
      return { labels, products };
    },
    scan: (queries, depth, rows) => index.scanAsync(toSphereQueries(queries, dim), depth, rows),
    dispose: () => index.dispose(),
  });
}

function createGraphReader(graph: Graph): VectorIndex {
  return readerOf('hnsw', graph.ntotal(), graph.getDimension(), {
    async search(queries, depth, parameters) {
      const efSearch = Math.max(parameters.efSearch ?? efSearchDefault, depth);
      const { labels, distances } = await graph.searchAsync(queries, depth, { efSearch, ...allowedOf(parameters) });
      return { labels, products: distances };
    },
    scan: (queries, depth, rows) => graph.scanAsync(queries, depth, rows),
    dispose: () => graph.dispose(),
  });
}

function readerOf(kind: FaissIndexOptions['kind'], size: number, dim: number, searched: Searched): VectorIndex {
  let isClosed = false;
  return {
    kind,
    size,
    dim,
    async search(queries, k, parameters = {}) {
      if (isClosed) throw closedIndex();
      const queryCount = checkQueries(queries, dim, k, parameters);
      if (queryCount === 0 || size === 0) return emptyResult(queryCount, k);
      const { labels, products } = await searched.search(queries, Math.min(k, size), parameters);
      return resultOf(labels, products, queryCount, k);
    },
    async scan(queries, k, items) {
      if (isClosed) throw closedIndex();
      const queryCount = checkQueries(queries, dim, k);
      const rows = rowsOf(items, size);
      if (queryCount === 0 || rows.length === 0) return emptyResult(queryCount, k);
      const { labels, distances } = await searched.scan(queries, Math.min(k, rows.length), rows);
      return resultOf(labels, distances, queryCount, k);
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      searched.dispose();
    },
  };
}

/** Labels `[Q, depth]`, of which -1 are none, as items of a result `[Q, k]`. */
function resultOf(labels: Int32Array, products: Float32Array, queryCount: number, k: number): SearchResult {
  const result = emptyResult(queryCount, k);
  const depth = labels.length / queryCount;
  for (let query = 0; query < queryCount; query++) {
    for (let rank = 0; rank < depth; rank++) {
      const label = labels[query * depth + rank]!;
      if (label < 0) break;
      result.ids[query * k + rank] = label + 1;
      result.scores[query * k + rank] = products[query * depth + rank]!;
    }
  }
  return result;
}

function createEmpty(kind: FaissIndexOptions['kind'], options: FaissIndexOptions, size: number, dim: number): Index {
  if (kind === 'flat') return Index.fromFactory(dim, 'Flat', MetricType.METRIC_INNER_PRODUCT);
  if (options.kind === 'hnsw') {
    const index = Index.fromFactory(dim + 1, `HNSW${options.neighbors ?? 32},Flat`, MetricType.METRIC_L2);
    index.setParameter('efConstruction', options.efConstruction ?? 40);
    return index;
  }
  return Index.fromFactory(dim + 1, `IVF${listsOf(options, size)},Flat`, MetricType.METRIC_L2);
}

function listsOf(options: FaissIndexOptions, size: number): number {
  const wanted = (options.kind === 'ivf' ? options.lists : undefined) ?? Math.round(4 * Math.sqrt(size));
  return Math.min(wanted, Math.floor(size / itemsPerListMin));
}

/** Distances that are computed to build an `ivf` index of so many items: by ten rounds of k-means, and to put each into its list. */
export function clusteringWork(size: number): number {
  const lists = listsOf({ kind: 'ivf' }, size);
  const trained = Math.min(size, lists * trainingItemsPerList);
  return (10 * trained + size) * lists;
}

/** At most `countMax` of the rows, evenly spread; all of them are not copied. */
function everyNthRow(vectors: Float32Array, dim: number, countMax: number): Float32Array {
  const size = vectors.length / dim;
  if (size <= countMax) return vectors;
  const rows = new Float32Array(countMax * dim);
  for (let row = 0; row < countMax; row++) {
    const from = Math.floor((row * size) / countMax) * dim;
    rows.set(vectors.subarray(from, from + dim), row * dim);
  }
  return rows;
}

/** R^2 of clusters on disk: on the sphere every item is equally far from the origin, so any of them tells. */
async function distanceFromOrigin(index: Index): Promise<number> {
  const origin = new Float32Array(index.getDimension());
  // Faiss takes more lists than there are as all of them; in a single one there might be no item.
  return (await index.searchAsync(origin, 1, { nprobe: index.ntotal() })).distances[0]!;
}

/** The bit of an item is that of its label. */
function allowedOf({ allowed }: SearchParameters): SearchParameters {
  return allowed === undefined ? {} : { allowed };
}

async function readKind(path: string) {
  const head = await readStart(path, 4).catch((error: unknown) => {
    throw unreadable(path, (error as Error).message, error);
  });
  const kind = kindOfFile.get(head.toString('latin1'));
  if (kind === undefined) throw unreadable(path, 'it is not an index');
  return kind;
}

/** The first bytes of a file; zeros where it is shorter. */
async function readStart(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    return (await file.read(Buffer.alloc(bytes), 0, bytes, 0)).buffer;
  } finally {
    await file.close();
  }
}

function unreadable(path: string, problem: string, cause?: unknown): AppError {
  return new AppError(`The index ${path} cannot be opened: ${problem}.`, {
    code: 'RETRIEVAL_INDEX_UNREADABLE',
    category: 'artifact',
    remedy: 'Build the index again, or use another bundle.',
    context: { file: path },
    cause,
  });
}
