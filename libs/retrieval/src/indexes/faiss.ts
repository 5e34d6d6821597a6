import { open } from 'node:fs/promises';
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { AppError } from '@facet/platform';
import { Graph, Index, mapFile as mapIntoMemory, MetricType, setThreads } from 'faiss-node';
import { checkedIndex, checkVectors } from './checks.ts';
import { innerProduct, squaredNorm, squaredRadius, toSphere, toSphereQueries } from './euclidean.ts';
import { efSearchDefault } from './vector-index.ts';
import type { BuiltVectorIndex, SearchParameters, VectorIndex } from './vector-index.ts';

export type FaissIndexOptions =
  /** Scores every item: exact. */
  | { readonly kind: 'flat' }
  /** HNSW graph: fastest to search, slow to build. */
  | {
      readonly kind: 'hnsw';
      /** Links per item; 32 by default. */
      readonly neighbors?: number;
      /** Candidates kept while linking an item; 40 by default. */
      readonly efConstruction?: number;
    }
  /** Clusters (inverted lists): fastest to build. */
  | {
      readonly kind: 'ivf';
      /** Number of clusters; by default 4 sqrt(N), limited so that each has 39 items. */
      readonly lists?: number;
    };

/** Rows added between two turns of the event loop, so that signals and heartbeats are handled. */
const rowsPerTurn = 10_000;

/** Minimum items per cluster for k-means; Faiss warns below it. */
const itemsPerListMin = 39;

/** An `ivf` index of fewer items, too few for one cluster, is built as `flat`. */
export const ivfItemsMin = itemsPerListMin;

/** Training items per cluster. Faiss would subsample anyway, but only after copying every vector. */
const trainingItemsPerList = 64;

/** Index kind by the first four bytes of a file. */
const kindOfFile: ReadonlyMap<string, 'flat' | 'ivf' | 'graph'> = new Map([
  ['IxFI', 'flat'],
  ['IwFl', 'ivf'],
  ['FctG', 'graph'],
]);

/**
 * Sets the number of threads per call of Faiss, for the whole process. Use one while serving: requests already run in
 * parallel, and OpenMP and BLAS pools competing for cores cost a factor of ten (`OMP_NUM_THREADS=1` has the same
 * effect). Also use one for indexes that are stored: see `buildFaissIndex`.
 */
export function setFaissThreads(threads: number): void {
  setThreads(threads);
}

/**
 * Maps a file into memory. Its pages are shared with all processes that map it, and writes to the buffer do not reach
 * the file. The file is read ahead without blocking the event loop, may be deleted while mapped, and is unmapped when
 * the buffer is collected. Use it only for immutable files such as those of the artifact store: reading beyond the end
 * of a truncated file kills the process.
 *
 * @throws AppError `RETRIEVAL_FILE_UNREADABLE`.
 */
export async function mapFile(path: string): Promise<ArrayBuffer> {
  try {
    return await mapIntoMemory(path);
  } catch (error) {
    throw new AppError(`Cannot map the file: ${(error as Error).message}.`, {
      code: 'RETRIEVAL_FILE_UNREADABLE',
      category: 'artifact',
      remedy: 'Check that the file exists and is readable.',
      context: { file: path },
      cause: error,
    });
  }
}

/**
 * Builds a Faiss index for maximum inner product search. With one thread, equal vectors give an equal index; with more
 * threads, graphs differ between builds. An `ivf` index of fewer than {@link ivfItemsMin} items is built as `flat`.
 *
 * @param vectors `[N, D]` row by row, in the order of item indices; not retained.
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
    return { ...createGraphReader(graph), save: (path) => reportUnwritable(path, () => graph.writeAsync(path)) };
  }
  return { ...(await createReader(index, kind)), save: (path) => reportUnwritable(path, () => index.write(path)) };
}

/** @throws AppError `RETRIEVAL_INDEX_UNWRITABLE` if `write` fails. */
async function reportUnwritable(path: string, write: () => Promise<void> | void): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new AppError(`Cannot write the index to ${path}: ${(error as Error).message}.`, {
      code: 'RETRIEVAL_INDEX_UNWRITABLE',
      category: 'unavailable',
      remedy: 'Check that the folder exists and that the disk has free space.',
      retryable: true,
      cause: error,
    });
  }
}

