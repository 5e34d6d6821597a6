import { AppError } from '@facet/platform/errors';
import { cutEnd, historyEnd } from './sequences.ts';
import type { Cut, UserSequences } from './sequences.ts';

/**
 * A split at points of global time (epoch milliseconds, half-open windows): training is everything before
 * `validationFrom`, validation [validationFrom, testFrom), test everything at or after `testFrom`.
 */
export interface TimeSplit {
  readonly validationFrom: number;
  readonly testFrom: number;
}

/**
 * Puts the newest `testShare` of the interactions into the test window and the `validationShare` before them into the
 * validation window. A moment is never cut in two.
 *
 * @throws AppError `FEATURES_TOO_FEW_MOMENTS` when the times leave one of the three windows empty.
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
    throw new AppError(`${sorted.length} interactions are too few moments to split by time.`, {
      code: 'FEATURES_TOO_FEW_MOMENTS',
      category: 'input',
      remedy: 'Import events over a longer time, or set split.validationFrom and split.testFrom.',
    });
  }
  return split;
}

/** What a held-out user is asked: given positions `start..end - 1`, which of `truth` does the user choose next? */
export interface HeldOutSequence {
  readonly user: number;
  /** History: positions start .. end - 1 of the sequences. */
  readonly start: number;
  readonly end: number;
  /** Distinct item indexes chosen in the window; items outside the vocabulary are counted in `absent`. */
  readonly truth: Int32Array;
  readonly absent: number;
}

/**
 * The users who chose something in [from, before) and something before it, with the history they had at `from`.
 * Items that had no interaction before `from` cannot be ranked by anyone and count as absent, so that every method is
 * measured on the same truth. Repeats inside the window count once, but for items outside the vocabulary, which cannot
 * be told apart.
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
    const truth = new Set<number>();
    const absent = new Set<number>();
    let unknownItems = 0;
    for (let position = end; position < sequences.offsets[user + 1]!; position++) {
      if (sequences.times[position]! >= window.before) break;
      const item = sequences.items[position]!;
      if (item === 0) unknownItems++;
      else if (window.known[item] === 0) absent.add(item);
      else truth.add(item);
    }
    if (truth.size + absent.size + unknownItems === 0) continue;
    heldOut.push({ user, start, end, truth: Int32Array.from(truth), absent: absent.size + unknownItems });
  }
  return heldOut;
}

/** Marks the items (by index, 1 = yes) that were chosen at least once before `before`. */
export function itemsKnownBefore(sequences: UserSequences, before: Cut, itemCount: number): Uint8Array {
  const known = new Uint8Array(itemCount + 1);
  for (let user = 0; user < sequences.userIds.length; user++) {
    const end = cutEnd(sequences, user, before);
    for (let position = sequences.offsets[user]!; position < end; position++) known[sequences.items[position]!] = 1;
  }
  known[0] = 0;
  return known;
}

/** Users with fewer interactions take no part in leave-one-out: a history, a validation item and a test item are needed. */
export const leaveOneOutInteractionsMin = 3;

/**
 * Leave-one-out: [U] the position of each user's last (`test`) or last but one (`validation`) interaction, the end of what
 * may be known. Of users with fewer than {@link leaveOneOutInteractionsMin} nothing is. It compares with published tables,
 * but leaks global time: the time split is the default.
 */
export function leaveOneOutCut({ offsets }: Pick<UserSequences, 'offsets'>, part: 'validation' | 'test'): Int32Array {
  const heldOut = part === 'test' ? 1 : 2;
  return Int32Array.from({ length: offsets.length - 1 }, (_, user) => {
    const [start, end] = [offsets[user]!, offsets[user + 1]!];
    return end - start < leaveOneOutInteractionsMin ? start : end - heldOut;
  });
}

/**
 * The users of whom something is known, each asked for the interaction at the cut: the only truth, and absent where its item
 * is outside the vocabulary or not `known` before the cut.
 */
export function heldOutNext(sequences: UserSequences, cut: Int32Array, known: Uint8Array): HeldOutSequence[] {
  const heldOut: HeldOutSequence[] = [];
  for (let user = 0; user < sequences.userIds.length; user++) {
    const start = sequences.offsets[user]!;
    const end = cut[user]!;
    if (end === start) continue;
    const item = sequences.items[end]!;
    const isKnown = known[item] === 1;
    heldOut.push({
      user,
      start,
      end,
      truth: isKnown ? Int32Array.of(item) : new Int32Array(),
      absent: isKnown ? 0 : 1,
    });
  }
  return heldOut;
}
