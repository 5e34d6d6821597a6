import type { LogMessage } from '../log-message.ts';
import type { PartitionPosition } from '../partition-position.ts';

/** What is done with the messages of one topic. It is done again after a failure, so it must not matter how often. */
export interface TopicHandler {
  /** Where it is kept how far the topic was taken: with what was made of its messages. */
  readonly keeper: 'lake' | 'catalog';
  /**
   * @param next the offset that goes on behind `messages`.
   * @param signal aborts waiting for what is away.
   */
  take(
    position: Readonly<PartitionPosition>,
    messages: readonly LogMessage[],
    next: number,
    signal: AbortSignal,
  ): Promise<void>;
}
