import { hourMs } from '@facet/platform/time';

/**
 * The interactions that a behavior sequence is read from. A behavior sequence contains padding, and then the last L behaviors from
 * oldest to newest. Slot L - 1 is always the newest behavior. So a weight of a slot, such as a fixed routing logit, always belongs
 * to the same place before the newest behavior.
 */
export interface BehaviorWindow {
  /** Item indices, oldest to newest; 0 (an item outside the vocabulary) is skipped. */
  readonly items: ArrayLike<number>;
  /** Epoch milliseconds, as long as `items`. */
  readonly times: ArrayLike<number>;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** Rows of behavior sequences, each array [rows, length]; 0 is padding in all of them. */
export interface BehaviorRows {
  readonly length: number;
  /** Item indices. */
  readonly items: Int32Array;
  /** {@link ageBucket} of the behavior at the moment of the request. */
  readonly ages: Int32Array;
  /** Interactions with the item within the window, at most {@link maxRepeatCount}. */
  readonly counts: Int32Array;
}

export const maxRepeatCount = 7;

export function createBehaviorRows(rows: number, length: number): BehaviorRows {
  const size = rows * length;
  return { length, items: new Int32Array(size), ages: new Int32Array(size), counts: new Int32Array(size) };
}

/** Row lengths are multiples of this, so that matrix products have few sizes. */
const rowLengthMultiple = 4;

/** Returns the row length for sequences of these lengths, at most `sequenceLength`. Short rows save time: padding costs as much as behaviors. */
export function behaviorRowLength(lengths: Int32Array, sequenceLength: number): number {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  return Math.min(sequenceLength, rowLengthMultiple * Math.ceil(longest / rowLengthMultiple));
}

/**
 * Writes the last `length` behaviors of a window, with their ages at `now` (epoch milliseconds), to row `row`, which must be zero.
 * With `distinct`, repeated interactions with an item become one behavior: the newest, with the count.
 *
 * @returns n = |I_u|, the number of behaviors written.
 */
export function writeBehaviorSequence(
  target: BehaviorRows,
  row: number,
  window: BehaviorWindow,
  options: { readonly now: number; readonly distinct: boolean },
): number {
  const rowStart = row * target.length;
  const slotOf = options.distinct ? new Map<number, number>() : undefined;
  let slot = rowStart + target.length - 1;
  for (let position = window.end - 1; position >= window.start; position--) {
    const item = window.items[position]!;
    if (item === 0) continue;
    const earlier = slotOf?.get(item);
    if (earlier !== undefined) {
      target.counts[earlier] = Math.min(maxRepeatCount, target.counts[earlier]! + 1);
      continue;
    }
    if (slot < rowStart) {
      if (options.distinct) continue;
      break;
    }
    slotOf?.set(item, slot);
    target.items[slot] = item;
    target.ages[slot] = ageBucket(options.now - window.times[position]!);
    target.counts[slot] = 1;
    slot--;
  }
  return rowStart + target.length - 1 - slot;
}

/** Number of age buckets, bucket 0 (padding) included. */
export const ageBucketCount = 33;

/** Returns the bucket of an age in milliseconds: 1 below 27 minutes, then 2.5 buckets per doubling from three hours on. */
export function ageBucket(ageMs: number): number {
  const threeHours = Math.max(0, ageMs) / (3 * hourMs);
  return 1 + Math.min(ageBucketCount - 2, Math.round(2.5 * Math.log2(1 + threeHours)));
}
