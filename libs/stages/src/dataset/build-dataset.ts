import type { LakeInteractions } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { featureAttributes } from '@facet/bundles';
import type { CatalogItem } from '@facet/bundles';
import {
  buildItemVocabulary,
  checkIdCount,
  chooseTimeSplit,
  countInteractions,
  cutEnd,
  dropRareItems,
  learnFeatureSchemas,
  orderTable,
  titleFeatureName,
  toUserSequences,
} from '@facet/features';
import type { Attributes, InteractionTable, Cut, TimeSplit } from '@facet/features';
import { AppError, dayMs, invalidConfig } from '@facet/platform';
import { findSplitProblems } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import { datasetVersion, tieSeed } from './dataset.ts';
import type { DatasetInfo, DatasetParts, DatasetTables, LearnedTables } from './dataset.ts';

/** The sources of a dataset. */
export interface DatasetSources {
  /** `buildDataset` reuses its arrays. */
  readonly interactions: LakeInteractions;
  readonly items: readonly Item[];
  readonly users: readonly User[];
  readonly files: DatasetInfo['sources'];
  readonly window: DatasetInfo['window'];
}

/** The maximum number of values per feature of one item. */
const maxSlots = 10;

/** The settings that determine a dataset. */
export type DatasetSettings = Pick<FacetConfig, 'interactions' | 'split' | 'features'>;

/**
 * Builds a dataset: orders and filters the interactions, splits them by time, and learns the item vocabulary and the feature
 * schemas from the data before the test window. Pure: the same sources and settings give the same parts.
 *
 * @throws AppError `DATASET_NO_POSITIVES` with the event types found, `FEATURES_TOO_FEW_MOMENTS`, `FEATURES_TOO_MANY_IDS`; `CONFIG_INVALID` and
 *   `DATASET_EMPTY_WINDOW` for a split by days or dates.
 */
export function buildDataset(sources: DatasetSources, settings: DatasetSettings): DatasetParts {
  const { features } = settings;
  const { bots, rareItems, ...rules } = settings.interactions;
  // Only benchmarks cut between sessions.
  const interactions = { ...sources.interactions, sessions: undefined };
  const { table, dropped } = filterInteractions(interactions, settings.interactions);
  const split = splitOf(table.times, settings.split, sources.window.occurredBefore);
  const counts = countWindows(table.times, split);
  const { learned, ...tables } = buildTables(table, split.testFrom, { ...sources, features });
  return {
    ...tables,
    info: {
      formatVersion: 2,
      stageVersion: datasetVersion,
      interactions: { ...rules, tieSeed },
      filters: { bots, rareItems },
      window: sources.window,
      split,
      features,
      ...learned,
      counts: {
        events: sum(sources.interactions.eventTypes.values()),
        interactions: tables.sequences.items.length,
        users: tables.sequences.userIds.length,
        items: tables.items.length - 1,
        bots: sources.interactions.bots.users,
        ...counts,
      },
      dropped,
      sources: sources.files,
    },
  };
}

/**
 * Builds the tables of ordered interactions, and learns the vocabulary and the feature schemas from the interactions before the
 * cut. Reuses the arrays of `table`.
 *
 * @throws AppError `FEATURES_TOO_MANY_IDS`
 */
export function buildTables(
  table: InteractionTable,
  cut: Cut,
  { items: catalogItems, users, features }: Pick<DatasetSources, 'items' | 'users'> & Pick<DatasetSettings, 'features'>,
): DatasetTables & { readonly learned: LearnedTables } {
  checkIdCount('items', Math.max(catalogItems.length, table.itemIds.length));
  checkIdCount('users', users.length);
  const trainCounts = countInteractions(table, cut);
  const catalog = new Map<string, CatalogItem>(catalogItems.map((item) => [item.itemId, toCatalogItem(item)]));
  const allCounts = countInteractions(table, Number.POSITIVE_INFINITY);
  const withInteractions = table.itemIds.filter((_, item) => allCounts[item]! > 0);
  const vocabulary = buildItemVocabulary(
    new Map(table.itemIds.map((itemId, item) => [itemId, trainCounts[item]!])),
    concat(catalog.keys(), withInteractions),
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
        userAttributes.filter(
          (attributes, user) => attributes !== undefined && cutEnd(sequences, user, cut) > sequences.offsets[user]!,
        ) as Attributes[],
        { attributes: features.users, minHolders: features.minHolders, maxSlots: 1 },
      ),
    },
  };
}

