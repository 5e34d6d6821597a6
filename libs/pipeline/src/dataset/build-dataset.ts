import type { Item, LakeEvent, User } from '@facet/events';
import { featureAttributes } from '@facet/bundles';
import type { CatalogItem } from '@facet/bundles';
import {
  buildItemVocabulary,
  buildUserSequences,
  chooseTimeSplit,
  learnFeatureSchemas,
  parsePositiveRule,
  selectInteractions,
  titleFeatureName,
} from '@facet/features';
import type { Attributes, Interaction, TimeSplit } from '@facet/features';
import { AppError } from '@facet/platform';
import type { FacetConfig } from '../config.ts';
import type { DatasetInfo, DatasetParts } from './dataset.ts';

/** What a dataset is built from. */
export interface DatasetSources {
  readonly events: readonly LakeEvent[];
  readonly items: readonly Item[];
  readonly users: readonly User[];
  readonly files: DatasetInfo['sources'];
  readonly window: DatasetInfo['window'];
}

/**
 * Events to a dataset: positives, their order, the split by time, the vocabulary of what was known before the test
 * window, and the schemas of the features worth learning. Pure: the same sources and config give the same parts.
 *
 * @throws AppError `DATASET_NO_POSITIVES` naming the event types found, `FEATURES_RULE_INVALID`,
 *   `FEATURES_TOO_FEW_MOMENTS`, `CONFIG_INVALID` and `DATASET_EMPTY_WINDOW` for fixed boundaries.
 */
export function buildDataset(sources: DatasetSources, config: FacetConfig): DatasetParts {
  const rules = config.interactions;
  const selected = selectInteractions(sources.events, {
    isPositive: parsePositiveRule(rules.positives),
    repeats: rules.repeats,
    tieSeed: rules.tieSeed,
  });
  if (selected.interactions.length === 0) throw noPositives(sources.events, rules.positives);
  const split = splitOf(selected.interactions, config.split, sources.window.occurredBefore);

  const catalog = new Map<string, CatalogItem>(sources.items.map((item) => [item.itemId, toCatalogItem(item)]));
  const beforeTest = selected.interactions.filter(({ occurredAt }) => occurredAt < split.testFrom);
  const everyItemId = [...catalog.keys(), ...selected.interactions.map(({ itemId }) => itemId)];
  const vocabulary = buildItemVocabulary(
    beforeTest.map(({ itemId }) => itemId),
    everyItemId,
  );
  const items = vocabulary.itemIds.map((itemId) => catalog.get(itemId) ?? { itemId, attributes: {} });
  const sequences = buildUserSequences(selected.interactions, vocabulary);

  const attributesOf = new Map(sources.users.map((user) => [user.userId, user.attributes as Attributes]));
  const userAttributes = sequences.userIds.map((userId) => attributesOf.get(userId));
  return {
    items,
    sequences,
    userAttributes,
    info: {
      formatVersion: 2,
      interactions: rules,
      window: sources.window,
      split,
      trainedCount: vocabulary.trainedCount,
      itemFeatures: itemFeatureSchemas(items.slice(1, vocabulary.trainedCount + 1), config),
      userFeatures: learnFeatureSchemas(
        userAttributes.filter((attributes) => attributes !== undefined),
        {
          attributes: config.features.users,
          minHolders: config.features.minHolders,
          maxSlots: 1,
        },
      ),
      counts: {
        events: sources.events.length,
        interactions: selected.interactions.length,
        users: sequences.userIds.length,
        items: items.length - 1,
        trainInteractions: selected.interactions.filter(({ occurredAt }) => occurredAt < split.validationFrom).length,
        testInteractions: selected.interactions.length - beforeTest.length,
      },
      dropped: selected.dropped,
      sources: sources.files,
    },
  };
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
function itemFeatureSchemas(items: readonly CatalogItem[], config: FacetConfig): DatasetInfo['itemFeatures'] {
  const { items: attributes, titleWords, minHolders, maxSlots } = config.features;
  const holders = items.map(titleWords ? featureAttributes : (item) => item.attributes);
  const chosen = attributes === 'auto' || !titleWords ? attributes : [...attributes, titleFeatureName];
  return learnFeatureSchemas(holders, { attributes: chosen, minHolders, maxSlots });
}

/** By days back from `end` (epoch milliseconds), by fixed boundaries or by shares, whichever is set. */
function splitOf(interactions: readonly Interaction[], settings: FacetConfig['split'], end: number): TimeSplit {
  const { testFrom, validationFrom, testDays, validationDays, testShare, validationShare } = settings;
  const byDays = testDays !== undefined || validationDays !== undefined;
  const byDates = testFrom !== undefined || validationFrom !== undefined;
  if (byDays && byDates) {
    throw invalidSplit(
      'split has both days (testDays, validationDays) and dates (testFrom, validationFrom).',
      'Keep one pair of them',
    );
  }
  if (!byDays && !byDates) {
    return chooseTimeSplit(
      interactions.map(({ occurredAt }) => occurredAt),
      { testShare, validationShare },
    );
  }
  const split = byDays ? daysBack(end, testDays, validationDays) : fixedDates(testFrom, validationFrom);
  checkWindows(interactions, split, byDays ? ['validationDays', 'testDays'] : ['validationFrom', 'testFrom']);
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
    remedy: `${whatToDo} in facet.yaml, or remove both to split by shares.`,
  });
}

/** Boundaries that are not taken from the data may lie outside it: training, validation and test must each hold something. */
function checkWindows(
  interactions: readonly Interaction[],
  { validationFrom, testFrom }: TimeSplit,
  settings: readonly [string, string],
): void {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  let isValidated = false;
  for (const { occurredAt } of interactions) {
    first = Math.min(first, occurredAt);
    last = Math.max(last, occurredAt);
    isValidated ||= occurredAt >= validationFrom && occurredAt < testFrom;
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
      remedy: 'Change them in facet.yaml so that interactions lie before, between and after both, or remove both.',
    },
  );
}

function noPositives(events: readonly LakeEvent[], rule: string): AppError {
  const types = new Map<string, number>();
  for (const { type } of events) types.set(type, (types.get(type) ?? 0) + 1);
  const found = [...types].map(([type, count]) => `${type} (${count})`).join(', ');
  return new AppError(
    events.length === 0
      ? 'There are no events.'
      : `No event is positive by the rule "${rule}"; the events are: ${found}.`,
    {
      code: 'DATASET_NO_POSITIVES',
      remedy: events.length === 0 ? 'Import some with facet import.' : 'Set interactions.positives in facet.yaml.',
    },
  );
}
