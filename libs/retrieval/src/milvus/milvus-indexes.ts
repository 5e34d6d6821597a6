import { setTimeout as delay } from 'node:timers/promises';
import { describeError, dot, repeat } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { checkQueries, closedIndex, emptyResult } from '../indexes/checks.ts';
import type { SearchResult, VectorIndex } from '../indexes/vector-index.ts';
import { MilvusCollections } from './milvus-collections.ts';
import type { BundleCollection, MilvusBundle } from './milvus-collections.ts';
import { milvusItemsMax, openMilvus } from './milvus.ts';
import type { Milvus, MilvusSettings } from './milvus.ts';

export interface MilvusIndexesOptions {
  readonly milvus: MilvusSettings;
  readonly installationId: string;
  /** Whether this process fills and drops collections. Of the processes of a server, one does. */
  readonly fills: boolean;
  /** Time limit of a search. After it, the search is repeated in process. */
  readonly searchMsMax: number;
  readonly metrics: {
    /** @param outcome `failed`: repeated in process; `in_process`: not sent to Milvus. */
    countMilvusSearch(outcome: 'milvus' | 'failed' | 'in_process'): void;
    /** @param bundles the number of open indexes that are searched in process. */
    setMilvusWaiting(bundles: number): void;
  };
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** A search that returns more items, over all its queries, runs in process. Default: 4,096. */
  readonly hitsMax?: number;
  /** A collection is dropped when no process has used it for this time. Default: an hour. */
  readonly graceMs?: number;
}

/** The collection of a loaded bundle. */
interface OpenCollection extends BundleCollection {
  /** Open indexes of the bundle. */
  holders: number;
  /** The state of the collection in this process. Only a complete collection is searched. */
  state: 'waiting' | 'searched' | 'failing';
  /** Increased with each change of the state. */
  stateVersion: number;
  /** Consecutive failed searches of this period. */
  failures: number;
  /** Consecutive failed checks of this period. */
  failedChecks: number;
  /** Pause before the next check after a failure. Grows while failures repeat. */
  recheckMs: number;
  /** The time of the next check, in milliseconds of the monotonic clock. */
  dueAt: number;
  /** Ends the wait for `dueAt`, because it has changed. */
  wake: () => void;
}

const graceMsDefault = 3_600_000;
const checkEveryMs = 30_000;
/** Pause between checks of a collection that another process fills, and after a first failure. */
const recheckEveryMs = 1_000;
/** Time limit of the first search after a fill or an outage, which fills the caches of Milvus. */
const warmUpMsMax = 5_000;
/** A Milvus that does not respond delays a shutdown by at most this time. */
const closeMsMax = 1_000;
/** Consecutive failed searches, or checks, after which searches stop going to Milvus. */
const failuresMax = 3;
/** Decoding and scoring items blocks other requests, which a search in process does not. */
const hitsMaxDefault = 4_096;

/**
 * Searches the indexes of loaded bundles in Milvus. Each bundle has a collection, which is filled in the background. Until the collection
 * is complete, and whenever Milvus fails, the bundle is searched in process. Milvus only finds candidates: scores are inner products of the
 * vectors of the bundle, so they do not depend on where a search runs.
 */
export class MilvusIndexes {
  readonly #options: MilvusIndexesOptions;
  readonly #milvus: Milvus;
  readonly #graceMs: number;
  readonly #collections: MilvusCollections;
  readonly #open = new Set<OpenCollection>();
  readonly #tending = new Set<Promise<void>>();
  readonly #stopSweeping: () => Promise<void>;
  #isFailing = false;
  /** Monotonic milliseconds. After an outage, processes have not yet marked the collections that they use. */
  #sweepsAfter = 0;

