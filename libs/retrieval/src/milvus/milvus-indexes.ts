import { setImmediate as yieldToEventLoop, setTimeout as delay } from 'node:timers/promises';
import { AppError, dot, repeat } from '@facet/platform';
import { checkQueries, closedIndex, emptyResult } from '../indexes/checks.ts';
import { squaredRadius } from '../indexes/euclidean.ts';
import { efSearchDefault } from '../search-cost.ts';
import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';
import { clustersOf, milvusItemsMax, openMilvus } from './milvus.ts';
import type { Milvus, MilvusKind, MilvusSettings } from './milvus.ts';

/** Observes the searches and collections. The calls must not throw. */
export interface MilvusObserver {
  /** @param outcome `failed`: repeated in process; `in_process`: not sent to Milvus. */
  searched(outcome: 'milvus' | 'failed' | 'in_process'): void;
  /** @param waiting the number of open indexes that are searched in process. */
  changed(waiting: number): void;
  /** Milvus responds no longer, or not yet. Called once per outage. */
  failed(problem: unknown): void;
  recovered(): void;
  /** Unused collections could not be dropped. */
  sweepFailed(problem: unknown): void;
  filled(facts: { readonly bundleId: string; readonly items: number; readonly ms: number }): void;
  dropped(collection: string): void;
}

export interface MilvusIndexesOptions {
  readonly milvus: MilvusSettings;
  readonly installationId: string;
  /** Whether this process fills and drops collections. Of the processes of a server, one does. */
  readonly fills: boolean;
  /** Time limit of a search. After it, the search is repeated in process. */
  readonly searchMsMax: number;
  readonly observer: MilvusObserver;
  /** A search that returns more items, over all its queries, runs in process. Default: 4,096. */
  readonly hitsMax?: number;
  /** A collection is dropped when no process has used it for this time. Default: an hour. */
  readonly graceMs?: number;
}

/** What a search in process and the vectors of a bundle provide. */
export interface MilvusBundle {
  readonly id: string;
  readonly index: VectorIndex;
  /** `[N + 1, D]`; row 0 is padding. */
  readonly vectors: Float32Array;
}

/** The collection of a loaded bundle. */
interface OpenCollection {
  readonly bundle: MilvusBundle;
  readonly name: string;
  readonly kind: MilvusKind;
  readonly closing: AbortController;
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
  /** Rows that this process has written. */
  rowsWritten: number;
  /** Pause before the next check after a failure. Grows while failures repeat. */
  recheckMs: number;
  /** The time of the next check, in milliseconds of the monotonic clock. */
  dueAt: number;
  /** Ends the wait for `dueAt`, because it has changed. */
  wake: () => void;
}

const graceMsDefault = 3_600_000;
/** Parts of the grace period after which a process renews its mark at a collection. */
const marksPerGrace = 6;
const checkEveryMs = 30_000;
/** Pause between checks of a collection that another process fills, and after a first failure. */
const recheckEveryMs = 1_000;
/** Limits of the time to build an index or to load it after a fill, and of the time to load it at a check. */
const buildMsMax = 1_800_000;
const loadMsMax = 60_000;
/** Time limit of the first search after a fill or an outage, which fills the caches of Milvus. */
const warmUpMsMax = 5_000;
/** A Milvus that does not respond delays a shutdown by at most this time. */
const closeMsMax = 1_000;
/** Vectors read between two turns of the event loop. */
const rowsPerTurn = 10_000;
/** Consecutive failed searches, or checks, after which searches stop going to Milvus. */
const failuresMax = 3;
/** Decoding and scoring items blocks other requests, which a search in process does not. */
const hitsMaxDefault = 4_096;
/** Values per write. Encoding them blocks requests for a few milliseconds, and a pause follows. */
const valuesPerWrite = 8_192;
const writePauseMs = 5;

