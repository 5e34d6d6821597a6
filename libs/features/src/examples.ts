import { dayMs } from '@facet/platform/time';
import { cutEnd, historyEnd } from './sequences.ts';
import type { Cut, UserSequences } from './sequences.ts';
import type { Random } from './random.ts';

/**
 * Training examples as columns: at `time`, the user has the history `start..end - 1`, and the labels are the items at positions
 * `end..labelEnd - 1`. With one label this is the prefix example of the paper's loss (Eq. 10).
 */
export interface Examples {
  readonly count: number;
  readonly user: Int32Array;
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly labelEnd: Int32Array;
  /** Epoch milliseconds. */
  readonly time: Float64Array;
}

/**
 * The labels of a prefix:
 * - `next`: the next interaction;
 * - `moment`: the rest of the interactions at the same time, which have no order;
 * - `share`: the following interactions, a quarter as many as the prefix has, as in a user split.
 */
export type PrefixLabels = 'next' | 'moment' | 'share';

/** Returns every prefix of every sequence before `before`. */
export function prefixExamples(sequences: UserSequences, before: Cut, labels: PrefixLabels = 'next'): Examples {
  const { offsets, times } = sequences;
  const columns = createColumns(times.length);
  for (let user = 0; user < sequences.userIds.length; user++) {
    const start = offsets[user]!;
    const last = cutEnd(sequences, user, before);
    let momentEnd = start;
    for (let end = start + 1; end < last; end++) {
      while (momentEnd < last && times[momentEnd]! <= times[end]!) momentEnd++;
      const shareEnd = Math.min(last, end + Math.ceil((end - start) / 4));
      const labelEnd = { next: end + 1, moment: momentEnd, share: shareEnd }[labels];
      columns.add(user, start, end, labelEnd, times[end]!);
    }
  }
  return columns.finish();
}

/**
 * Returns examples like the queries of a time split, at several moments of each user. The history ends before the moment, so that a
 * basket never predicts its own items. The labels are the interactions in the following `windowMs`, up to `before`. The moments of a
 * user are the starts of days (UTC) with interactions, and `extraMoments` random times of interactions within those days.
 */
export function windowExamples(
  sequences: UserSequences,
  options: {
    readonly before: Cut;
    readonly windowMs: number;
    readonly extraMoments: number;
    readonly random: Random;
  },
): Examples {
  const interactions = sequences.times.length;
  // Each example is a day or an extra moment. A user has at most one of each per interaction.
  const extra = Math.min(interactions, options.extraMoments * sequences.userIds.length);
  const columns = createColumns(interactions + extra);
  for (let user = 0; user < sequences.userIds.length; user++) {
    const start = sequences.offsets[user]!;
    const last = cutEnd(sequences, user, options.before);
    for (const moment of momentsOf(sequences.times.subarray(start, last), options)) {
      const end = historyEnd(sequences, user, moment);
      if (end === start) continue;
      const labelEnd = Math.min(last, historyEnd(sequences, user, moment + options.windowMs));
      if (labelEnd === end) continue;
      columns.add(user, start, end, labelEnd, moment);
    }
  }
  return columns.finish();
}

/** Returns the start of each day of `times` (ascending epoch milliseconds) and some of the other times, ascending. */
function momentsOf(times: Float64Array, { extraMoments, random }: { extraMoments: number; random: Random }): number[] {
  const days = new Set<number>();
  for (const time of times) days.add(Math.floor(time / dayMs) * dayMs);
  const within = [...new Set(times)].filter((time) => !days.has(time));
  random.shuffle(within);
  return [...days, ...within.slice(0, extraMoments)].sort((a, b) => a - b);
}

/**
 * Draws the order of one epoch: shuffled positions of `examples`. A user with n > `perUser` examples gives √(perUser · n) of them (0:
 * all), so that long histories give more examples than short ones but do not dominate. Each epoch draws others.
 */
export function drawEpoch(
  examples: Examples,
  options: { readonly perUser: number; readonly random: Random },
): Int32Array {
  const { perUser, random } = options;
  const order = Int32Array.from({ length: examples.count }, (_, position) => position);
  random.shuffle(order);
  if (perUser === 0) return order;
  const left = exampleCounts(examples);
  for (const [user, n] of left) left.set(user, examplesPerEpoch(n, perUser));
  const drawn = order.filter((position) => {
    const user = examples.user[position]!;
    const count = left.get(user)!;
    left.set(user, count - 1);
    return count > 0;
  });
  // The filter keeps the first examples of each user, so those of users with many come early.
  random.shuffle(drawn);
  return drawn;
}

/** Returns the probability of each example to be in an epoch of {@link drawEpoch}. */
export function epochShares(examples: Examples, perUser: number): Float64Array {
  const counts = exampleCounts(examples);
  return Float64Array.from(examples.user, (user) => {
    const n = counts.get(user)!;
    return examplesPerEpoch(n, perUser) / n;
  });
}

/** Returns the number of examples that {@link drawEpoch} draws. @param counts The number of examples of each user. */
export function epochSize(counts: Iterable<number>, perUser: number): number {
  let size = 0;
  for (const n of counts) size += examplesPerEpoch(n, perUser);
  return size;
}

/** Returns the number of examples of each user. */
export function exampleCounts({ user: users }: Pick<Examples, 'user'>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const user of users) counts.set(user, (counts.get(user) ?? 0) + 1);
  return counts;
}

/** Returns how many of a user's `n` examples an epoch has. */
function examplesPerEpoch(n: number, perUser: number): number {
  return perUser === 0 || n <= perUser ? n : Math.round(Math.sqrt(perUser * n));
}

/**
 * Collects examples in typed arrays. In arrays of numbers, 100 million examples would exceed the heap of V8.
 *
 * @param capacity The maximum number of examples. Unused capacity is never written, so it takes no RAM.
 */
function createColumns(capacity: number): {
  add(user: number, start: number, end: number, labelEnd: number, time: number): void;
  finish(): Examples;
} {
  const users = new Int32Array(capacity);
  const starts = new Int32Array(capacity);
  const ends = new Int32Array(capacity);
  const labelEnds = new Int32Array(capacity);
  const times = new Float64Array(capacity);
  let count = 0;
  return {
    add(user, start, end, labelEnd, time) {
      users[count] = user;
      starts[count] = start;
      ends[count] = end;
      labelEnds[count] = labelEnd;
      times[count] = time;
      count++;
    },
    finish: () => ({
      count,
      user: users.subarray(0, count),
      start: starts.subarray(0, count),
      end: ends.subarray(0, count),
      labelEnd: labelEnds.subarray(0, count),
      time: times.subarray(0, count),
    }),
  };
}
