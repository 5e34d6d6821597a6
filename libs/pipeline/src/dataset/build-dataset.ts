import type { LakeInteractions } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { featureAttributes } from '@facet/bundles';
import type { CatalogItem } from '@facet/bundles';
import {
  buildItemVocabulary,
  chooseTimeSplit,
  countChoices,
  dropRareItems,
  learnFeatureSchemas,
  orderTable,
  titleFeatureName,
  toUserSequences,
} from '@facet/features';
import type { Attributes, ChoiceTable, Cut, TimeSplit } from '@facet/features';
import { AppError } from '@facet/platform';
import type { FacetConfig } from '@facet/config';
import { datasetVersion } from './dataset.ts';
import type { DatasetInfo, DatasetParts, DatasetTables, LearnedTables } from './dataset.ts';

/** What a dataset is built from. */
export interface DatasetSources {
  /** Its arrays are used up. */
  readonly choices: LakeInteractions;
  readonly items: readonly Item[];
  readonly users: readonly User[];
  readonly files: DatasetInfo['sources'];
  readonly window: DatasetInfo['window'];
}

/** The settings that decide what a dataset is. */
export type DatasetSettings = Pick<FacetConfig, 'interactions' | 'split' | 'features'>;

/**
 * Choices to a dataset: their order, the split by time, the vocabulary of what was known before the test window, and the
 * schemas of the features worth learning. Pure: the same sources and settings give the same parts.
 *
 * @throws AppError `DATASET_NO_POSITIVES` naming the event types found, `FEATURES_TOO_FEW_MOMENTS`, `CONFIG_INVALID` and
 *   `DATASET_EMPTY_WINDOW` for boundaries that are not taken from the data.
 */
export function buildDataset(sources: DatasetSources, settings: DatasetSettings): DatasetParts {
  const { features } = settings;
  const { bots, rareItems, ...rules } = settings.interactions;
  const { table, dropped } = selectChoices(sources.choices, settings.interactions);
  if (table.items.length === 0) throw noPositives(sources.choices, settings.interactions);
  const split = splitOf(table.times, settings.split, sources.window.occurredBefore);
  const counts = countWindows(table.times, split);
  const { learned, ...tables } = layOutTables(table, split.testFrom, { ...sources, features });
  return {
    ...tables,
    info: {
      formatVersion: 2,
      stageVersion: datasetVersion,
      interactions: rules,
      filters: { bots, rareItems },
      window: sources.window,
      split,
      features,
      ...learned,
      counts: {
        events: sum(sources.choices.eventTypes.values()),
        interactions: tables.sequences.items.length,
        users: tables.sequences.userIds.length,
        items: tables.items.length - 1,
        bots: sources.choices.bots.users,
        ...counts,
      },
      dropped,
      sources: sources.files,
    },
  };
}

/**
 * Ordered choices to tables: a vocabulary whose trained items were chosen before the cut, and the schemas of the features worth
 * learning from them. The arrays of `table` are used up.
 */
export function layOutTables(
  table: ChoiceTable,
  cut: Cut,
  { items: catalogItems, users, features }: Pick<DatasetSources, 'items' | 'users'> & Pick<DatasetSettings, 'features'>,
): DatasetTables & { readonly learned: LearnedTables } {
  const trainCounts = countChoices(table, cut);
  const catalog = new Map<string, CatalogItem>(catalogItems.map((item) => [item.itemId, toCatalogItem(item)]));
  const allCounts = countChoices(table, Number.POSITIVE_INFINITY);
  const chosen = table.itemIds.filter((_, item) => allCounts[item]! > 0);
  const vocabulary = buildItemVocabulary(
    new Map(table.itemIds.map((itemId, item) => [itemId, trainCounts[item]!])),
    concat(catalog.keys(), chosen),
  );
  const items = vocabulary.itemIds.map((itemId) => catalog.get(itemId) ?? { itemId, attributes: {} });
  const sequences = toUserSequences(table, vocabulary);
  const attributesOf = new Map(users.map((user) => [user.userId, user.attributes as Attributes]));
  const userAttributes = sequences.userIds.map((userId) => attributesOf.get(userId));
  return {
    items,
    sequences,
    userAttributes,
    learned: {
      trainedCount: vocabulary.trainedCount,
      itemFeatures: itemFeatureSchemas(items.slice(1, vocabulary.trainedCount + 1), features),
      userFeatures: learnFeatureSchemas(
        userAttributes.filter((attributes) => attributes !== undefined),
        { attributes: features.users, minHolders: features.minHolders, maxSlots: 1 },
      ),
    },
  };
}

/** Choices to interactions, with what was left out on the way by the name of the rule. */
export function selectChoices(
  choices: LakeInteractions,
  rules: DatasetSettings['interactions'],
): { table: ChoiceTable; dropped: Record<string, number> } {
  const found = choices.items.length + choices.bots.interactions;
  const ordered = orderTable(choices, rules);
  const common = dropRareItems(ordered.table, rules.rareItems.minUsers);
  return {
    table: common.table,
    dropped: {
      duplicateEvent: choices.repeated,
      notPositive: sum(choices.eventTypes.values()) - found,
      bot: choices.bots.interactions,
      ...ordered.dropped,
      rareItem: common.dropped,
    },
  };
}

