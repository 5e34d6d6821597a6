import { sourceName } from '@facet/lake';
import type { LakeWriter } from '@facet/lake';
import { AppError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { CatalogFeed } from './catalog-feed.ts';
import type { FetchedBatch } from './log-message.ts';
import type { Assignment, LogControl, PartitionExtent } from './log-control.ts';
import { placeMessages } from './partition-position.ts';
import type { PartitionPosition } from './partition-position.ts';
import type { Patience } from './patience.ts';
import type { ProfileFeed } from './profile-feed.ts';
import { lagOf } from './sink-health.ts';
import type { SinkMetrics } from './sink-metrics.ts';
import type { TopicHandler } from './handlers/topic-handler.ts';

export interface SinkLoopDeps {
  readonly log: LogControl;
  readonly lake: LakeWriter;
  readonly catalog: CatalogFeed;
  readonly profiles: ProfileFeed;
  /** By topic. */
  readonly handlers: ReadonlyMap<string, TopicHandler>;
  readonly patience: Patience;
  readonly metrics: SinkMetrics;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface SinkLoopOptions {
  /** The buffer becomes part of the lake when it has this many rows … */
  readonly commitRowsMax: number;
  /** … or its oldest row is this old. */
  readonly commitMs: number;
  /** How long changes of the catalog are collected: each rewrites a whole file. */
  readonly catalogMs: number;
  readonly catalogChangesMax: number;
}

/** What this member may take, from joining the group until it joins again. */
interface Lease {
  readonly assignment: Assignment;
  readonly ended: AbortController;
  /** Whether the buffer holds what lies between the lake and the positions, and nothing else. */
  isSettled: boolean;
}

/**
 * Takes messages of the log into the lake, the catalog and the profile store. One thing is done at a time, and nothing else
 * changes what the loop owns: callbacks of the client only begin and end leases. How far the lake is, its own log says;
 * the offsets of the consumer group follow, for people and tools to read.
 */
export class SinkLoop {
  readonly #deps: SinkLoopDeps;
  readonly #options: SinkLoopOptions;
  readonly #positions = new Map<string, PartitionPosition>();
  #lease: Lease | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #isTicking = false;
  #isClosing = false;
  /** When the oldest row of the buffer was added. */
  #bufferedSince: number | undefined;
  #lastProgressAt: number;
  /** Positions that the group was not told of. */
  readonly #unreported = new Map<string, PartitionPosition>();
  #reporting: Promise<void> = Promise.resolve();

  constructor(deps: SinkLoopDeps, options: SinkLoopOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#lastProgressAt = deps.now();
  }

  get positions(): readonly Readonly<PartitionPosition>[] {
    return [...this.#positions.values()];
  }

  /** When something was taken or stored last, or there was nothing to do. */
  get lastProgressAt(): number {
    return this.#lastProgressAt;
  }

  get assignment(): Assignment {
    return this.#lease?.assignment ?? {};
  }

  /** A new generation of the group: what is buffered belongs to the old one. */
  begin(assignment: Assignment): void {
    this.abandon();
    this.#lease = { assignment, ended: new AbortController(), isSettled: false };
  }

  /** The lease is lost: whatever waits in its name stops. */
  abandon(): void {
    this.#lease?.ended.abort(new LeaseEnded());
  }

  /** How far the log goes now. */
  noteEnds(extents: ReadonlyMap<string, PartitionExtent>): void {
    for (const [source, { end }] of extents) {
      const position = this.#positions.get(source);
      if (position !== undefined) position.end = Math.max(position.end, end);
    }
  }

  /**
   * Takes one batch; resolves when the next may come.
   *
   * @returns whether the client may go on behind it. Otherwise it goes on from where it was told to.
   */
  async take(batch: FetchedBatch): Promise<boolean> {
    const lease = this.#lease;
    return this.#exclusively(async () => {
      if (this.#isClosing || lease === undefined || !this.#isCurrent(lease)) return false;
      try {
        await this.#prepare(lease);
        return await this.#takeIn(lease, batch);
      } catch (error) {
        // Part of the batch may be in the buffer.
        lease.isSettled = false;
        if (error instanceof LeaseEnded) return false;
        throw error;
      }
    });
  }

  /** Does what is due by the clock. To be called about once a second. */
  async tick(): Promise<void> {
    const lease = this.#lease;
    if (this.#isIdle()) this.#lastProgressAt = this.#deps.now();
    if (this.#isTicking || this.#isClosing || lease === undefined) return;
    this.#isTicking = true;
    try {
      await this.#exclusively(async () => {
        if (this.#isClosing || !this.#isCurrent(lease)) return;
        await this.#prepare(lease);
        if (this.#isDue(this.#bufferedSince, this.#options.commitMs)) {
          await this.#deps.patience.once('lake', () => this.#commitLake(lease));
        }
        if (this.#isDue(this.#deps.catalog.changedSince, this.#options.catalogMs)) {
          await this.#deps.patience.once('catalog', () => this.#writeCatalog(lease));
        }
        this.#reportOffsets();
      });
    } catch (error) {
      if (!(error instanceof LeaseEnded)) throw error;
    } finally {
      this.#isTicking = false;
    }
  }

  /** Takes nothing any more, and stores what was taken. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const lease = this.#lease;
    if (lease === undefined) return;
    // Ends waits, not work: a batch that is being taken is finished.
    this.abandon();
    await this.#exclusively(async () => {
      const isApplied = await this.#deps.profiles.flush().then(
        () => true,
        () => false,
      );
      // What is not in the profiles is not stored either: the next one reads it again.
      if (!lease.isSettled || !isApplied) return;
      await this.#deps.patience.once('lake', () => this.#commitLake(lease));
      await this.#deps.patience.once('catalog', () => this.#writeCatalog(lease));
    });
    await this.#reporting;
  }

  async #takeIn(lease: Lease, batch: FetchedBatch): Promise<boolean> {
    const { handlers, log, lake, catalog, patience, now } = this.#deps;
    const { signal } = lease.ended;
    const position = this.#positions.get(sourceName(batch));
    const handler = handlers.get(batch.topic);
    if (position === undefined || handler === undefined) return false;
    position.end = Math.max(position.end, batch.end);
    const first = Number(batch.messages[0]?.offset ?? batch.next);
    const placement = placeMessages(position, { first, next: batch.next });
    if (placement === 'skip') return true;
    if (placement === 'read-again') {
      position.rewoundTo = position.next;
      log.seek(batch.topic, batch.partition, position.next);
      return false;
    }
    if (first > position.next) await this.#countDeleted(position, { before: first, signal });
    const messages =
      first >= position.next ? batch.messages : batch.messages.filter(({ offset }) => Number(offset) >= position.next);
    await handler.take(position, messages, batch.next, signal);
    position.next = batch.next;
    this.#lastProgressAt = now();
    if (handler.keeper === 'lake') this.#bufferedSince ??= now();
    if (lake.pending.events >= this.#options.commitRowsMax) {
      await patience.until('lake', () => this.#commitLake(lease), signal);
    }
    if (catalog.pending >= this.#options.catalogChangesMax) {
      await patience.until('catalog', () => this.#writeCatalog(lease), signal);
    }
    return true;
  }

  async #prepare(lease: Lease): Promise<void> {
    if (await this.#deps.profiles.refillAfterLoss(lease.ended.signal)) {
      lease.isSettled = false;
      this.#lastProgressAt = this.#deps.now();
    }
    await this.#settle(lease);
  }

  /** Drops the buffer and goes on from where the lake and the catalog are. */
  async #settle(lease: Lease): Promise<void> {
    if (lease.isSettled) return;
    const { log, lake, catalog, profiles, handlers, patience } = this.#deps;
    this.#positions.clear();
    this.#unreported.clear();
    this.#bufferedSince = undefined;
    await profiles.discard();
    await lake.discard();
    await catalog.discard();
    const extents = await patience.until('kafka', () => this.#readExtents(lease), lease.ended.signal);
    for (const [topic, partitions] of Object.entries(lease.assignment)) {
      const keeper = handlers.get(topic)?.keeper;
      if (keeper === undefined) continue;
      for (const partition of partitions) {
        const source = sourceName({ topic, partition });
        const { start, end } = extents.get(source) ?? { start: 0, end: 0 };
        const committed = this.#committed(source, keeper);
        const next = Math.max(committed, start);
        if (committed > 0 && keeper === 'lake') this.#noteLost({ topic, partition }, committed, next);
        this.#positions.set(source, { topic, partition, next, stored: next, end });
        log.seek(topic, partition, next);
      }
    }
    lease.isSettled = true;
  }

  /** A gap is mostly one of compaction or of transactions; but retention may have gone past what was to come next. */
  async #countDeleted(
    position: Readonly<PartitionPosition>,
    { before, signal }: { readonly before: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { handlers, log, patience } = this.#deps;
    const { topic, partition, next } = position;
    if (handlers.get(topic)?.keeper !== 'lake') return;
    const extents = await patience.until('kafka', () => log.readExtents({ [topic]: [partition] }), signal);
    this.#noteLost(position, next, Math.min(before, extents.get(sourceName(position))?.start ?? next));
  }

  #noteLost({ topic, partition }: { readonly topic: string; readonly partition: number }, from: number, to: number) {
    if (to <= from) return;
    this.#deps.metrics.countLost(topic, to - from);
    this.#deps.logger.error({ topic, partition, from, to }, 'the log deleted messages before they were taken');
  }

  #committed(source: string, keeper: TopicHandler['keeper']): number {
    return keeper === 'lake' ? this.#deps.lake.committed(source) : this.#deps.catalog.committed(source);
  }

  /** @throws AppError `SINK_LOG_BEHIND` (retryable) while the log ends before what was taken from it. */
  async #readExtents({ assignment }: Lease): Promise<ReadonlyMap<string, PartitionExtent>> {
    const extents = await this.#deps.log.readExtents(assignment);
    for (const [source, { end }] of extents) {
      const committed = Math.max(this.#committed(source, 'lake'), this.#committed(source, 'catalog'));
      if (committed > end) throw logBehind(source, committed, end);
    }
    return extents;
  }

  async #commitLake(lease: Lease): Promise<void> {
    const { lake, profiles, metrics, now } = this.#deps;
    await profiles.flush();
    const startedAt = now();
    const rows = lake.pending.events;
    const { files } = await lake.commit().catch((error: unknown) => this.#giveWay(lease, error));
    if (!lease.isSettled) return;
    metrics.observeCommit({ rows, files, seconds: (now() - startedAt) / 1000 });
    this.#bufferedSince = undefined;
    this.#noteStored('lake');
  }

  async #writeCatalog(lease: Lease): Promise<void> {
    await this.#deps.profiles.flush();
    await this.#deps.catalog.write().catch((error: unknown) => this.#giveWay(lease, error));
    if (lease.isSettled) this.#noteStored('catalog');
  }

  /** Another member took over before this one knew of it: nothing of the buffer counts. */
  #giveWay(lease: Lease, error: unknown): { readonly files: number } {
    if (!isAppError(error, 'EVENTS_LAKE_SUPERSEDED') && !isAppError(error, 'SINK_CATALOG_SUPERSEDED')) throw error;
    this.#deps.logger.warn({ problem: error.message }, 'superseded: going on from what is stored');
    this.#deps.metrics.countSuperseded();
    lease.isSettled = false;
    return { files: 0 };
  }

  #noteStored(keeper: TopicHandler['keeper']): void {
    for (const [source, position] of this.#positions) {
      if (this.#deps.handlers.get(position.topic)?.keeper !== keeper) continue;
      if (position.stored !== position.next) this.#unreported.set(source, position);
      position.stored = position.next;
    }
    this.#lastProgressAt = this.#deps.now();
    this.#reportOffsets();
  }

  /** Beside the work, one report at a time: nothing depends on it. What fails is in the next report. */
  #reportOffsets(): void {
    this.#reporting = this.#reporting.then(async () => {
      const report = [...this.#unreported];
      if (report.length === 0) return;
      this.#unreported.clear();
      try {
        await this.#deps.log.commitOffsets(
          report.map(([, { topic, partition, stored }]) => ({ topic, partition, offset: stored })),
        );
      } catch (error) {
        this.#deps.logger.debug({ err: error }, 'the group did not take the offsets');
        for (const [source, position] of report) {
          if (this.#positions.get(source) === position) this.#unreported.set(source, position);
        }
      }
    });
  }

  #isCurrent(lease: Lease): boolean {
    return lease === this.#lease && !lease.ended.signal.aborted;
  }

  /** Whether all that is known of the log is stored, and nothing is waited for. */
  #isIdle(): boolean {
    const isUpToDate = this.positions.every((position) => lagOf(position) === 0);
    return isUpToDate && this.#lease?.isSettled === true && this.#deps.patience.troubles.length === 0;
  }

  /** Also when the clock was set back. */
  #isDue(since: number | undefined, afterMs: number): boolean {
    return since !== undefined && Math.abs(this.#deps.now() - since) >= afterMs;
  }

  #exclusively<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

/** Ends what waits in the name of a lease that is over. */
class LeaseEnded extends Error {}

function logBehind(source: string, committed: number, end: number): AppError {
  return new AppError(`${source} ends at offset ${end}, but everything before ${committed} was taken from it.`, {
    code: 'SINK_LOG_BEHIND',
    category: 'artifact',
    remedy:
      'A broker that was killed catches up by itself. A topic that was made anew needs another FACET_TOPIC_PREFIX or lake.',
    context: { source, committed, end },
    retryable: true,
  });
}
