import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, readSecret } from '@facet/platform';
import type { TlsFiles } from '@facet/platform';
import { ConsistencyLevelEnum, DataType, LoadState, logger, MilvusClient } from '@zilliz/milvus2-sdk-node';
import { toSphere, toSphereQueries } from '../indexes/euclidean.ts';

/** The segments of each collection. The package types them as `any`. */
type FlushedSegments = Readonly<Record<string, { readonly data: number[] }>>;

/** How to reach a Milvus. */
export interface MilvusSettings {
  /** `host:port` */
  readonly address: string;
  /** Contains `user:password` or an API key. */
  readonly tokenFile: string | undefined;
  /** Undefined: connections in plain text. */
  readonly tls: TlsFiles | undefined;
}

/** The kinds of indexes that Milvus builds. */
export type MilvusKind = 'hnsw' | 'ivf';

/** Milvus refuses to return more items per query. */
export const milvusItemsMax = 16_384;

const callTimeoutMs = 5_000;
/** For calls that write or change a collection. */
const changeTimeoutMs = 60_000;
const pollMs = 200;
/** Milvus refuses to keep more candidates. */
const efMax = 32_768;
/** Parameters of the graph that Faiss also builds by default, with more candidates while linking. */
const graphParameters = { M: 32, efConstruction: 128 };
const fields = { item: 'item', vector: 'vector' } as const;

/** A connection to a Milvus. A collection contains the item vectors of a bundle. */
export type Milvus = ReturnType<typeof openMilvus>;

/**
 * Opens a connection. Does not wait for Milvus: each call connects again if necessary. Every call rejects with AppError
 * `MILVUS_UNAVAILABLE` if Milvus does not respond or refuses it.
 *
 * @throws AppError `CONNECTION_FILE_UNREADABLE` for the file of the token.
 */
