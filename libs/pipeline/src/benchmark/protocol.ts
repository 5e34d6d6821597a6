import type { Cut } from '@facet/features';
import { evaluateRanking } from '@facet/evaluation';
import type { RankingEvaluation } from '@facet/evaluation';
import type { ModelData } from '../dataset/dataset.ts';
import { heldOutLast, heldOutWindow, rankTasks } from '../evaluation/tasks.ts';
import type { HeldOut, HeldOutSequenceUser, Task, TaskRankers } from '../evaluation/tasks.ts';

export const protocolNames = ['time-split', 'leave-one-out'] as const;
export type ProtocolName = (typeof protocolNames)[number];

/** Who is asked what, and what may be known then: the same for every system of a benchmark. */
export interface Protocol {
  readonly name: ProtocolName;
  /** Reported apart, the first one first. */
  readonly tasks: readonly Task[];
  /** Settings and numbers of epochs are chosen on it; it is trained on before the test. */
  readonly validation: HeldOut;
  readonly test: HeldOut;
  /** What is as high as possible on validation: the mean over the tasks of this metric at this cutoff. */
  readonly choice: { readonly metric: 'recall' | 'ndcg'; readonly cutoff: number };
  /** The cutoff of intervals over users, where it is among those asked for. */
  readonly mainCutoff: number;
  /** What a reader of the table has to know, a sentence each. */
  readonly rules: readonly string[];
}

export type Evaluations = Readonly<Partial<Record<Task, RankingEvaluation>>>;

const tieRules = [
  'Every system ranks every item that was chosen before the cut; an item that was not is a miss for all.',
  'Items of equal scores rank by a seeded hash that differs from user to user.',
];

/** A global split in time: everybody is asked at the beginning of the window what they choose in it. */
export function timeSplitProtocol(
  data: Pick<ModelData, 'sequences' | 'items'>,
  split: { readonly validationFrom: number; readonly testFrom: number },
): Protocol {
  const day = (time: number): string => new Date(time).toISOString().slice(0, 16).replace('T', ' ');
  return {
    name: 'time-split',
    tasks: ['new', 'all'],
    validation: heldOutWindow(data, split.validationFrom, split.testFrom),
    test: heldOutWindow(data, split.testFrom, Number.POSITIVE_INFINITY),
    choice: { metric: 'recall', cutoff: 50 },
    mainCutoff: 50,
    rules: [
      `Time split: validation from ${day(split.validationFrom)} (UTC), test from ${day(split.testFrom)}; users with an interaction before and one inside the window.`,
      'NEW: items that the user had not chosen before, the history masked. ALL: everything, repeats included.',
      ...tieRules,
    ],
  };
}

/** Everybody is asked for their last item, after everything before it. */
export function leaveOneOutProtocol(data: Pick<ModelData, 'sequences' | 'items'>): Protocol {
  return {
    name: 'leave-one-out',
    tasks: ['new'],
    validation: heldOutLast(data, 'validation'),
    test: heldOutLast(data, 'test'),
    choice: { metric: 'ndcg', cutoff: 10 },
    mainCutoff: 10,
    rules: [
      "Leave-one-out: each user's last item is the test, the last but one the validation; what is before it is the history, which is masked.",
      "Repeats are removed: a user's first choice of an item counts. Users with fewer than three distinct items are left out.",
      'Items of one moment (an invoice) are ordered by a seeded hash (interactions.tieSeed), never by id or by the order of the file.',
      ...tieRules,
    ],
  };
}

/** Evaluates each task of the protocol on held-out users. */
export function evaluateHeldOut(
  { tasks }: Pick<Protocol, 'tasks'>,
  rankers: TaskRankers,
  users: readonly HeldOutSequenceUser[],
  options: { readonly cutoffs: readonly number[]; readonly catalogSize: number; readonly tieSeed: number },
): Evaluations {
  const rankings = rankTasks(rankers, users, options, tasks);
  return Object.fromEntries(tasks.map((task) => [task, evaluateRanking(rankings[task], options)]));
}

/** The same, the last that is asked of rankers: what they hold is freed, come what may. */
export function evaluateAndDispose(
  protocol: Pick<Protocol, 'tasks'>,
  { rankers, dispose }: { readonly rankers: TaskRankers; readonly dispose?: (() => void) | undefined },
  users: readonly HeldOutSequenceUser[],
  options: Parameters<typeof evaluateHeldOut>[3],
): Evaluations {
  try {
    return evaluateHeldOut(protocol, rankers, users, options);
  } finally {
    dispose?.();
  }
}

/** The figure that settings are chosen by, of one task. */
export function choiceScore({ choice }: Pick<Protocol, 'choice'>, evaluated: RankingEvaluation): number {
  return evaluated.metrics.find(({ cutoff }) => cutoff === choice.cutoff)![choice.metric];
}

/** The beginning of the newest `days` days before a cut; everything where the cut is not a moment. */
export function recentFrom(cut: Cut, days: number): number {
  return typeof cut === 'number' ? cut - days * 86_400_000 : Number.NEGATIVE_INFINITY;
}
