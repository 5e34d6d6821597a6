/** A message of a topic, as the Kafka client hands it over. */
export interface LogMessage {
  readonly offset: string;
  /** When the log took it in, epoch milliseconds. */
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Messages of one partition, in order; at least one. */
export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly LogMessage[];
  /** The offset to go on from: behind the last message, and behind marks of transactions that follow it. */
  readonly next: number;
  /** The offset after the newest message in the log. */
  readonly end: number;
}