export function openMilvus({ address, tokenFile, tls }: MilvusSettings) {
  // The SDK logs to standard output.
  logger.silent = true;
  const client = new MilvusClient({
    address,
    ...(tokenFile !== undefined && { token: readSecret(tokenFile) }),
    ...(tls !== undefined && { ssl: true, tls: contentsOf(tls) }),
    // The SDK would try a first connection once, and keep its failure.
    __SKIP_CONNECT__: true,
    telemetry: { enabled: false },
    timeout: callTimeoutMs,
    // A retry of the SDK gets the whole time limit again.
    maxRetries: 0,
    // Calls in flight. They share a connection.
    pool: { min: 1, max: 64 },
    channelOptions: { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 2_000 },
  });

  /** @throws AppError `MILVUS_UNAVAILABLE` */
  async function call<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    try {
      const result = await work();
      const problem = problemIn(result);
      if (problem !== undefined) throw new Error(problem);
      return result;
    } catch (error) {
      throw callFailed(address, what, error);
    }
  }

  async function hasCollection(name: string): Promise<boolean> {
    const { value } = await call('look for a collection', () => client.hasCollection({ collection_name: name }));
    return value === true;
  }

  async function waitUntil(isDone: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    while (!(await isDone())) await delay(pollMs, undefined, { signal });
  }

  return {
    address,
    /** Returns the error for a late or wrong response. */
    badResponse: (what: string, problem: string): AppError =>
      milvusUnavailable(address, what, problem, {
        remedy: 'Check the log and the load of Milvus. Searches run in process until it responds in time.',
      }),
    async listCollections(): Promise<readonly string[]> {
      const { data } = await call('list the collections', () => client.showCollections());
      return data.map(({ name }) => name);
    },
    /** Creates a collection for vectors of D values and an index of the kind, unless it exists. Returns whether it did not exist. */
    async createCollection(
      name: string,
      kind: MilvusKind,
      { dim, items }: { readonly dim: number; readonly items: number },
    ): Promise<boolean> {
      const isNew = !(await hasCollection(name));
      if (isNew) {
        const creation = call('create a collection', () =>
          client.createCollection({
            collection_name: name,
            fields: [
              { name: fields.item, data_type: DataType.Int64, is_primary_key: true, autoID: false },
              { name: fields.vector, data_type: DataType.FloatVector, dim: dim + 1 },
            ],
            timeout: changeTimeoutMs,
          }),
        );
        // A process on another host may have created it first.
        await creation.catch(async (error: unknown) => {
          if (!(await hasCollection(name))) throw error;
        });
      }
      // A killed process may have left the collection without an index.
      const { index_descriptions: indexes } = await client.describeIndex({ collection_name: name }).catch(() => ({
        index_descriptions: [],
      }));
      if (indexes.length > 0) return isNew;
      await call('create an index', () =>
        client.createIndex({
          collection_name: name,
          field_name: fields.vector,
          metric_type: 'L2',
          ...(kind === 'hnsw'
            ? { index_type: 'HNSW', params: graphParameters }
            : { index_type: 'IVF_FLAT', params: { nlist: clustersOf(items) } }),
          timeout: changeTimeoutMs,
        }),
      );
      return isNew;
    },
    /**
     * Writes consecutive items; those that the collection contains are replaced. In the sphere, the inner product is the order of
     * distances: see euclidean.ts.
     */
    async upsert(
      name: string,
      firstItem: number,
      vectors: Float32Array,
      { dim, radiusSquared }: { readonly dim: number; readonly radiusSquared: number },
    ): Promise<void> {
      const rows = toSphere(vectors, dim, radiusSquared);
      const width = dim + 1;
      const data = Array.from({ length: rows.length / width }, (_, row) => ({
        [fields.item]: firstItem + row,
        [fields.vector]: Array.from(rows.subarray(row * width, (row + 1) * width)),
      }));
      await call('write vectors', () => client.upsert({ collection_name: name, data, timeout: changeTimeoutMs }));
    },
    /** Seals what was written and waits until it is indexed. @param signal ends the wait. */
    async finish(name: string, signal: AbortSignal): Promise<void> {
      const flush = await call('flush a collection', () =>
        client.flush({ collection_names: [name], timeout: changeTimeoutMs }),
      );
      // Milvus describes the index of flushed segments only, and flushes after it has responded.
      const segmentIDs = (flush.coll_segIDs as FlushedSegments)[name]?.data ?? [];
      await waitUntil(async () => {
        const { flushed } = await call('read a flush state', () =>
          client.getFlushState({ collection_name: name, segmentIDs }),
        );
        return flushed;
      }, signal);
      await waitUntil(async () => {
        const { index_descriptions: indexes } = await call('describe an index', () =>
          client.describeIndex({ collection_name: name }),
        );
        const [index] = indexes;
        if (index?.state === 'Failed') throw callFailed(address, 'build an index', index.index_state_fail_reason);
        return index?.state === 'Finished' && Number(index.pending_index_rows) === 0;
      }, signal);
    },
    /** Loads a collection into the memory of Milvus, unless it is already loaded. @param signal ends the wait. */
    async load(name: string, signal: AbortSignal): Promise<void> {
      const isLoaded = async (): Promise<boolean> => {
        const { state } = await call('read a load state', () => client.getLoadState({ collection_name: name }));
        return state === LoadState.LoadStateLoaded;
      };
      if (await isLoaded()) return;
      await call('load a collection', () =>
        client.loadCollectionAsync({ collection_name: name, timeout: changeTimeoutMs }),
      );
      await waitUntil(isLoaded, signal);
    },
    /** Returns the number of rows, including the newest. */
    async count(name: string): Promise<number> {
      const { data } = await call('count rows', () =>
        client.query({
          collection_name: name,
          output_fields: ['count(*)'],
          consistency_level: ConsistencyLevelEnum.Strong,
        }),
      );
      return Number(data[0]!['count(*)']);
    },
    /** Returns the aliases of a collection; none if there is no such collection. */
    async listAliases(name: string): Promise<readonly string[]> {
      try {
        const { aliases } = await call('list aliases', () => client.listAliases({ collection_name: name }));
        return aliases;
      } catch (error) {
        if (await hasCollection(name)) throw error;
        return [];
      }
    },
    async addAlias(name: string, alias: string): Promise<void> {
      await call('create an alias', () => client.createAlias({ collection_name: name, alias }));
    },
    async dropAlias(alias: string): Promise<void> {
      await call('drop an alias', () => client.dropAlias({ alias }));
    },
    /** Drops a collection without aliases. */
    async drop(name: string): Promise<void> {
      await call('drop a collection', () => client.dropCollection({ collection_name: name, timeout: changeTimeoutMs }));
    },
    /**
     * Returns the items nearest to each query, `[Q][at most k]`.
     *
     * @param name of a collection or an alias.
     * @param search.queries `[Q, D]` row by row.
     * @param search.breadth `efSearch` or `nprobe`.
     */
    async search(
      name: string,
      search: {
        readonly kind: MilvusKind;
        readonly queries: Float32Array;
        readonly dim: number;
        readonly k: number;
        readonly breadth: number;
        readonly timeoutMs: number;
      },
    ): Promise<readonly Int32Array[]> {
      const { kind, queries, dim, k, breadth, timeoutMs } = search;
      const width = dim + 1;
      const wide = toSphereQueries(queries, dim);
      const data = Array.from({ length: wide.length / width }, (_, query) =>
        Array.from(wide.subarray(query * width, (query + 1) * width)),
      );
      const { results } = await call('search', () =>
        client.search({
          collection_name: name,
          data,
          limit: k,
          params: kind === 'hnsw' ? { ef: Math.min(efMax, Math.max(breadth, k)) } : { nprobe: breadth },
          output_fields: [fields.item],
          // A collection is searched only after its vectors have been counted, and never changes then.
          consistency_level: ConsistencyLevelEnum.Eventually,
          timeout: timeoutMs,
        }),
      );
      // Of a single query, the SDK returns the list itself.
      const lists = (data.length === 1 ? [results] : results) as unknown as readonly (readonly Record<
        string,
        unknown
      >[])[];
      return data.map((_, query) => Int32Array.from(lists[query] ?? [], (hit) => Number(hit[fields.item])));
    },
    async close(): Promise<void> {
      await client.closeConnection();
    },
  };
}