/**
 * Orders and filters interactions. Returns the number of events that each rule removed, too.
 *
 * @throws AppError `DATASET_NO_POSITIVES` with the event types found, if no interaction is left
 */
export function filterInteractions(
  interactions: Omit<LakeInteractions, 'sessions'> & Pick<InteractionTable, 'sessions'>,
  rules: DatasetSettings['interactions'],
): { table: InteractionTable; dropped: DatasetInfo['dropped'] } {
  const found = interactions.items.length + interactions.bots.interactions;
  const ordered = orderTable(interactions, { ...rules, tieSeed });
  const common = dropRareItems(ordered.table, rules.rareItems.minUsers);
  if (common.table.items.length === 0) throw noPositives(interactions, rules);
  return {
    table: common.table,
    dropped: {
      duplicateEvent: interactions.repeated,
      notPositive: sum(interactions.eventTypes.values()) - found,
      bot: interactions.bots.interactions,
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

/** Converts an item of the catalog to the form in bundles. */
export function toCatalogItem({ itemId, title, available, attributes }: Item): CatalogItem {
  return {
    itemId,
    ...(title === undefined ? {} : { title }),
    ...(available === undefined ? {} : { available }),
    attributes,
  };
}

/** @param items only items known before the test window */
function itemFeatureSchemas(
  items: readonly CatalogItem[],
  { items: attributes, titleWords, minHolders }: DatasetSettings['features'],
): DatasetInfo['itemFeatures'] {
  const holders = items.map(titleWords ? featureAttributes : (item) => item.attributes);
  const chosen = attributes === 'auto' || !titleWords ? attributes : [...attributes, titleFeatureName];
  return learnFeatureSchemas(holders, { attributes: chosen, minHolders, maxSlots });
}

/**
 * Splits by days before `end` (epoch milliseconds), by dates or by shares, depending on the settings.
 *
 * @throws AppError `CONFIG_INVALID` as `findSplitProblems`.
 */
function splitOf(times: Float64Array, settings: DatasetSettings['split'], end: number): TimeSplit {
  const problems = findSplitProblems(settings);
  if (problems.length > 0) throw invalidConfig('facet.yaml', problems);
  const { testFrom, validationFrom, testDays, validationDays, testShare, validationShare } = settings;
  if (testDays !== undefined && validationDays !== undefined) {
    const start = end - testDays * dayMs;
    const split = { validationFrom: start - validationDays * dayMs, testFrom: start };
    checkWindows(times, split, ['validationDays', 'testDays']);
    return split;
  }
  if (testFrom !== undefined && validationFrom !== undefined) {
    const split = { validationFrom: Date.parse(validationFrom), testFrom: Date.parse(testFrom) };
    checkWindows(times, split, ['validationFrom', 'testFrom']);
    return split;
  }
  return chooseTimeSplit(times, { testShare, validationShare });
}

/** Days and dates may be outside the data. Training, validation and test must each contain an interaction. */
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
    `split.${settings[0]} and split.${settings[1]} leave a window empty: the interactions are from ${range.join(' to ')}, ` +
      `validation starts at ${boundaries[0]} and test at ${boundaries[1]}.`,
    {
      code: 'DATASET_EMPTY_WINDOW',
      category: 'input',
      remedy: 'Change both in facet.yaml so that interactions exist before, between and after them, or remove both.',
    },
  );
}

function noPositives(
  { eventTypes, items, bots }: Pick<LakeInteractions, 'eventTypes' | 'items' | 'bots'>,
  { positives, rareItems }: DatasetSettings['interactions'],
): AppError {
  if (eventTypes.size === 0) return empty('The lake contains no events.', 'Import events with facet import.');
  if (items.length > 0) {
    return empty(
      `Every item has interactions of fewer than ${rareItems.minUsers} users.`,
      'Lower interactions.rareItems.minUsers in facet.yaml.',
    );
  }
  if (bots.interactions > 0) {
    return empty(
      `The bot rule removes every user with a positive event (${bots.users}).`,
      'Raise the limits of interactions.bots in facet.yaml.',
    );
  }
  const found = [...eventTypes].map(([type, count]) => `${type} (${count})`).join(', ');
  return empty(
    `No event is positive by the rule "${positives}". The events are: ${found}.`,
    `Set interactions: { positives: ${[...eventTypes.keys()].join(' or ')} } in facet.yaml.`,
  );
}

function empty(problem: string, remedy: string): AppError {
  return new AppError(problem, { code: 'DATASET_NO_POSITIVES', category: 'input', remedy });
}