function countWindows(
  times: Float64Array,
  { validationFrom, testFrom }: TimeSplit,
): { trainInteractions: number; testInteractions: number } {
  let trainInteractions = 0;
  let testInteractions = 0;
  for (const time of times) {
    if (time < validationFrom) trainInteractions++;
    else if (time >= testFrom) testInteractions++;
  }
  return { trainInteractions, testInteractions };
}

function* concat(...parts: readonly Iterable<string>[]): Generator<string> {
  for (const part of parts) yield* part;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** An item of the catalog as bundles know it. */
export function toCatalogItem({ itemId, title, available, attributes }: Item): CatalogItem {
  return {
    itemId,
    ...(title === undefined ? {} : { title }),
    ...(available === undefined ? {} : { available }),
    attributes: attributes as Attributes,
  };
}

/** Schemas are learned from items known before the test window only. */
function itemFeatureSchemas(
  items: readonly CatalogItem[],
  { items: attributes, titleWords, minHolders, maxSlots }: DatasetSettings['features'],
): DatasetInfo['itemFeatures'] {
  const holders = items.map(titleWords ? featureAttributes : (item) => item.attributes);
  const chosen = attributes === 'auto' || !titleWords ? attributes : [...attributes, titleFeatureName];
  return learnFeatureSchemas(holders, { attributes: chosen, minHolders, maxSlots });
}

/** By days back from `end` (epoch milliseconds), by fixed boundaries or by shares, whichever is set. */
function splitOf(times: Float64Array, settings: DatasetSettings['split'], end: number): TimeSplit {
  const { testFrom, validationFrom, testDays, validationDays, testShare, validationShare } = settings;
  const byDays = testDays !== undefined || validationDays !== undefined;
  const byDates = testFrom !== undefined || validationFrom !== undefined;
  if (byDays && byDates) {
    throw invalidSplit(
      'split has both days (testDays, validationDays) and dates (testFrom, validationFrom).',
      'Keep one pair of them',
    );
  }
  if (!byDays && !byDates) return chooseTimeSplit(times, { testShare, validationShare });
  const split = byDays ? daysBack(end, testDays, validationDays) : fixedDates(testFrom, validationFrom);
  checkWindows(times, split, byDays ? ['validationDays', 'testDays'] : ['validationFrom', 'testFrom']);
  return split;
}

function daysBack(end: number, testDays: number | undefined, validationDays: number | undefined): TimeSplit {
  if (testDays === undefined || validationDays === undefined) {
    throw invalidSplit('split.testDays and split.validationDays must both be set.', 'Set the other one');
  }
  const testFrom = end - testDays * dayMs;
  return { validationFrom: testFrom - validationDays * dayMs, testFrom };
}

const dayMs = 86_400_000;

function fixedDates(testFrom = '', validationFrom = ''): TimeSplit {
  const split = { validationFrom: Date.parse(validationFrom), testFrom: Date.parse(testFrom) };
  // False for an absent or impossible date, too.
  if (split.validationFrom < split.testFrom) return split;
  throw invalidSplit(
    'split.validationFrom and split.testFrom must both be dates, the first before the second.',
    'Correct them',
  );
}

function invalidSplit(problem: string, whatToDo: string): AppError {
  return new AppError(problem, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy: `${whatToDo} in facet.yaml, or remove both to split by shares.`,
  });
}

/** Boundaries that are not taken from the data may lie outside it: training, validation and test must each hold something. */
function checkWindows(
  times: Float64Array,
  { validationFrom, testFrom }: TimeSplit,
  settings: readonly [string, string],
): void {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let isValidated = false;
  for (const time of times) {
    first = Math.min(first, time);
    last = Math.max(last, time);
    isValidated ||= time >= validationFrom && time < testFrom;
  }
  if (first < validationFrom && isValidated && last >= testFrom) return;
  const [range, boundaries] = [
    [first, last],
    [validationFrom, testFrom],
  ].map((times) => times.map((time) => new Date(time).toISOString())) as [string[], string[]];
  throw new AppError(
    `split.${settings[0]} and split.${settings[1]} leave a window empty: the interactions are of ${range.join(' to ')}, ` +
      `validation begins at ${boundaries[0]}, test at ${boundaries[1]}.`,
    {
      code: 'DATASET_EMPTY_WINDOW',
      category: 'input',
      remedy: 'Change them in facet.yaml so that interactions lie before, between and after both, or remove both.',
    },
  );
}

function noPositives(
  { eventTypes, items, bots }: LakeInteractions,
  { positives, rareItems }: DatasetSettings['interactions'],
): AppError {
  if (eventTypes.size === 0) return empty('There are no events.', 'Import some with facet import.');
  if (items.length > 0) {
    return empty(
      `Every item was chosen by fewer than ${rareItems.minUsers} users.`,
      'Lower interactions.rareItems.minUsers in facet.yaml.',
    );
  }
  if (bots.interactions > 0) {
    return empty(
      `Everybody with a positive event looks like a bot: ${bots.users} users.`,
      'Raise the bounds of interactions.bots in facet.yaml.',
    );
  }
  const found = [...eventTypes].map(([type, count]) => `${type} (${count})`).join(', ');
  return empty(
    `No event is positive by the rule "${positives}"; the events are: ${found}.`,
    'Set interactions.positives in facet.yaml.',
  );
}

function empty(problem: string, remedy: string): AppError {
  return new AppError(problem, { code: 'DATASET_NO_POSITIVES', category: 'input', remedy });
}
