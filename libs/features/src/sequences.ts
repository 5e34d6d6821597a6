import type { Interaction } from './interactions.ts';
import type { ItemVocabulary } from './vocabulary.ts';

/** The interactions of all users, oldest to newest: user u owns positions offsets[u] .. offsets[u + 1] - 1. */
export interface UserSequences {
  readonly userIds: readonly string[];
  /** [U + 1] */
  readonly offsets: Int32Array;
  /** [M] item indices. */
  readonly items: Int32Array;
  /** [M] epoch milliseconds. */
  readonly times: Float64Array;
  /** [M] the number of the session, 0 without one. Absent for data without sessions. */
  readonly sessions?: Int32Array | undefined;
}

/**
 * Returns interactions that are grouped by user and ordered by time (`selectInteractions`) as sequences. An item outside the
 * vocabulary gets index 0: the interaction counts, but is neither behavior nor label.
 */
export function buildUserSequences(interactions: readonly Interaction[], vocabulary: ItemVocabulary): UserSequences {
  const userIds: string[] = [];
  const offsets: number[] = [];
  const items = new Int32Array(interactions.length);
  const times = new Float64Array(interactions.length);
  interactions.forEach((interaction, position) => {
    if (userIds.at(-1) !== interaction.userId) {
      userIds.push(interaction.userId);
      offsets.push(position);
    }
    items[position] = vocabulary.indexOf(interaction.itemId) ?? 0;
    times[position] = interaction.occurredAt;
  });
  return { userIds, offsets: Int32Array.from([...offsets, interactions.length]), items, times };
}

/** The end of the known interactions: a time in epoch milliseconds for all users, or a position for each user [U]. */
export type Cut = number | Int32Array;

/** Returns the first position of a user that is held out. */
export function cutEnd(sequences: Pick<UserSequences, 'offsets' | 'times'>, user: number, cut: Cut): number {
  return typeof cut === 'number' ? historyEnd(sequences, user, cut) : cut[user]!;
}

/** Returns the first position of a user at or after `time`: the end of the history before it. */
export function historyEnd(sequences: Pick<UserSequences, 'offsets' | 'times'>, user: number, time: number): number {
  let low = sequences.offsets[user]!;
  let high = sequences.offsets[user + 1]!;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sequences.times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
