import type { LakeWriter } from '@facet/lake';
import { refuse } from '@facet/schemas';
import type { Refusal } from '@facet/schemas';
import type { CatalogFeed } from '../catalog-feed.ts';
import type { DeadLetters, RefusedMessage } from '../dead-letters.ts';
import type { LogMessage } from '../group-consumer.ts';
import type { ProfileFeed } from '../profile-feed.ts';
import type { SinkMetrics } from '../sink-metrics.ts';
import type { PartitionPosition } from '../sink-state.ts';

/** Processes the messages of one topic. Processing repeats after a failure, so it must be idempotent. */
export interface TopicHandler {
  /** The store that records the offset of the topic, in the same transaction as the data of its messages. */
  readonly offsetOwner: 'lake' | 'catalog';
  /**
   * @param next the offset after `messages`
   * @param signal cancels waiting for a dependency
   */
  process(
    position: Readonly<PartitionPosition>,
    messages: readonly LogMessage[],
    next: number,
    signal: AbortSignal,
  ): Promise<void>;
}

/** The stores to which handlers write. */
export interface HandlerDeps {
  readonly lake: LakeWriter;
  readonly catalog: CatalogFeed;
  readonly profiles: ProfileFeed;
  readonly deadLetters: DeadLetters;
  readonly metrics: SinkMetrics;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
}

/** Parses messages in order, passes valid ones to `accept`, and returns the others. */
export function readMessages<Parsed extends { readonly ok: true }>(
  messages: readonly LogMessage[],
  parse: (message: LogMessage) => Parsed | Refusal,
  accept: (parsed: Parsed, message: LogMessage) => void,
): RefusedMessage[] {
  const refused: RefusedMessage[] = [];
  for (const message of messages) {
    const parsed = message.undecodable === undefined ? parse(message) : refuse('', 'undecodable');
    if (parsed.ok) accept(parsed, message);
    else refused.push({ message, field: parsed.field, reason: parsed.reason });
  }
  return refused;
}
