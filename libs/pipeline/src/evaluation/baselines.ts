import { itemCf, ownHistory, popularity, withFallback } from '@facet/evaluation';
import type { InteractionColumns, ItemCfOptions, Scorer } from '@facet/evaluation';
import { historyEnd } from '@facet/features';
import type { Dataset } from '../dataset/dataset.ts';
import { evaluateTasks, heldOutWindow } from './tasks.ts';

const dayMs = 86_400_000;

/** A method that every user of a window is ranked by. */
export interface NamedScorer {
  readonly name: string;
  readonly score: Scorer;
}

/** The settings of item-based CF that are tried on the validation window: its strongest form is the bar. */
const itemCfGrid: readonly Omit<ItemCfOptions, 'catalogSize'>[] = [20, 50, 100].flatMap((neighbors) =>
  [0.5, 0.75].flatMap((b) =>
    [undefined, 10].map((lastBehaviors) => ({
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
 * of the last 30 days, one's own history, and item-based CF with the settings that did best on the validation window.
 */
export function fitBaselines(dataset: Dataset, from: number): { baselines: NamedScorer[]; itemCfOptions: ItemCfOptions } {
  const catalogSize = dataset.items.length - 1;
  const columns = interactionsBefore(dataset, from);
  const recent = popularity(columns, { catalogSize, since: from - 30 * dayMs });
  const itemCfOptions = chooseItemCf(dataset, catalogSize);
  return {
    itemCfOptions,
    baselines: [
      { name: 'popularity, all time', score: popularity(columns, { catalogSize }) },
      { name: 'popularity, last 30 days', score: recent },
      { name: 'own history, then popularity', score: ownHistory(recent) },
      { name: 'item-based CF (BM25)', score: withFallback(itemCf(columns, itemCfOptions), recent) },
    ],
  };
}

function chooseItemCf(dataset: Dataset, catalogSize: number): ItemCfOptions {
  const { validationFrom, testFrom } = dataset.split;
  const window = heldOutWindow(dataset, validationFrom, testFrom);
  const users = window.users.slice(0, tuningUsersMax);
  const columns = interactionsBefore(dataset, validationFrom);
  const recent = popularity(columns, { catalogSize, since: validationFrom - 30 * dayMs });
  const scored = itemCfGrid.map((settings) => {
    const options = { ...settings, catalogSize };
    const scorer = withFallback(itemCf(columns, options), recent);
    const evaluated = evaluateTasks(scorer, users, { cutoffs: [50], catalogSize, tieSeed: 0 });
    return { options, score: evaluated.new.metrics[0]!.recall + evaluated.all.metrics[0]!.recall };
  });
  return scored.reduce((best, candidate) => (candidate.score > best.score ? candidate : best)).options;
}

/** The interactions with known items before `time` as columns. */
export function interactionsBefore({ sequences }: Dataset, time: number): InteractionColumns {
  const users: number[] = [];
  const items: number[] = [];
  const times: number[] = [];
  for (let user = 0; user < sequences.userIds.length; user++) {
    const end = historyEnd(sequences, user, time);
    for (let position = sequences.offsets[user]!; position < end; position++) {
      if (sequences.items[position] === 0) continue;
      users.push(user);
      items.push(sequences.items[position]!);
      times.push(sequences.times[position]!);
    }
  }
  return { users: Int32Array.from(users), items: Int32Array.from(items), times: Float64Array.from(times) };
}