/**
 * Opens a saved index of any kind without blocking the event loop.
 *
 * @param options.map Maps vectors and links like `mapFile`, so that processes share the pages of the file.
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

async function createReader(index: Index, kind: 'flat' | 'ivf'): Promise<VectorIndex> {
  const size = index.ntotal();
  if (kind === 'flat') {
    return checkedIndex('flat', size, index.getDimension(), {
      search: (queries, depth, parameters) => index.searchAsync(queries, depth, pickAllowed(parameters)),
      scan: (queries, depth, rows) => index.scanAsync(queries, depth, rows),
      dispose: () => index.dispose(),
    });
  }
  const dim = index.getDimension() - 1;
  const radiusSquared = size === 0 ? 0 : await distanceFromOrigin(index);
  return checkedIndex('ivf', size, dim, {
    async search(queries, depth, parameters) {
      const norms = Float64Array.from({ length: queries.length / dim }, (_, query) =>
        squaredNorm(queries, query * dim, dim),
      );
      const { nprobe } = parameters;
      const { labels, distances } = await index.searchAsync(toSphereQueries(queries, dim), depth, {
        ...(nprobe !== undefined && { nprobe }),
        ...pickAllowed(parameters),
      });
      const products = distances.map((distance, position) =>
        innerProduct(norms[Math.floor(position / depth)]!, radiusSquared, distance),
      );
      return { labels, distances: products };
    },
    scan: (queries, depth, rows) => index.scanAsync(toSphereQueries(queries, dim), depth, rows),
    dispose: () => index.dispose(),
  });
}

function createGraphReader(graph: Graph): VectorIndex {
  return checkedIndex('hnsw', graph.ntotal(), graph.getDimension(), {
    search(queries, depth, parameters) {
      const efSearch = Math.max(parameters.efSearch ?? efSearchDefault, depth);
      return graph.searchAsync(queries, depth, { efSearch, ...pickAllowed(parameters) });
    },
    scan: (queries, depth, rows) => graph.scanAsync(queries, depth, rows),
    dispose: () => graph.dispose(),
  });
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

/**
 * Returns the number of distances computed to build an `ivf` index: ten rounds of k-means, and the assignment of all
 * items.
 */
export function clusteringWork(size: number): number {
  const lists = listsOf({ kind: 'ivf' }, size);
  const trained = Math.min(size, lists * trainingItemsPerList);
  return (10 * trained + size) * lists;
}

/** Returns at most `countMax` evenly spaced rows, without copying all rows. */
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

/** Returns R^2 of a clustered index. On the sphere, every item has the same distance from the origin. */
async function distanceFromOrigin(index: Index): Promise<number> {
  const origin = new Float32Array(index.getDimension());
  // Faiss limits nprobe to the number of lists. A single list might be empty.
  return (await index.searchAsync(origin, 1, { nprobe: index.ntotal() })).distances[0]!;
}

/** Bit i of the bitmap belongs to label i, so the native classes read it unchanged. */
function pickAllowed({ allowed }: SearchParameters): SearchParameters {
  return allowed === undefined ? {} : { allowed };
}

async function readKind(path: string) {
  const head = await readStart(path, 4).catch((error: unknown) => {
    throw unreadable(path, (error as Error).message, error);
  });
  const kind = kindOfFile.get(head.toString('latin1'));
  if (kind === undefined) throw unreadable(path, 'the file is not an index');
  return kind;
}

/** Returns the first bytes of a file, padded with zeros. */
async function readStart(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    return (await file.read(Buffer.alloc(bytes), 0, bytes, 0)).buffer;
  } finally {
    await file.close();
  }
}

function unreadable(path: string, problem: string, cause?: unknown): AppError {
  return new AppError(`Cannot open the index ${path}: ${problem}.`, {
    code: 'RETRIEVAL_INDEX_UNREADABLE',
    category: 'artifact',
    remedy: 'Rebuild the index, or use another bundle.',
    context: { file: path },
    cause,
  });
}
