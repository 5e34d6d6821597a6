import { sourceName } from '@facet/lake';
import type { LakeWriter } from '@facet/lake';
import { AppError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { CatalogFeed } from './catalog-feed.ts';
import type { Assignment, FetchedBatch, GroupListener, LogControl, TopicExtent } from './group-consumer.ts';
import type { ProfileFeed } from './profile-feed.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { SinkMetrics } from './sink-metrics.ts';
import { updateGroupProgress, lagOf, chooseAction } from './sink-state.ts';
import type { GroupPartition, PartitionPosition, SinkState } from './sink-state.ts';
import type { TopicHandler } from './topic-handlers.ts';

export interface SinkLoopDeps {
  readonly log: LogControl;
  readonly lake: LakeWriter;
  readonly catalog: CatalogFeed;
  readonly profiles: ProfileFeed;
  /** By topic. */
  readonly handlers: ReadonlyMap<string, TopicHandler>;
  readonly retryPolicy: RetryPolicy;
  readonly metrics: SinkMetrics;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface SinkLoopOptions {
  readonly groupId: string;
  /** Number of buffered rows that triggers a commit to the lake. */
  readonly commitRowsMax: number;
  /** Age of the oldest buffered row that triggers a commit to the lake. */
  readonly commitMs: number;
  /** How long the loop collects changes of the catalog. Each write makes a file. */
  readonly catalogMs: number;
  readonly catalogChangesMax: number;
}

/** The partitions assigned to this consumer for one group generation. */
interface Lease {
  readonly assignment: Assignment;
  readonly ended: AbortController;
  /** Whether the buffers contain exactly the messages between the stored offsets and the positions. */
  isSynced: boolean;
}

/**
 * Moves messages of the log to the lake, the catalog and the profile store. One task runs at a time, and only these tasks
 * change the state of the loop; callbacks of kafkajs only begin and end leases. The lake records its own offsets. The loop
 * commits them to the consumer group afterwards, for people and tools to read.
 */
export class SinkLoop implements GroupListener {
  /** Rejects when the sink cannot continue. */
  readonly failed: Promise<never>;
  readonly #deps: SinkLoopDeps;
  readonly #options: SinkLoopOptions;
  readonly #positions = new Map<string, PartitionPosition>();
  #group: { readonly isMember: boolean; readonly since: number };
  #groupPartitions: readonly GroupPartition[] = [];
  #groupReadAt: number;
  #isGroupUnreadable = false;
  #isCommitFailing = false;
  #failure: unknown;
  #rejectFailed: (error: unknown) => void = () => undefined;
  #lease: Lease | undefined;
  #lastTask: Promise<unknown> = Promise.resolve();
  #isTicking = false;
  #isClosing = false;
  /** When the oldest row of the buffer was added. */
  #bufferedSince: number | undefined;
  #lastProgressAt: number;
  /** Positions not yet committed to the consumer group. */
  readonly #uncommitted = new Map<string, PartitionPosition>();
  #committing: Promise<void> = Promise.resolve();

  constructor(deps: SinkLoopDeps, options: SinkLoopOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#lastProgressAt = deps.now();
    this.#groupReadAt = deps.now();
    this.#group = { isMember: false, since: deps.now() };
    this.failed = new Promise<never>((_, reject) => (this.#rejectFailed = reject));
    this.failed.catch(() => undefined);
  }

  get state(): SinkState {
    return {
      group: { id: this.#options.groupId, ...this.#group },
      positions: [...this.#positions.values()],
      groupPartitions: this.#groupPartitions,
      groupReadAt: this.#groupReadAt,
      lastProgressAt: this.#lastProgressAt,
      bufferedRows: this.#deps.lake.pending.events,
      outages: this.#deps.retryPolicy.outages,
      failure: this.#failure,
    };
  }

  /** Begins the lease of a new group generation. The buffers belong to the old one. */
  joined(assignment: Assignment): void {
    this.left();
    this.#group = { isMember: true, since: this.#deps.now() };
    this.#lease = { assignment, ended: new AbortController(), isSynced: false };
    this.#deps.metrics.countRebalance();
    void this.tick();
  }

  /** Ends the lease and cancels all work waiting on it. */
  left(): void {
    this.#group = { isMember: false, since: this.#deps.now() };
    this.#endLease();
  }

  crashed(error: unknown): void {
    this.#failure ??= error;
    this.#rejectFailed(error);
  }

  /** Processes one batch. Resolves when the loop is ready for the next one. */
  async process(batch: FetchedBatch): Promise<boolean> {
    const lease = this.#lease;
    return this.#runAlone(async () => {
      if (this.#isClosing || lease === undefined || !this.#isCurrent(lease)) return false;
      try {
        await this.#prepare(lease);
        return await this.#processBatch(lease, batch);
      } catch (error) {
        // The buffers may contain a part of the batch.
        lease.isSynced = false;
        if (!(error instanceof LeaseEnded)) this.crashed(error);
        return false;
      }
    });
  }

  /** Commits what is due by the clock. Call it about once a second. */
  async tick(): Promise<void> {
    const lease = this.#lease;
    if (this.#isIdle()) this.#lastProgressAt = this.#deps.now();
    if (this.#isTicking || this.#isClosing || lease === undefined) return;
    this.#isTicking = true;
    try {
      await this.#runAlone(async () => {
        if (this.#isClosing || !this.#isCurrent(lease)) return;
        await this.#prepare(lease);
        if (this.#isDue(this.#bufferedSince, this.#options.commitMs)) {
          await this.#deps.retryPolicy.attemptOnce('lake', () => this.#commitLake(lease));
        }
        if (this.#isDue(this.#deps.catalog.changedSince, this.#options.catalogMs)) {
          await this.#deps.retryPolicy.attemptOnce('catalog', () => this.#writeCatalog(lease));
        }
        this.#commitOffsets();
      });
    } catch (error) {
      if (!(error instanceof LeaseEnded)) this.crashed(error);
    } finally {
      this.#isTicking = false;
    }
  }

  /**
   * Reads the ends of all partitions and what the group has stored. Partitions without an owner are invisible otherwise: while the
   * group waits for a dead member, no member reads its partitions. Without a broker, the last figures stay.
   */
  async refreshGroup(): Promise<void> {
    const read = await this.#deps.log.readGroup([...this.#deps.handlers.keys()]).catch((error: unknown) => {
      if (!this.#isGroupUnreadable) this.#deps.logger.warn({ err: error }, 'cannot read the progress of the group');
      this.#isGroupUnreadable = true;
      return undefined;
    });
    if (read === undefined) return;
    this.#isGroupUnreadable = false;
    const partitions = read.map((partition) => {
      const own = this.#positions.get(sourceName(partition));
      if (own === undefined) return partition;
      own.end = Math.max(own.end, partition.end);
      return { ...partition, stored: Math.max(own.stored, partition.stored) };
    });
    this.#groupReadAt = this.#deps.now();
    this.#groupPartitions = updateGroupProgress(this.#groupPartitions, partitions, this.#groupReadAt);
  }

  /** Stops processing and stores the buffers. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const lease = this.#lease;
    if (lease === undefined) return;
    // Ends waits, not work: the current batch is finished.
    this.#endLease();
    await this.#runAlone(async () => {
      const isApplied = await this.#deps.profiles.flush().catch(() => false);
      // Changes missing from the profiles are not stored either, so that the next sink reads them again.
      if (!lease.isSynced || !isApplied) return;
      await this.#deps.retryPolicy.attemptOnce('lake', () => this.#commitLake(lease));
      await this.#deps.retryPolicy.attemptOnce('catalog', () => this.#writeCatalog(lease));
    });
    await this.#committing;
  }

  async #processBatch(lease: Lease, batch: FetchedBatch): Promise<boolean> {
    const { handlers, log, lake, catalog, retryPolicy, now } = this.#deps;
    const { signal } = lease.ended;
    const position = this.#positions.get(sourceName(batch));
    const handler = handlers.get(batch.topic);
    if (position === undefined || handler === undefined) return false;
    position.end = Math.max(position.end, batch.end);
    const [message] = batch.messages;
    const first = message?.undecodable?.firstOffset ?? Number(message?.offset ?? batch.next);
    if (batch.next > position.end) {
      this.#noteBeyondEnd(position, batch);
      const messages = batch.messages.filter(({ offset }) => Number(offset) < position.end);
      const next = Number(messages.at(-1)?.offset ?? -1) + 1;
      if (next > position.next) await this.#processBatch(lease, { ...batch, messages, next });
      return false;
    }
    const isUndecodable = batch.messages.some(({ undecodable }) => undecodable !== undefined);
    const placement = chooseAction(position, { first, next: batch.next, isUndecodable });
    if (placement === 'skip') return true;
    if (placement === 'read-again') {
      signal.throwIfAborted();
      position.rewoundTo = position.next;
      log.seek(batch.topic, batch.partition, position.next);
      return false;
    }
    if (first > position.next) await this.#countDeleted(position, { before: first, signal });
    const messages =
      first >= position.next ? batch.messages : batch.messages.filter(({ offset }) => Number(offset) >= position.next);
    await handler.process(position, messages, batch.next, signal);
    position.next = batch.next;
    this.#lastProgressAt = now();
    if (handler.offsetOwner === 'lake') this.#bufferedSince ??= now();
    if (lake.pending.events >= this.#options.commitRowsMax) {
      await retryPolicy.retry('lake', () => this.#commitLake(lease), signal);
    }
    if (catalog.pending >= this.#options.catalogChangesMax) {
      await retryPolicy.retry('catalog', () => this.#writeCatalog(lease), signal);
    }
    return true;
  }

  async #prepare(lease: Lease): Promise<void> {
    if (await this.#deps.profiles.refillAfterLoss(lease.ended.signal)) {
      lease.isSynced = false;
      this.#lastProgressAt = this.#deps.now();
    }
    await this.#sync(lease);
  }

  /** Drops the buffers and continues from the offsets of the lake and the catalog. */
  async #sync(lease: Lease): Promise<void> {
    if (lease.isSynced) return;
    const { log, lake, catalog, profiles, handlers, retryPolicy } = this.#deps;
    const { signal } = lease.ended;
    this.#positions.clear();
    this.#uncommitted.clear();
    this.#bufferedSince = undefined;
    await profiles.discard();
    await retryPolicy.retry('lake', () => lake.discard(), signal);
    await retryPolicy.retry('catalog', () => catalog.discard(), signal);
    const extents = await retryPolicy.retry('kafka', () => this.#readExtents(lease), signal);
    signal.throwIfAborted();
    const extentOf = new Map(extents.map((extent) => [sourceName(extent), extent]));
    for (const [topic, partitions] of Object.entries(lease.assignment)) {
      const offsetOwner = handlers.get(topic)?.offsetOwner;
      if (offsetOwner === undefined) continue;
      for (const partition of partitions) {
        const source = sourceName({ topic, partition });
        const { start, end } = extentOf.get(source) ?? { start: 0, end: 0 };
        const committed = this.#deps[offsetOwner].committed(source);
        const next = Math.max(committed, start);
        if (committed > 0 && offsetOwner === 'lake') this.#noteLost({ topic, partition }, committed, next);
        const position = { topic, partition, next, stored: next, end };
        this.#positions.set(source, position);
        // Other members read their lag from the group, which may have an older offset or none.
        if (next > 0) this.#uncommitted.set(source, position);
        log.seek(topic, partition, next);
      }
    }
    lease.isSynced = true;
  }

  /** Counts messages of a gap that retention deleted. Most gaps come from compaction or transactions instead. */
  async #countDeleted(
    position: Readonly<PartitionPosition>,
    { before, signal }: { readonly before: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { handlers, log, retryPolicy } = this.#deps;
    const { topic, partition, next } = position;
    if (handlers.get(topic)?.offsetOwner !== 'lake') return;
    const extents = await retryPolicy.retry('kafka', () => log.readExtents([topic]), signal);
    const { start = next } = extents.find((extent) => extent.partition === partition) ?? {};
    this.#noteLost(position, next, Math.min(before, start));
  }

  /** Logs a batch that ends after its partition: its offsets are damaged, or the broker received messages while it responded. */
  #noteBeyondEnd(position: PartitionPosition, { messages, next }: FetchedBatch): void {
    if (position.beyondEnd === next) return;
    position.beyondEnd = next;
    const { topic, partition, next: offset } = position;
    const problem = messages.at(-1)?.undecodable?.problem;
    this.#deps.logger.warn({ topic, partition, offset, problem }, 'the end of a batch is unknown; reading it again');
  }

  #noteLost({ topic, partition }: { readonly topic: string; readonly partition: number }, from: number, to: number) {
    if (to <= from) return;
    this.#deps.metrics.countLost(topic, to - from);
    this.#deps.logger.error({ topic, partition, from, to }, 'Kafka deleted messages before the sink processed them');
  }

  /** @throws AppError `SINK_LOG_BEHIND` (retryable) while the log ends before the committed offsets. */
  async #readExtents({ assignment }: Lease): Promise<readonly TopicExtent[]> {
    const { log, lake, catalog } = this.#deps;
    const extents = await log.readExtents(Object.keys(assignment));
    for (const { end, ...partition } of extents) {
      const source = sourceName(partition);
      const committed = Math.max(lake.committed(source), catalog.committed(source));
      if (committed > end) throw logBehind(source, committed, end);
    }
    return extents;
  }

  async #commitLake(lease: Lease): Promise<void> {
    const { lake, metrics, now } = this.#deps;
    if (!(await this.#flushProfiles(lease))) return;
    const startedAt = now();
    const rows = lake.pending.events;
    const { files } = await lake.commit().catch((error: unknown) => this.#giveWay(lease, error));
    if (!lease.isSynced) return;
    metrics.observeCommit({ rows, files, seconds: (now() - startedAt) / 1000 });
    this.#bufferedSince = undefined;
    this.#noteStored('lake');
  }

  async #writeCatalog(lease: Lease): Promise<void> {
    if (!(await this.#flushProfiles(lease))) return;
    await this.#deps.catalog.write().catch((error: unknown) => this.#giveWay(lease, error));
    if (lease.isSynced) this.#noteStored('catalog');
  }

  /** Returns false if the profile store has lost changes. Then the next task refills the store and reads the buffered messages again. */
  async #flushProfiles(lease: Lease): Promise<boolean> {
    const isComplete = await this.#deps.profiles.flush();
    if (!isComplete) lease.isSynced = false;
    return isComplete;
  }

  /** Drops the buffers when another member has taken over before this one noticed. */
  #giveWay(lease: Lease, error: unknown): { readonly files: number } {
    if (!isAppError(error, 'EVENTS_LAKE_SUPERSEDED') && !isAppError(error, 'EVENTS_CATALOG_SUPERSEDED')) throw error;
    this.#deps.logger.warn({ problem: error.message }, 'superseded: continuing from the stored offsets');
    this.#deps.metrics.countSuperseded();
    lease.isSynced = false;
    return { files: 0 };
  }

  #noteStored(offsetOwner: TopicHandler['offsetOwner']): void {
    for (const [source, position] of this.#positions) {
      if (this.#deps.handlers.get(position.topic)?.offsetOwner !== offsetOwner) continue;
      if (position.stored !== position.next) this.#uncommitted.set(source, position);
      position.stored = position.next;
    }
    this.#lastProgressAt = this.#deps.now();
    this.#commitOffsets();
  }

  /** Commits positions to the group in the background, one request at a time. Failed ones are part of the next commit. */
  #commitOffsets(): void {
    this.#committing = this.#committing.then(async () => {
      const positions = [...this.#uncommitted];
      if (positions.length === 0) return;
      this.#uncommitted.clear();
      try {
        await this.#deps.log.commitOffsets(
          positions.map(([, { topic, partition, stored }]) => ({ topic, partition, offset: stored })),
        );
        this.#isCommitFailing = false;
      } catch (error) {
        // Other members read their lag from the group.
        this.#deps.logger[this.#isCommitFailing ? 'debug' : 'warn'](
          { err: error },
          'cannot commit offsets to the group',
        );
        this.#isCommitFailing = true;
        for (const [source, position] of positions) {
          if (this.#positions.get(source) === position) this.#uncommitted.set(source, position);
        }
      }
    });
  }

  #endLease(): void {
    this.#lease?.ended.abort(new LeaseEnded());
  }

  #isCurrent(lease: Lease): boolean {
    return lease === this.#lease && !lease.ended.signal.aborted;
  }

  /** Whether all known messages are stored and every dependency works. */
  #isIdle(): boolean {
    const { positions, outages } = this.state;
    const isUpToDate = positions.every((position) => lagOf(position) === 0);
    return isUpToDate && this.#lease?.isSynced === true && outages.length === 0;
  }

  /** Also true when the clock was set back. */
  #isDue(since: number | undefined, afterMs: number): boolean {
    return since !== undefined && Math.abs(this.#deps.now() - since) >= afterMs;
  }

  #runAlone<Value>(task: () => Promise<Value>): Promise<Value> {
    const done = this.#lastTask.then(task);
    this.#lastTask = done.catch(() => undefined);
    return done;
  }
}

/** Cancels work that waits on an ended lease. */
class LeaseEnded extends Error {}

function logBehind(source: string, committed: number, end: number): AppError {
  return new AppError(
    `${source} ends at offset ${end}, but the sink has already processed offsets up to ${committed}.`,
    {
      code: 'SINK_LOG_BEHIND',
      category: 'artifact',
      remedy:
        'Wait if a broker was killed: it catches up. If the topic was recreated, use another FACET_TOPIC_PREFIX or lake.',
      context: { source, committed, end },
      retryable: true,
    },
  );
}
