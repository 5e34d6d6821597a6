import { setImmediate as yieldToEventLoop, setTimeout as delay } from 'node:timers/promises';
import { squaredRadius } from '../indexes/euclidean.ts';
import { efSearchDefault } from '../indexes/vector-index.ts';
import type { SearchParameters, VectorIndex } from '../indexes/vector-index.ts';
import { clustersOf } from './milvus.ts';
import type { Milvus, MilvusKind } from './milvus.ts';

/** What a search in process and the vectors of a bundle provide. */
export interface MilvusBundle {
  readonly id: string;
  readonly index: VectorIndex;
  /** `[N + 1, D]`; row 0 is padding. */
  readonly vectors: Float32Array;
}

/** The collection with the vectors of a bundle. */
export interface BundleCollection {
  readonly bundle: MilvusBundle;
  readonly name: string;
  readonly kind: MilvusKind;
  /** Aborts the work on the collection. */
  readonly closing: AbortController;
  /** Rows that this process has written. */
  rowsWritten: number;
}

/** Parts of the grace period after which a process renews its mark at a collection. */
const marksPerGrace = 6;
/** Limits of the time to build an index or to load it after a fill, and of the time to load it at a check. */
const buildMsMax = 1_800_000;
const loadMsMax = 60_000;
/** Vectors read between two turns of the event loop. */
const rowsPerTurn = 10_000;
/** Values per write. Encoding them blocks requests for a few milliseconds, and a pause follows. */
const valuesPerWrite = 8_192;
const writePauseMs = 5;
/** Time between two reads of the aliases while a collection is filled. Each read delays the next write by some milliseconds. */
const aliasesEveryMs = 1_000;

/**
 * The collections of an installation in Milvus, which several processes use. Aliases record the state of a collection. `NAME_complete`
 * means that it contains all vectors. Searches use this alias, so they never read a partial collection. `NAME_used_TIME` means that a
 * process used it at that time.
 *
 * Each call rejects with AppError `MILVUS_UNAVAILABLE` if Milvus does not respond or refuses it, or with the abort reason of its signal.
 */
export class MilvusCollections {
  readonly #milvus: Milvus;
  readonly #prefix: string;
  readonly #graceMs: number;
  /** After this time, a process that uses a collection must mark it again. */
  readonly markEveryMs: number;

  /** @param graceMs A collection is unused when no process has marked it for this time. */
  constructor(
    milvus: Milvus,
    { installationId, graceMs }: { readonly installationId: string; readonly graceMs: number },
  ) {
    this.#milvus = milvus;
    this.#prefix = `facet_${installationId.replaceAll('-', '')}_`;
    this.#graceMs = graceMs;
    this.markEveryMs = graceMs / marksPerGrace;
  }

  nameOf(bundleId: string): string {
    return `${this.#prefix}${bundleId.replaceAll(/\W/g, '')}`;
  }

  /** @throws AppError `MILVUS_UNAVAILABLE`, also after the time limit and for items that the bundle does not have. */
  async search(
    { bundle, name, kind }: BundleCollection,
    queries: Float32Array,
    k: number,
    { efSearch, nprobe, timeoutMs }: SearchParameters & { readonly timeoutMs: number },
  ): Promise<readonly Int32Array[]> {
    const { size, dim } = bundle.index;
    const breadth = kind === 'hnsw' ? (efSearch ?? efSearchDefault) : Math.min(nprobe ?? 1, clustersOf(size));
    const waiting = new AbortController();
    // A call can also wait for its turn, which the time limit of the SDK does not include.
    const late = delay(timeoutMs, undefined, { signal: waiting.signal }).then(() => {
      throw this.#milvus.badResponse(`search ${name}`, `it took more than ${timeoutMs} ms`);
    });
    late.catch(() => undefined);
    const search = this.#milvus.search(completeAlias(name), { kind, queries, dim, k, breadth, timeoutMs });
    search.catch(() => undefined);
    try {
      const found = await Promise.race([search, late]);
      for (const items of found) {
        const wrong = items.find((item) => item < 1 || item > size);
        if (wrong !== undefined) {
          throw this.#milvus.badResponse(`search ${name}`, `it returned item ${wrong} of ${size}`);
        }
        if (items.length === 0) throw this.#milvus.badResponse(`search ${name}`, 'it returned no items');
      }
      return found;
    } finally {
      waiting.abort();
    }
  }

  /** Marks a complete collection as used now. Returns false for another collection. */
  async markComplete(name: string): Promise<boolean> {
    const aliases = await this.#milvus.listAliases(name);
    const isComplete = aliases.includes(completeAlias(name));
    if (isComplete) await this.#mark(name, aliases);
    return isComplete;
  }