/**
 * Searches the indexes of loaded bundles in Milvus. Each bundle has a collection, which is filled in the background. Until the collection
 * is complete, and whenever Milvus fails, the bundle is searched in process. Milvus only finds candidates: scores are inner products of the
 * vectors of the bundle, so they do not depend on where a search runs.
 *
 * Aliases record the state of a collection. `NAME_complete` means that it contains all vectors. Searches use this alias, so they never
 * read a partial collection. `NAME_used_TIME` means that a process used it at that time.
 */
export class MilvusIndexes {
  readonly #options: MilvusIndexesOptions;
  readonly #milvus: Milvus;
  readonly #prefix: string;
  readonly #graceMs: number;
  readonly #markEveryMs: number;
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
    this.#prefix = `facet_${options.installationId.replaceAll('-', '')}_`;
    this.#graceMs = options.graceMs ?? graceMsDefault;
    this.#markEveryMs = this.#graceMs / marksPerGrace;
    this.#stopSweeping = repeat(
      this.#markEveryMs,
      () => this.#sweep(),
      (error) => options.observer.sweepFailed(error),
    );
  }

  /**
   * Returns an index that is searched in Milvus as soon as the collection of the bundle is complete. Closing it closes the index of the
   * bundle. An exact index is returned unchanged: it finds everything, in less time than a call.
   */
  open(bundle: MilvusBundle): VectorIndex {
    const { kind } = bundle.index;
    if ((kind !== 'hnsw' && kind !== 'ivf') || bundle.index.size === 0) return bundle.index;
    const name = `${this.#prefix}${bundle.id.replaceAll(/\W/g, '')}`;
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
    const { hitsMax = hitsMaxDefault, observer } = this.#options;
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
          observer.searched('in_process');
          return index.search(queries, k, parameters);
        }
        // The caller may reuse the queries as soon as the search has begun.
        const copied = queries.slice();
        const { stateVersion } = collection;
        running++;
        try {
          const found = await this.#find(collection, copied, Math.min(k, size), parameters);
          if (collection.stateVersion === stateVersion) collection.failures = 0;
          observer.searched('milvus');
          return scoreItems(found, copied, k, collection.bundle);
        } catch (error) {
          observer.searched('failed');
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

  /** @throws AppError `MILVUS_UNAVAILABLE`, also after the time limit and for items that the bundle does not have. */
  async #find(
    { bundle, name, kind }: OpenCollection,
    queries: Float32Array,
    k: number,
    { efSearch, nprobe }: SearchParameters,
    timeoutMs = this.#options.searchMsMax,
  ): Promise<readonly Int32Array[]> {
    const { size, dim } = bundle.index;
    const breadth = kind === 'hnsw' ? (efSearch ?? efSearchDefault) : Math.min(nprobe ?? 1, clustersOf(size));
    const waiting = new AbortController();
    // A call can also wait for its turn, which the time limit of the SDK does not include.
    const late = delay(timeoutMs, undefined, { signal: waiting.signal }).then(() => {
      throw this.#unusable(`search ${name}`, `it took more than ${timeoutMs} ms`);
    });
    late.catch(() => undefined);
    const search = this.#milvus.search(completeAlias(name), { kind, queries, dim, k, breadth, timeoutMs });
    search.catch(() => undefined);
    try {
      const found = await Promise.race([search, late]);
      for (const items of found) {
        const wrong = items.find((item) => item < 1 || item > size);
        if (wrong !== undefined) throw this.#unusable(`search ${name}`, `it returned item ${wrong} of ${size}`);
        if (items.length === 0) throw this.#unusable(`search ${name}`, 'it returned no items');
      }
      return found;
    } finally {
      waiting.abort();
    }
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
        const pauseMs = isComplete ? Math.min(checkEveryMs, this.#markEveryMs) : recheckEveryMs;
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
    const { name, bundle, closing } = collection;
    const milvus = this.#milvus;
    let aliases = await milvus.listAliases(name);
    if (!aliases.includes(completeAlias(name))) {
      // A failing collection recovers only after it was filled.
      if (collection.state === 'searched') this.#set(collection, 'waiting');
      if (!this.#options.fills) return false;
      await this.#fill(collection);
      aliases = await milvus.listAliases(name);
    }
    await this.#mark(name, aliases);
    await this.#within(loadMsMax, `load ${name}`, closing, (signal) => milvus.load(name, signal));
    await this.#requireAllRows(collection);
    const query = bundle.vectors.slice(bundle.index.dim, 2 * bundle.index.dim);
    await this.#find(collection, query, 1, {}, warmUpMsMax);
    await this.#find(collection, query, 1, {});
    return true;
  }

  async #fill(collection: OpenCollection): Promise<void> {
    const { bundle, name, kind, closing } = collection;
    const milvus = this.#milvus;
    const { dim, size } = bundle.index;
    const vectors = bundle.vectors.subarray(dim);
    const start = performance.now();
    if (await milvus.createCollection(name, kind, { dim, items: size })) collection.rowsWritten = 0;
    await this.#mark(name, await milvus.listAliases(name));
    const sphere = { dim, radiusSquared: 0 };
    for (let row = 0; row < size; row += rowsPerTurn) {
      const radiusSquared = squaredRadius(vectors.subarray(row * dim, Math.min(size, row + rowsPerTurn) * dim), dim);
      sphere.radiusSquared = Math.max(sphere.radiusSquared, radiusSquared);
      await yieldToEventLoop();
    }
    const rows = Math.max(1, Math.floor(valuesPerWrite / dim));
    // After a failure, the next attempt continues here.
    while (collection.rowsWritten < size) {
      closing.signal.throwIfAborted();
      const aliases = await milvus.listAliases(name);
      // A process on another host has completed the collection.
      if (aliases.includes(completeAlias(name))) return;
      await this.#mark(name, aliases);
      const row = collection.rowsWritten;
      const end = Math.min(size, row + rows);
      await milvus.upsert(name, row + 1, vectors.subarray(row * dim, end * dim), sphere);
      collection.rowsWritten = end;
      await delay(writePauseMs);
    }
    await this.#within(buildMsMax, `index ${name}`, closing, (signal) => milvus.finish(name, signal));
    await this.#within(buildMsMax, `load ${name}`, closing, (signal) => milvus.load(name, signal));
    await this.#requireAllRows(collection);
    await this.#addAlias(name, completeAlias(name));
    this.#options.observer.filled({ bundleId: bundle.id, items: size, ms: Math.round(performance.now() - start) });
  }

  /** Removes the mark of a complete collection that has other rows, or the collection if it has more. */
  async #requireAllRows(collection: OpenCollection): Promise<void> {
    const { name, bundle } = collection;
    const count = await this.#milvus.count(name);
    const { size } = bundle.index;
    if (count === size) return;
    this.#set(collection, 'waiting');
    collection.rowsWritten = 0;
    // An upsert does not remove rows.
    if (count > size) await this.#drop(name);
    else await this.#dropAliases(name, (alias) => alias === completeAlias(name));
    throw this.#unusable(`use ${name}`, `it contains ${count} of ${size} items`);
  }

  async #dropAliases(name: string, isDropped: (alias: string) => boolean): Promise<void> {
    for (const alias of (await this.#milvus.listAliases(name)).filter(isDropped)) await this.#milvus.dropAlias(alias);
  }

  /** Milvus refuses to drop a collection with aliases. */
  async #drop(name: string): Promise<void> {
    await this.#dropAliases(name, () => true);
    await this.#milvus.drop(name);
  }

  /** @throws AppError `MILVUS_UNAVAILABLE` after the time limit. */
  async #within(
    timeoutMs: number,
    what: string,
    closing: AbortController,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const late = AbortSignal.timeout(timeoutMs);
    try {
      await work(AbortSignal.any([closing.signal, late]));
    } catch (error) {
      throw late.aborted ? this.#unusable(what, `it took more than ${timeoutMs / 60_000} minutes`) : error;
    }
  }

  /** Marks a collection as used now, and removes older marks. */
  async #mark(name: string, aliases: readonly string[]): Promise<void> {
    const mark = usedAlias(name, Math.floor(Date.now() / this.#markEveryMs) * this.#markEveryMs);
    if (aliases.includes(mark)) return;
    await this.#addAlias(name, mark);
    for (const alias of aliases) {
      // Another process may have removed it.
      if (alias.startsWith(usedAlias(name, ''))) await this.#milvus.dropAlias(alias).catch(() => undefined);
    }
  }

  /** Another process may add the same alias. */
  async #addAlias(name: string, alias: string): Promise<void> {
    try {
      await this.#milvus.addAlias(name, alias);
    } catch (error) {
      if (!(await this.#milvus.listAliases(name)).includes(alias)) throw error;
    }
  }

  /** Drops the collections of this installation that no process has used for the grace period, while a bundle is searched. */
  async #sweep(): Promise<void> {
    const isSearched = [...this.#open].some(({ state }) => state === 'searched');
    if (!this.#options.fills || !isSearched || performance.now() < this.#sweepsAfter) return;
    const used = new Set(Array.from(this.#open, ({ name }) => name));
    const names = await this.#milvus.listCollections();
    const problems: unknown[] = [];
    for (const name of names.filter((one) => one.startsWith(this.#prefix) && !used.has(one))) {
      await this.#dropUnused(name).catch((error: unknown) => problems.push(error));
    }
    if (problems.length > 0) throw problems[0];
  }

  async #dropUnused(name: string): Promise<void> {
    const isUsed = (aliases: readonly string[]): boolean => {
      const times = aliases.map((alias) => Number(alias.split(usedAlias(name, ''))[1] ?? -Infinity));
      return Date.now() - Math.max(...times) <= this.#graceMs + this.#markEveryMs;
    };
    const aliases = await this.#milvus.listAliases(name);
    if (isUsed(aliases)) return;
    // A killed process has not marked it.
    if (!aliases.some((alias) => alias.startsWith(usedAlias(name, '')))) return this.#mark(name, aliases);
    const isComplete = (alias: string): boolean => alias === completeAlias(name);
    await this.#dropAliases(name, isComplete);
    // Another process may have begun to use it.
    if (isUsed(await this.#milvus.listAliases(name))) {
      if (aliases.some(isComplete)) await this.#addAlias(name, completeAlias(name));
      return;
    }
    await this.#drop(name);
    this.#options.observer.dropped(name);
  }

  #fail(collection: OpenCollection, problem: unknown): void {
    if (collection.closing.signal.aborted) return;
    if (!this.#isFailing) this.#options.observer.failed(problem);
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
    this.#options.observer.changed(states.filter((state) => state !== 'searched').length);
  }

  /** Ends an outage after a check that succeeded, unless another collection still fails. */
  #recover(): void {
    if (!this.#isFailing || [...this.#open].some(({ state }) => state === 'failing')) return;
    this.#isFailing = false;
    this.#sweepsAfter = performance.now() + this.#graceMs;
    this.#options.observer.recovered();
  }

  #unusable(what: string, problem: string): AppError {
    const { address } = this.#milvus;
    return new AppError(`Milvus at ${address} cannot ${what}: ${problem}.`, {
      code: 'MILVUS_UNAVAILABLE',
      category: 'unavailable',
      remedy: 'Check the log and the load of Milvus. Searches run in process until it responds in time.',
      context: { address },
      retryable: true,
    });
  }
}

const completeAlias = (name: string): string => `${name}_complete`;
const usedAlias = (name: string, at: number | ''): string => `${name}_used_${at}`;

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