function contentsOf({ caFile, certFile, keyFile }: TlsFiles) {
  return {
    ...(caFile !== undefined && { rootCert: readFileSync(caFile) }),
    ...(certFile !== undefined && { certChain: readFileSync(certFile) }),
    ...(keyFile !== undefined && { privateKey: readFileSync(keyFile) }),
  };
}

/** Returns the number of clusters: as many as Faiss builds, but Milvus refuses more than 65,536. */
export function clustersOf(items: number): number {
  return Math.max(1, Math.min(65_536, Math.round(4 * Math.sqrt(items)), Math.floor(items / 39)));
}

/** Returns the problem in a response, which is a status or has one. */
function problemIn(response: unknown): string | undefined {
  const { status = response } = (response ?? {}) as { readonly status?: unknown };
  const { code, error_code: errorCode, reason } = (status ?? {}) as Readonly<Record<string, unknown>>;
  const isSuccess =
    Number(code ?? 0) === 0 && [undefined, 0, 'Success'].includes(errorCode as string | number | undefined);
  return isSuccess ? undefined : String(reason);
}

/** Returns the error for a call that failed. */
function callFailed(address: string, what: string, error: unknown): AppError {
  const { details, reason, message } = (error ?? {}) as Readonly<Record<string, unknown>>;
  const problem = String(details ?? reason ?? message ?? error).replace(/[\s.]+$/, '');
  return milvusUnavailable(address, what, problem, {
    remedy: 'Start Milvus, or correct FACET_MILVUS_ADDRESS and the other FACET_MILVUS settings.',
    cause: error,
  });
}

function milvusUnavailable(
  address: string,
  what: string,
  problem: string,
  details: { readonly remedy: string; readonly cause?: unknown },
): AppError {
  return new AppError(`Milvus at ${address} cannot ${what}: ${problem}.`, {
    code: 'MILVUS_UNAVAILABLE',
    category: 'unavailable',
    context: { address },
    retryable: true,
    ...details,
  });
}
