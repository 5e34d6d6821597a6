import { AppError } from '@facet/platform/errors';
import { hashText } from './random.ts';
import { cutEnd, historyEnd } from './sequences.ts';
import type { Cut, UserSequences } from './sequences.ts';

/**
 * A split by global time in epoch milliseconds: training before `validationFrom`, validation in [validationFrom, testFrom), test
 * from `testFrom` on.
 */
export interface TimeSplit {
  readonly validationFrom: number;
  readonly testFrom: number;
}

/**
 * Returns the split with the newest `testShare` of the interactions as test window and the `validationShare` before them as validation
 * window. Interactions of one moment stay together.
 *
 * @throws AppError `FEATURES_TOO_FEW_MOMENTS` if one of the three windows is empty.
 */
export function chooseTimeSplit(
  times: ArrayLike<number>,
  shares: { readonly testShare: number; readonly validationShare: number },
): TimeSplit {
  const sorted = new Float64Array(times).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  const split = {
    validationFrom: at(1 - shares.testShare - shares.validationShare),
    testFrom: at(1 - shares.testShare),
  };
  if (sorted.length === 0 || !(sorted[0]! < split.validationFrom && split.validationFrom < split.testFrom)) {
    throw new AppError(`${sorted.length} interactions have too few distinct times for a split by time.`, {
      code: 'FEATURES_TOO_FEW_MOMENTS',
      category: 'input',
      remedy:
        'Import events of a longer period, or set split.validationFrom and split.testFrom. For facet benchmark, --protocol leave-one-out and user-split need no split by time.',
    });
  }
  return split;
}

/** A user of the evaluation: the history `start..end - 1` and the items that follow it. */
export interface HeldOutSequence {
  readonly user: number;
  /** The history: positions start .. end - 1 of the sequences. */
  readonly start: number;
  readonly end: number;
  /** The distinct items of the window. */
  readonly truth: Int32Array;
  /** Items of the window that no method can rank: outside the vocabulary or not `known`. */
  readonly absent: number;
  /** How many of the `absent` items are in the history: items that only held-out users chose. */
  readonly absentRepeats: number;
}

/**
 * Returns the users with interactions both in [from, before) and before it, with their history at `from`. Items outside `known`
 * count as misses for every method. Repeats inside the window count once, except for items outside the vocabulary, which are
 * indistinguishable.
 */
export function heldOutByTime(
  sequences: UserSequences,
  window: { readonly from: number; readonly before: number; readonly known: Uint8Array },
): HeldOutSequence[] {
  const heldOut: HeldOutSequence[] = [];
  for (let user = 0; user < sequences.userIds.length; user++) {
    const start = sequences.offsets[user]!;
    const end = historyEnd(sequences, user, window.from);
    if (end === start) continue;
    const last = historyEnd(sequences, user, window.before);
    if (last === end) continue;
    heldOut.push({ user, start, end, ...truthOf(sequences, { start, end, last }, window.known) });
  }
  return heldOut;
}

/** Returns 1 for each item [N + 1] with an interaction before `before`. */
export function itemsKnownBefore(sequences: UserSequences, before: Cut, itemCount: number): Uint8Array {
  const known = new Uint8Array(itemCount + 1);
  for (let user = 0; user < sequences.userIds.length; user++) {
    const end = cutEnd(sequences, user, before);
    for (let position = sequences.offsets[user]!; position < end; position++) known[sequences.items[position]!] = 1;
  }
  known[0] = 0;
  return known;
}

type Moments = Pick<UserSequences, 'offsets' | 'times' | 'sessions'>;

/** Returns whether an interaction continues the moment of the one before it: they have one time, or one session. */
function continuesMoment({ times, sessions }: Moments, position: number): boolean {
  const session = sessions?.[position] ?? 0;
  return times[position] === times[position - 1] || (session > 0 && session === sessions![position - 1]);
}

/**
 * Returns the first position of the moment at `position`: consecutive interactions of a user at one time or in one session, such as the
 * rows of an invoice, or the ratings of a day if times are dates. A cut inside a moment would let a system complete a known basket.
 */
function momentStart(sequences: Moments, start: number, position: number): number {
  let first = position;
  while (first > start && continuesMoment(sequences, first)) first--;
  return first;
}

/**
 * Returns the leave-one-out cut [U]: the start of each user's last (`test`) or last but one (`validation`) moment. Users with fewer than
 * three moments, one each for the history, the validation and the test, get no history. Published tables use this split, but it leaks
 * global time: the time split is the default.
 */
