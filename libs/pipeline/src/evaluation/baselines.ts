import { itemCf, ownHistory, popularity, withFallback } from '@facet/evaluation';
import type { InteractionColumns, ItemCfOptions, Scorer } from '@facet/evaluation';
import { cutEnd } from '@facet/features';
import type { Cut } from '@facet/features';
import type { Dataset, ModelData } from '../dataset/dataset.ts';
import { evaluateTasks, forTasks, heldOutWindow } from './tasks.ts';
import type { Task, TaskEvaluations, TaskRankers } from './tasks.ts';

const dayMs = 86_400_000;

/** A method that every user of a window is ranked by; each task may be given its own settings. */
export interface NamedRanker {
  readonly name: string;
  readonly rankers: TaskRankers;
}

/** The settings of item-based CF for each task. */
export type ItemCfChoice = Readonly<Record<Task, ItemCfOptions>>;

/** The settings of item-based CF that are tried on the validation window: its strongest form is the bar. */
const itemCfGrid: readonly Omit<ItemCfOptions, 'catalogSize'>[] = [5, 20, 100].flatMap((neighbors) =>
  [0.5, 0.75].flatMap((b) =>
    [undefined, 50, 10].map((lastBehaviors) => ({
      neighbors,
      b,
      weights: 'bm25' as const,
      ...(lastBehaviors === undefined ? {} : { lastBehaviors }),
    })),
  ),
);

/** Users that settings are compared on; more would not change the choice. */
const tuningUsersMax = 1000;

/**
 * The simple methods that an interest model has to beat, fitted on everything before `from`: popularity of all time and
 * of the last 30 days, one's own history, and item-based CF with the settings that did best on the validation window,
 * chosen for each task apart.
 */
export async function fitBaselines(
  dataset: Dataset,
  from: number,
): Promise<{ baselines: NamedRanker[]; itemCfChoice: ItemCfChoice }> {
  const catalogSize = dataset.items.length - 1;
  const columns = interactionsBefore(dataset, from);
  const recent = popularity(columns, { catalogSize, since: from - 30 * dayMs });
  const itemCfChoice = await chooseItemCf(dataset, catalogSize);
  const itemCfOf = (task: Task): Scorer => withFallback(itemCf(columns, itemCfChoice[task]), recent);
  return {
    itemCfChoice,
    baselines: [
      { name: 'popularity, all time', rankers: forTasks(popularity(columns, { catalogSize })) },
      { name: 'popularity, last 30 days', rankers: forTasks(recent) },
      { name: 'own history, then popularity', rankers: forTasks(ownHistory(recent)) },
      { name: 'item-based CF (BM25)', rankers: { new: itemCfOf('new'), all: itemCfOf('all') } },
    ],
  };
}

async function chooseItemCf(dataset: Dataset, catalogSize: number): Promise<ItemCfChoice> {
  const { validationFrom, testFrom } = dataset.split;
  const users = heldOutWindow(dataset, validationFrom, testFrom).users.slice(0, tuningUsersMax);
  const columns = interactionsBefore(dataset, validationFrom);
  const recent = popularity(columns, { catalogSize, since: validationFrom - 30 * dayMs });
  const tried: { options: ItemCfOptions; evaluated: TaskEvaluations }[] = [];
  for (const settings of itemCfGrid) {
    const options = { ...settings, catalogSize };
    const score = forTasks(withFallback(itemCf(columns, options), recent));
    tried.push({ options, evaluated: evaluateTasks(score, users, { cutoffs: [50], catalogSize, tieSeed: 0 }) });
    // Each setting blocks the thread; a turn of the event loop lets signals through.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const bestFor = (task: Task): ItemCfOptions =>
    tried.reduce((best, candidate) =>
      candidate.evaluated[task].metrics[0]!.recall > best.evaluated[task].metrics[0]!.recall ? candidate : best,
    ).options;
  return { new: bestFor('new'), all: bestFor('all') };
}

/** The interactions with known items before `cut` as columns. */
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