  /** @throws AppError `CONNECTION_FILE_UNREADABLE` */
  constructor(options: MilvusIndexesOptions) {
    this.#options = options;
    this.#milvus = openMilvus(options.milvus);
    this.#graceMs = options.graceMs ?? graceMsDefault;
    const { installationId } = options;
    this.#collections = new MilvusCollections(this.#milvus, { installationId, graceMs: this.#graceMs });
    this.#stopSweeping = repeat(
      this.#collections.markEveryMs,
      () => this.#sweep(),
      (error) => this.#warn(error, 'unused collections cannot be dropped'),
    );
  }

  /**
   * Returns an index that is searched in Milvus as soon as the collection of the bundle is complete. Closing it closes the index of the
   * bundle. An exact index is returned unchanged: it finds everything, in less time than a call.
   */
  open(bundle: MilvusBundle): VectorIndex {
    const { kind } = bundle.index;
    if ((kind !== 'hnsw' && kind !== 'ivf') || bundle.index.size === 0) return bundle.index;
    const name = this.#collections.nameOf(bundle.id);
    // An arm of an experiment can name the live bundle.
    const shared = [...this.#open].find((other) => other.name === name);
    if (shared !== undefined) {
      shared.holders++;
      return this.#indexOf(shared, bundle.index);
    }
    const collection: OpenCollection = {
      bundle,
      name,
      kind,
      holders: 1,
      closing: new AbortController(),
      state: 'waiting',
      stateVersion: 0,
      failures: 0,
      failedChecks: 0,
      rowsWritten: 0,
      recheckMs: recheckEveryMs,
      dueAt: 0,
      wake: () => undefined,
    };
    this.#open.add(collection);
    this.#report();
    const tending = this.#tend(collection).finally(() => this.#tending.delete(tending));
    this.#tending.add(tending);
    return this.#indexOf(collection, bundle.index);
  }

  /** Ends the work in the background. Drops nothing. */
  async close(): Promise<void> {
    for (const collection of this.#open) this.#closeCollection(collection);
    const closed = Promise.all([this.#stopSweeping(), ...this.#tending]).then(() => this.#milvus.close());
    await Promise.race([closed, delay(closeMsMax, undefined, { ref: false })]);
  }

  #closeCollection(collection: OpenCollection): void {
    collection.closing.abort();
    collection.wake();
    if (this.#open.delete(collection)) this.#report();
  }

  /** @param index the index in process. It is closed after the last search. */
  #indexOf(collection: OpenCollection, index: VectorIndex): VectorIndex {
    const { kind, size, dim } = index;
    const { hitsMax = hitsMaxDefault, metrics, searchMsMax: timeoutMs } = this.#options;
    let isClosed = false;
    let running = 0;
    const closeIfUnused = (): void => {
      if (isClosed && running === 0) index.close();
    };
    return {
      kind,
      size,
      dim,
      async scan(...args) {
        if (isClosed) throw closedIndex();
        return index.scan(...args);
      },
      search: async (queries, k, parameters = {}) => {
        if (isClosed) throw closedIndex();
        const queryCount = checkQueries(queries, dim, k, parameters);
        const isSent =
          collection.state === 'searched' &&
          parameters.allowed === undefined &&
          queryCount > 0 &&
          queryCount * Math.min(k, size) <= hitsMax &&
          Math.min(k, size) <= milvusItemsMax;
        if (!isSent) {
          metrics.countMilvusSearch('in_process');
          return index.search(queries, k, parameters);
        }
        // The caller may reuse the queries as soon as the search has begun.
        const copied = queries.slice();
        const { stateVersion } = collection;
        running++;
        try {
          const found = await this.#collections.search(collection, copied, Math.min(k, size), {
            ...parameters,
            timeoutMs,
          });
          if (collection.stateVersion === stateVersion) collection.failures = 0;
          metrics.countMilvusSearch('milvus');
          return scoreItems(found, copied, k, collection.bundle);
        } catch (error) {
          metrics.countMilvusSearch('failed');
          // Searches that began before an outage was known do not extend it.
          if (collection.stateVersion === stateVersion && ++collection.failures >= failuresMax) {
            this.#fail(collection, error);
          }
          return await index.search(copied, k, parameters);
        } finally {
          running--;
          closeIfUnused();
        }
      },
      close: () => {
        if (isClosed) return;
        isClosed = true;
        if (--collection.holders === 0) this.#closeCollection(collection);
        closeIfUnused();
      },
    };
  }

  /** Keeps the collection of a bundle complete until the bundle is closed. */
  async #tend(collection: OpenCollection): Promise<void> {
    const { signal } = collection.closing;
    while (!signal.aborted) {
      try {
        const wasSearched = collection.state === 'searched';
        const isComplete = await this.#check(collection);
        collection.failedChecks = 0;
        this.#set(collection, isComplete ? 'searched' : 'waiting');
        this.#recover();
        if (wasSearched) collection.recheckMs = recheckEveryMs;
        const pauseMs = isComplete ? Math.min(checkEveryMs, this.#collections.markEveryMs) : recheckEveryMs;
        collection.dueAt = performance.now() + pauseMs;
      } catch (error) {
        // One slow check does not stop searches that work.
        if (collection.state === 'searched' && ++collection.failedChecks < failuresMax) {
          collection.dueAt = performance.now() + recheckEveryMs;
        } else this.#fail(collection, error);
      }
      while (!signal.aborted && performance.now() < collection.dueAt) {
        const pause = new AbortController();
        collection.wake = () => pause.abort();
        const pauseMs = collection.dueAt - performance.now();
        await delay(pauseMs, undefined, { ref: false, signal: pause.signal }).catch(() => undefined);
      }
    }
  }

  /** Returns whether the collection is complete. Fills it if this process does so. */
  async #check(collection: OpenCollection): Promise<boolean> {
    const { name, bundle } = collection;
    const { fills, searchMsMax } = this.#options;
    if (!(await this.#collections.markComplete(name))) {
      // A failing collection recovers only after it was filled.
      if (collection.state === 'searched') this.#set(collection, 'waiting');
      if (!fills) return false;
      const start = performance.now();
      if (await this.#collections.fill(collection)) {
        const ms = Math.round(performance.now() - start);
        this.#info({ bundleId: bundle.id, items: bundle.index.size, ms }, 'collection filled: searching in Milvus');
      }
      await this.#collections.markComplete(name);
    }
    await this.#collections.load(collection);
    await this.#collections.requireAllRows(collection, () => this.#set(collection, 'waiting'));
    const query = bundle.vectors.slice(bundle.index.dim, 2 * bundle.index.dim);
    await this.#collections.search(collection, query, 1, { timeoutMs: warmUpMsMax });
    await this.#collections.search(collection, query, 1, { timeoutMs: searchMsMax });
    return true;
  }

  /** Drops the unused collections of this installation, while a bundle is searched. */
  async #sweep(): Promise<void> {
    const isSearched = [...this.#open].some(({ state }) => state === 'searched');
    if (!this.#options.fills || !isSearched || performance.now() < this.#sweepsAfter) return;
    const used = new Set(Array.from(this.#open, ({ name }) => name));
    await this.#collections.dropUnused(used, (collection) => this.#info({ collection }, 'unused collection dropped'));
  }

  #fail(collection: OpenCollection, problem: unknown): void {
    if (collection.closing.signal.aborted) return;
    if (!this.#isFailing) this.#warn(problem, 'Milvus cannot be used: searching in process');
    this.#isFailing = true;
    this.#set(collection, 'failing');
    collection.dueAt = performance.now() + collection.recheckMs;
    collection.recheckMs = Math.min(checkEveryMs, 2 * collection.recheckMs);
    collection.wake();
  }

  #set(collection: OpenCollection, state: OpenCollection['state']): void {
    if (collection.state === state) return;
    collection.state = state;
    collection.stateVersion++;
    collection.failures = 0;
    collection.failedChecks = 0;
    this.#report();
  }

  #report(): void {
    const states = Array.from(this.#open, ({ state }) => state);
    this.#options.metrics.setMilvusWaiting(states.filter((state) => state !== 'searched').length);
  }

  /** Ends an outage after a check that succeeded, unless another collection still fails. */
  #recover(): void {
    if (!this.#isFailing || [...this.#open].some(({ state }) => state === 'failing')) return;
    this.#isFailing = false;
    this.#sweepsAfter = performance.now() + this.#graceMs;
    this.#info({}, 'Milvus responds again');
  }

  #info(facts: object, message: string): void {
    this.#options.logger.info({ address: this.#milvus.address, ...facts }, message);
  }

  #warn(problem: unknown, message: string): void {
    this.#options.logger.warn({ address: this.#milvus.address, problem: describeError(problem) }, message);
  }
}

/** Scores the items found for each query, and returns the k best, each once. Equal scores are ordered by item. */
function scoreItems(
  found: readonly Int32Array[],
  queries: Float32Array,
  k: number,
  { vectors, index: { dim } }: MilvusBundle,
): SearchResult {
  const result = emptyResult(found.length, k);
  found.forEach((items, query) => {
    const scored = Array.from(new Set(items), (item) => ({
      item,
      score: Math.fround(dot(queries, query * dim, vectors, item * dim, dim)),
    }));
    scored.sort((a, b) => b.score - a.score || a.item - b.item);
    scored.slice(0, k).forEach(({ item, score }, rank) => {
      result.ids[query * k + rank] = item;
      result.scores[query * k + rank] = score;
    });
  });
  return result;
}