  /** Writes all vectors, and waits until they can be searched. Returns false if a process on another host has completed the collection. */
  async fill(collection: BundleCollection): Promise<boolean> {
    const { bundle, name, kind, closing } = collection;
    const milvus = this.#milvus;
    const { dim, size } = bundle.index;
    const vectors = bundle.vectors.subarray(dim);
    if (await milvus.createCollection(name, kind, { dim, items: size })) collection.rowsWritten = 0;
    await this.#mark(name, await milvus.listAliases(name));
    const sphere = { dim, radiusSquared: 0 };
    for (let row = 0; row < size; row += rowsPerTurn) {
      const radiusSquared = squaredRadius(vectors.subarray(row * dim, Math.min(size, row + rowsPerTurn) * dim), dim);
      sphere.radiusSquared = Math.max(sphere.radiusSquared, radiusSquared);
      await yieldToEventLoop();
    }
    const rows = Math.max(1, Math.floor(valuesPerWrite / dim));
    let readAt = -Infinity;
    // After a failure, the next attempt continues here.
    while (collection.rowsWritten < size) {
      closing.signal.throwIfAborted();
      if (performance.now() - readAt >= aliasesEveryMs) {
        const aliases = await milvus.listAliases(name);
        if (aliases.includes(completeAlias(name))) return false;
        await this.#mark(name, aliases);
        readAt = performance.now();
      }
      const row = collection.rowsWritten;
      const end = Math.min(size, row + rows);
      await milvus.upsert(name, row + 1, vectors.subarray(row * dim, end * dim), sphere);
      collection.rowsWritten = end;
      await delay(writePauseMs);
    }
    await this.#within(buildMsMax, `index ${name}`, closing, (signal) => milvus.finish(name, signal));
    await this.load(collection, buildMsMax);
    await this.requireAllRows(collection);
    await this.#addAlias(name, completeAlias(name));
    return true;
  }

  /** Loads a collection into the memory of Milvus, unless it is already loaded. */
  async load({ name, closing }: BundleCollection, timeoutMs = loadMsMax): Promise<void> {
    await this.#within(timeoutMs, `load ${name}`, closing, (signal) => this.#milvus.load(name, signal));
  }

  /**
   * Throws if a collection and its bundle differ in their number of rows. Before that, calls `onMismatch`, and removes the alias
   * `NAME_complete`, or drops a collection with too many rows.
   */
  async requireAllRows(collection: BundleCollection, onMismatch?: () => void): Promise<void> {
    const { name, bundle } = collection;
    const count = await this.#milvus.count(name);
    const { size } = bundle.index;
    if (count === size) return;
    onMismatch?.();
    collection.rowsWritten = 0;
    // An upsert does not remove rows.
    if (count > size) await this.#drop(name);
    else await this.#dropAliases(name, (alias) => alias === completeAlias(name));
    throw this.#milvus.badResponse(`use ${name}`, `it contains ${count} of ${size} items`);
  }

  /** Drops the collections that are not in `used` and that no process has marked within the grace period. */
  async dropUnused(used: ReadonlySet<string>, onDrop: (name: string) => void): Promise<void> {
    const names = await this.#milvus.listCollections();
    const problems: unknown[] = [];
    for (const name of names.filter((one) => one.startsWith(this.#prefix) && !used.has(one))) {
      await this.#dropIfUnused(name)
        .then((isDropped) => isDropped && onDrop(name))
        .catch((error: unknown) => problems.push(error));
    }
    if (problems.length > 0) throw problems[0];
  }

  async #dropIfUnused(name: string): Promise<boolean> {
    const isUsed = (aliases: readonly string[]): boolean => {
      const times = aliases.map((alias) => Number(alias.split(usedAlias(name, ''))[1] ?? -Infinity));
      return Date.now() - Math.max(...times) <= this.#graceMs + this.markEveryMs;
    };
    const aliases = await this.#milvus.listAliases(name);
    if (isUsed(aliases)) return false;
    // A killed process has not marked it.
    if (!aliases.some((alias) => alias.startsWith(usedAlias(name, '')))) {
      await this.#mark(name, aliases);
      return false;
    }
    const isComplete = (alias: string): boolean => alias === completeAlias(name);
    await this.#dropAliases(name, isComplete);
    // Another process may have begun to use it.
    if (isUsed(await this.#milvus.listAliases(name))) {
      if (aliases.some(isComplete)) await this.#addAlias(name, completeAlias(name));
      return false;
    }
    await this.#drop(name);
    return true;
  }

  async #dropAliases(name: string, isDropped: (alias: string) => boolean): Promise<void> {
    for (const alias of (await this.#milvus.listAliases(name)).filter(isDropped)) await this.#milvus.dropAlias(alias);
  }

  /** Milvus refuses to drop a collection with aliases. */
  async #drop(name: string): Promise<void> {
    await this.#dropAliases(name, () => true);
    await this.#milvus.drop(name);
  }

  /** Marks a collection as used now, and removes older marks. */
  async #mark(name: string, aliases: readonly string[]): Promise<void> {
    const mark = usedAlias(name, Math.floor(Date.now() / this.markEveryMs) * this.markEveryMs);
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
      throw late.aborted ? this.#milvus.badResponse(what, `it took more than ${timeoutMs / 60_000} minutes`) : error;
    }
  }
}

const completeAlias = (name: string): string => `${name}_complete`;
const usedAlias = (name: string, at: number | ''): string => `${name}_used_${at}`;
