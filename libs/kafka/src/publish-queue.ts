import type { Message } from 'kafkajs';
import type { AppError } from '@facet/platform';

/** One record for a topic. The key decides the partition, and with it the order among records of that key. */
export interface LogRecord {
  readonly topic: string;
  readonly key: string;
  /** `null` in a compacted topic: what the key names is gone. */
  readonly value: string | null;
  /** Epoch milliseconds: when Facet took it in. */
  readonly timestamp: number;
}

/** A record without an outcome yet. */
export interface QueuedRecord {
  readonly topic: string;
  /** Its `partition` is set by the first send, and kept. */
  readonly message: Message;
  readonly bytes: number;
  readonly publish: PendingPublish;
  /** Its place in the publish. */
  readonly index: number;
}

/** A publish without an outcome yet. */
export interface PendingPublish {
  readonly records: QueuedRecord[];
  /** How many of its records were taken out of the queue. */
  taken: number;
  /** How many of its records have no outcome. */
  open: number;
  readonly refused: RejectedRecord[];
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
  readonly timer: NodeJS.Timeout;
}

/** A record that the log does not take. */
export interface RejectedRecord {
  readonly topic: string;
  readonly index: number;
  /** As the protocol names it: `MESSAGE_TOO_LARGE`. */
  readonly reason: string;
}

export interface PublishQueueOptions {
  readonly recordBytesMax: number;
  readonly timeoutMs: number;
  /** The error of a publish whose time is up. */
  readonly late: () => AppError;
  /** The error of a publish whose records were all acknowledged but these. */
  readonly refusal: (refused: readonly RejectedRecord[]) => AppError;
}

/** What a record costs beside key and value, in memory and on the wire. */
const overheadBytes = 64;

export function bytesOf({ key, value }: LogRecord): number {
  return Buffer.byteLength(key) + (value === null ? 0 : Buffer.byteLength(value)) + overheadBytes;
}

/** The records that wait for the log, in order, and the publishes that wait for their records. */
export class PublishQueue {
  readonly #options: PublishQueueOptions;
  /** All without an outcome. */
  readonly #open = new Set<PendingPublish>();
  /** Those with records that were not taken. */
  #waiting: PendingPublish[] = [];
  #bytes = 0;

  constructor(options: PublishQueueOptions) {
    this.#options = options;
  }

  /** Of all records without an outcome, also of those that were taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves once every record is acknowledged. */
  add(records: readonly LogRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(publish, this.#options.late()), this.#options.timeoutMs);
      const publish: PendingPublish = { records: [], taken: 0, open: 0, refused: [], resolve, reject, timer };
      for (const [index, record] of records.entries()) this.#addRecord(publish, index, record);
      publish.open = publish.records.length;
      this.#open.add(publish);
      if (publish.open > 0) this.#waiting.push(publish);
      else this.#settle(publish);
    });
  }

  /** Takes the next records, up to `bytesMax` of them, but at least one if there is one. */
  take(bytesMax: number): QueuedRecord[] {
    const batch: QueuedRecord[] = [];
    let bytes = 0;
    for (const publish of this.#waiting) {
      for (let next = publish.records[publish.taken]; next !== undefined; next = publish.records[publish.taken]) {
        if (batch.length > 0 && bytes + next.bytes > bytesMax) break;
        batch.push(next);
        bytes += next.bytes;
        publish.taken++;
      }
      if (publish.taken < publish.records.length) break;
    }
    this.#waiting = this.#waiting.filter(({ taken, records }) => taken < records.length);
    return batch;
  }

  /** Of records that were taken, those that somebody still waits for. The others are let go. */
  stillWanted(records: readonly QueuedRecord[]): readonly QueuedRecord[] {
    const wanted = records.filter(({ publish }) => this.#open.has(publish));
    if (wanted.length < records.length) this.#release(records.filter(({ publish }) => !this.#open.has(publish)));
    return wanted;
  }

  acknowledge(records: Iterable<QueuedRecord>): void {
    for (const queued of records) this.#finish(queued);
  }

  /** The log never takes the record; the other records of its publish go on. */
  refuse(queued: QueuedRecord, reason: string): void {
    queued.publish.refused.push({ topic: queued.topic, index: queued.index, reason });
    this.#finish(queued);
  }

  /** Rejects a publish. Its records that were not taken never will be. */
  fail(publish: PendingPublish, error: AppError): void {
    if (!this.#open.has(publish)) return;
    this.#settle(publish, error);
    this.#release(publish.records.splice(publish.taken));
  }

  /** Rejects every publish without an outcome. */
  failAll(error: AppError): void {
    for (const publish of [...this.#open]) this.fail(publish, error);
  }

  #addRecord(publish: PendingPublish, index: number, record: LogRecord): void {
    const { topic, key, value, timestamp } = record;
    const bytes = bytesOf(record);
    if (bytes > this.#options.recordBytesMax) {
      publish.refused.push({ topic, index, reason: 'MESSAGE_TOO_LARGE' });
      return;
    }
    publish.records.push({ topic, message: { key, value, timestamp: String(timestamp) }, bytes, publish, index });
    this.#bytes += bytes;
  }

  #finish(queued: QueuedRecord): void {
    this.#release([queued]);
    if (--queued.publish.open === 0) this.#settle(queued.publish);
  }

  #settle(publish: PendingPublish, error?: AppError): void {
    if (!this.#open.delete(publish)) return;
    clearTimeout(publish.timer);
    if (error !== undefined) publish.reject(error);
    else if (publish.refused.length > 0) publish.reject(this.#options.refusal(publish.refused));
    else publish.resolve();
  }

  #release(records: readonly QueuedRecord[]): void {
    for (const { bytes } of records) this.#bytes -= bytes;
  }
}
