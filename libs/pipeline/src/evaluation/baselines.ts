import { setImmediate } from 'node:timers/promises';
import { createItemCf, leaveOutHistory, ownHistory, popularity, withFallback } from '@facet/evaluation';
import type { InteractionColumns, ItemCfOptions, Scorer } from '@facet/evaluation';
import { cutEnd } from '@facet/features';
import type { Cut } from '@facet/features';
import { dayMs } from '@facet/platform';
import type { Dataset, ModelData } from '../dataset/dataset.ts';
import { evaluateTasks, forTasks, heldOutWindow } from './tasks.ts';
import type { Ranker, Task, TaskEvaluations, TaskRankers } from './tasks.ts';

/** A method with a ranker per task, because each task may have its own settings. */
export interface NamedRanker {
  readonly name: string;
  readonly rankers: TaskRankers;
}

/** The settings of item-based CF for each task. */
export interface ItemCfChoice extends Readonly<Record<Task, ItemCfOptions>> {
  /** Whether the task `all` leaves out a user's own items. In data without repeats, they only displace possible labels. */
  readonly leavesOutOwnItems: boolean;
}

/** Suits the task `all`: every recent behavior counts by its recency. */
const taskAllSettings = { lastBehaviors: 20, decay: 0.9, scoreCounts: 'repeated' } as const;

/** The settings of item-based CF that are compared on the validation window, so that the baseline is as strong as possible. */
const itemCfGrid: readonly Omit<ItemCfOptions, 'catalogSize'>[] = [5, 20, 100].flatMap((neighbors) =>
  [0.5, 0.75].flatMap((b) =>
    [{}, { lastBehaviors: 50 }, { lastBehaviors: 10 }, taskAllSettings].map((behaviors) => ({
      neighbors,
      b,
      weights: 'bm25' as const,
      ...behaviors,
    })),
  ),
);

const itemCfNeighborsMax = Math.max(...itemCfGrid.map(({ neighbors }) => neighbors));

/** The number of users for the comparison of settings. More users would not change the result. */
const tuningUsersMax = 1000;

/**
 * Fits the simple methods that an interest model must beat, on the data before `from`: popularity of all time and of the last 30 days,
 * own history, and item-based CF. For each task, item-based CF has the best settings on the validation window.
 */
export async function fitBaselines(
  dataset: Dataset,
  from: number,
): Promise<{ baselines: NamedRanker[]; itemCfChoice: ItemCfChoice }> {
  const catalogSize = dataset.items.length - 1;
  const columns = interactionsBefore(dataset, from);
  const recent = popularity(columns, { catalogSize, since: from - 30 * dayMs });
  const itemCfChoice = await chooseItemCf(dataset, catalogSize);
  const cf = createItemCf(columns, { catalogSize, neighborsMax: itemCfNeighborsMax });
  const itemCfOf = (task: Task): Scorer => withFallback(cf(itemCfChoice[task]).score, recent);
  const allItems = itemCfOf('all');
  return {
    itemCfChoice,
    baselines: [
      { name: 'popularity, all time', rankers: forTasks(popularity(columns, { catalogSize })) },
      { name: 'popularity, last 30 days', rankers: forTasks(recent) },
      { name: 'own history, then popularity', rankers: forTasks(ownHistory(recent)) },
      {
        name: 'item-based CF (BM25)',
        rankers: { new: itemCfOf('new'), all: itemCfChoice.leavesOutOwnItems ? leaveOutHistory(allItems) : allItems },
      },
    ],
  };
}

async function chooseItemCf(dataset: Dataset, catalogSize: number): Promise<ItemCfChoice> {
  const { validationFrom, testFrom } = dataset.split;
  const users = heldOutWindow(dataset, validationFrom, testFrom).users.slice(0, tuningUsersMax);
  const columns = interactionsBefore(dataset, validationFrom);
  const recent = popularity(columns, { catalogSize, since: validationFrom - 30 * dayMs });
  const cf = createItemCf(columns, { catalogSize, neighborsMax: itemCfNeighborsMax });
  const rankerOf = (options: ItemCfOptions): Scorer => withFallback(cf(options).score, recent);
  const evaluate = (ranker: Ranker): TaskEvaluations =>
    evaluateTasks(forTasks(ranker), users, { cutoffs: [50], catalogSize, tieSeed: 0 });
  const tried: { options: ItemCfOptions; evaluated: TaskEvaluations }[] = [];
  for (const settings of itemCfGrid) {
    const options = { ...settings, catalogSize };
    tried.push({ options, evaluated: evaluate(rankerOf(options)) });
    // Each setting blocks the thread. Signals are handled in between.
    await setImmediate();
  }
  const recallOf = (evaluated: TaskEvaluations, task: Task): number => evaluated[task].metrics[0]!.recall;
  const bestFor = (task: Task) =>
    tried.reduce((best, each) => (recallOf(each.evaluated, task) > recallOf(best.evaluated, task) ? each : best));
  const [best, ranked] = [bestFor('new').options, bestFor('all')];
  const leavesOutOwnItems =
    recallOf(evaluate(leaveOutHistory(rankerOf(best))), 'all') > recallOf(ranked.evaluated, 'all');
  return { new: best, all: leavesOutOwnItems ? best : ranked.options, leavesOutOwnItems };
}

/** Returns the interactions with known items before a cut as columns. */
export function interactionsBefore({ sequences }: Pick<ModelData, 'sequences'>, cut: Cut): InteractionColumns {
  const users: number[] = [];
  const items: number[] = [];
  const times: number[] = [];
  for (let user = 0; user < sequences.userIds.length; user++) {
    const end = cutEnd(sequences, user, cut);
    for (let position = sequences.offsets[user]!; position < end; position++) {
      if (sequences.items[position] === 0) continue;
      users.push(user);
      items.push(sequences.items[position]!);
      times.push(sequences.times[position]!);
    }
  }
  return { users: Int32Array.from(users), items: Int32Array.from(items), times: Float64Array.from(times) };
}