export function leaveOneOutCut(sequences: Moments, part: 'validation' | 'test'): Int32Array {
  const { offsets } = sequences;
  return Int32Array.from({ length: offsets.length - 1 }, (_, user) => {
    const [start, end] = [offsets[user]!, offsets[user + 1]!];
    if (end === start) return start;
    const test = momentStart(sequences, start, end - 1);
    if (test === start) return start;
    const validation = momentStart(sequences, start, test - 1);
    if (validation === start) return start;
    return part === 'test' ? test : validation;
  });
}

/**
 * Returns the users with a history. The truth is the interaction at the cut, a random one of its moment. It is absent if its item is
 * outside the vocabulary or not `known` before the cut. The other interactions of the moment count neither as history nor as truth.
 */
export function heldOutNext(sequences: UserSequences, cut: Int32Array, known: Uint8Array): HeldOutSequence[] {
  const heldOut: HeldOutSequence[] = [];
  for (let user = 0; user < sequences.userIds.length; user++) {
    const start = sequences.offsets[user]!;
    const end = cut[user]!;
    if (end === start) continue;
    heldOut.push({ user, start, end, ...truthOf(sequences, { start, end, last: end + 1 }, known) });
  }
  return heldOut;
}

/** The parts of a split by users, 8:1:1 (ComiRec, KDD 2020, §4.1). */
export type UserPart = 'training' | 'validation' | 'test';

/** The number of partitions of a split by users. Each user is in the test of one of them. */
export const userPartitions = 10;

/** Returns the part of a user, by a hash of the id. Other users have no effect on it. @param partition 0 to 9 */
function userPart(userId: string, partition: number): UserPart {
  const tenth = (hashText(userId, 1) + userPartitions - partition) % userPartitions;
  if (tenth === 0) return 'test';
  return tenth === 1 ? 'validation' : 'training';
}

/**
 * Returns the cut [U] of a split by users: all interactions of training users, none of the others.
 *
 * @param partition 0 to {@link userPartitions} − 1
 */
export function userSplitCut(
  { userIds, offsets }: Pick<UserSequences, 'userIds' | 'offsets'>,
  partition: number,
): Int32Array {
  return Int32Array.from(
    userIds,
    (userId, user) => offsets[userPart(userId, partition) === 'training' ? user + 1 : user]!,
  );
}

/**
 * Returns the users of a held-out part with at least two moments. The truth starts with the moment that contains the first of the last 20 %
 * of the interactions, or with the second moment if that one is the first. It is the distinct items; those that are not `known` are absent.
 */
export function heldOutUsers(
  sequences: UserSequences,
  { part, partition, known }: { readonly part: UserPart; readonly partition: number; readonly known: Uint8Array },
): HeldOutSequence[] {
  const heldOut: HeldOutSequence[] = [];
  sequences.userIds.forEach((userId, user) => {
    const start = sequences.offsets[user]!;
    const last = sequences.offsets[user + 1]!;
    if (last === start || userPart(userId, partition) !== part) return;
    let end = momentStart(sequences, start, start + Math.floor((4 * (last - start)) / 5));
    if (end === start) end++;
    while (end < last && continuesMoment(sequences, end)) end++;
    if (end === last) return;
    heldOut.push({ user, start, end, ...truthOf(sequences, { start, end, last }, known) });
  });
  return heldOut;
}

/**
 * Returns the distinct items from `end` to `last` − 1 that are `known`, and the number of others. Items outside the vocabulary are
 * indistinguishable.
 */
function truthOf(
  { items }: Pick<UserSequences, 'items'>,
  { start, end, last }: { readonly start: number; readonly end: number; readonly last: number },
  known: Uint8Array,
): Pick<HeldOutSequence, 'truth' | 'absent' | 'absentRepeats'> {
  const truth = new Set<number>();
  const absent = new Set<number>();
  let unknownItems = 0;
  for (const item of items.subarray(end, last)) {
    if (item === 0) unknownItems++;
    else if (known[item] === 0) absent.add(item);
    else truth.add(item);
  }
  const history = items.subarray(start, end);
  return {
    truth: Int32Array.from(truth),
    absent: absent.size + unknownItems,
    absentRepeats: [...absent].filter((item) => history.includes(item)).length,
  };
}
