import { countOf, dayMs } from '@facet/platform';
import type { CatalogData, HeldOutParts } from '@facet/stages';
import { heldOutLast, heldOutUserParts, heldOutWindow } from '@facet/stages';

export const protocolNames = ['time-split', 'leave-one-out', 'user-split', 'rolling'] as const;
export type ProtocolName = (typeof protocolNames)[number];

/** The test users, their queries and the permitted data, which all systems of a benchmark share. */
export interface Protocol extends HeldOutParts {
  readonly name: ProtocolName;
  /** The cutoff of intervals over users. */
  readonly mainCutoff: number;
  /** The cutoffs of published tables. `evaluation.cutoffs` of facet.yaml adds others. */
  readonly cutoffs: readonly number[];
  /** Sentences that explain the protocol to readers of the table. */
  readonly rules: readonly string[];
}

const tieRules = [
  'Every system ranks every item that the training data contain, and every other item that the catalog describes, unless its createdAt is later than the cut. Any other item is a miss for all systems.',
  'Items with equal scores are ordered by a seeded hash that differs from user to user.',
];

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace('T', ' ');
}

const taskRule = 'NEW: items that are new to the user, with the history masked. ALL: all items, repeats included.';

/** Returns a global time split: every user is evaluated at the start of the window on the interactions in it. */
export function timeSplitProtocol(
  data: CatalogData,
  split: { readonly validationFrom: number; readonly testFrom: number },
): Protocol {
  return {
    name: 'time-split',
    tasks: ['new', 'all'],
    validation: heldOutWindow(data, split.validationFrom, split.testFrom),
    test: heldOutWindow(data, split.testFrom, Number.POSITIVE_INFINITY),
    choice: { metric: 'recall', cutoff: 50 },
    mainCutoff: 50,
    cutoffs: [50],
    rules: [
      `Time split: validation from ${dayOf(split.validationFrom)} (UTC), test from ${dayOf(split.testFrom)}. Users have an interaction before and one in the window.`,
      taskRule,
      ...tieRules,
    ],
  };
}

/** Periods of equal length at the end of the data, in epoch milliseconds. */
export interface Periods {
  readonly every: number;
  readonly count: number;
  /** The end of the last period. */
  readonly before: number;
}

/**
 * Returns one period of a rolling evaluation: a time split whose test is the period and whose validation is the period before it. If that
 * period has no users, validation begins one or more periods earlier.
 *
 * @param position 0 for the first period
 */
export function rollingProtocol(data: CatalogData, { every, count, before }: Periods, position: number): Protocol {
  const testFrom = before - (count - position) * every;
  const oldest = data.sequences.times.reduce((least, time) => Math.min(least, time), testFrom);
  let validationFrom = testFrom - every;
  while (validationFrom > oldest && heldOutWindow(data, validationFrom, testFrom).users.length === 0) {
    validationFrom -= every;
  }
  return {
    ...timeSplitProtocol(data, { validationFrom, testFrom }),
    name: 'rolling',
    test: heldOutWindow(data, testFrom, testFrom + every),
    rules: [
      `Rolling: ${countOf(count, 'period')} of ${countOf(every / dayMs, 'day')} until ${dayOf(before)} (UTC). For each period, every system is fitted from scratch on the data before it, with the period before it as validation.`,
      'The figures are means over the users of all periods. A user counts once in each period with interactions.',
      taskRule,
      ...tieRules,
    ],
  };
}

function momentRule(hasTimes: boolean): string {
  return hasTimes
    ? 'A moment is all interactions of a user at one time or in one session, such as the rows of an invoice, or the ratings of a day if times are dates. A cut never divides it. The order of interactions at one time is a seeded hash, never the id or the order of the file.'
    : 'The data contain no times. Each interaction is a separate moment, in the order of the file.';
}

/**
 * Returns leave-one-out: every user is evaluated on an item of the last moment, given all earlier moments.
 *
 * @param hasTimes false for sequences
 */
export function leaveOneOutProtocol(data: CatalogData, hasTimes = true): Protocol {
  return {
    name: 'leave-one-out',
    tasks: ['new'],
    validation: heldOutLast(data, 'validation'),
    test: heldOutLast(data, 'test'),
    choice: { metric: 'ndcg', cutoff: 10 },
    mainCutoff: 10,
    cutoffs: [10],
    rules: [
      "Leave-one-out: one item of each user's last moment is the test, and one of the last but one the validation. The moments before it are the history, which is masked.",
      momentRule(hasTimes),
      "Repeats are removed: a user's first interaction with an item counts. Users with fewer than three moments are left out.",
      ...tieRules,
    ],
  };
}

/**
 * Returns the protocol of ComiRec (KDD 2020, §4.1), a split by users in which the last fifth of each held-out user is the truth. The cut
 * lies at the start of a moment.
 *
 * @param hasTimes false for sequences
 * @param partition 0 to 9
 */
export function userSplitProtocol(data: CatalogData, hasTimes = true, partition = 0): Protocol {
  return {
    name: 'user-split',
    tasks: ['new', 'all'],
    ...heldOutUserParts(data, partition),
    choice: { metric: 'recall', cutoff: 50 },
    mainCutoff: 50,
    cutoffs: [20, 50],
    rules: [
      'User split: 80 % of the users are for training, 10 % for validation and 10 % for the test, by a hash of the user id. No interaction of the other users enters the training. With several partitions, each has other test users, and the figures are means over all of them.',
      "The last 20 % of a held-out user's interactions, and the earlier ones of the moment in which they begin, are the targets. The moments before are the history. Users with one moment are left out.",
      momentRule(hasTimes),
      taskRule,
      ...tieRules,
    ],
  };
}
