import { featureAttributes } from '@facet/bundles';
import type { CatalogItem } from '@facet/bundles';
import { FacetConfig } from '@facet/config';
import { createItemVocabulary, encodeFeatures, FeatureSchema } from '@facet/features';
import type { Attributes, EncodedFeature, ItemVocabulary, TimeSplit, UserSequences } from '@facet/features';
import { countOf, formatCount } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Increase this when the same sources and settings give other bytes. */
export const datasetVersion = 6;

/** Seed for the order of a user's interactions of the same time, such as the lines of an invoice. */
export const tieSeed = 1;

const rules = FacetConfig.properties.interactions.properties;

/** The content of `dataset.json`: rules, sources and counts, sufficient to rebuild the same bytes. */
export const DatasetInfo = Type.Object({
  formatVersion: Type.Literal(2),
  /** `datasetVersion` at the time of the build. */
  stageVersion: Type.Integer(),
  interactions: Type.Object({
    positives: Type.String(),
    repeats: Type.Union([Type.Literal('keep'), Type.Literal('first')]),
    tieSeed: Type.Integer(),
  }),
  /** The rules that removed users and items. */
  filters: Type.Object({ bots: rules.bots, rareItems: rules.rareItems }),
  /**
   * The applied cut: events with occurredAt and receivedAt before these times (epoch milliseconds), and offsets below these by source of
   * the lake. Items are those that the catalog contained before a time. Without a cut, the limits are just after
   * the newest event and item.
   */
  window: Type.Object({
    occurredBefore: Type.Integer(),
    receivedBefore: Type.Integer(),
    offsets: Type.Record(Type.String(), Type.Integer()),
    itemsReceivedBefore: Type.Integer(),
  }),
  split: Type.Object({ validationFrom: Type.Integer(), testFrom: Type.Integer() }),
  /** The settings that selected the features. */
  features: Type.Object(FacetConfig.properties.features.properties),
  trainedCount: Type.Integer(),
  itemFeatures: Type.Array(FeatureSchema),
  userFeatures: Type.Array(FeatureSchema),
  counts: Type.Record(Type.String(), Type.Integer()),
  /** The number of events and interactions that each rule removed. */
  dropped: Type.Record(Type.String(), Type.Integer()),
  sources: Type.Object({
    /** The version of the lake that was read. */
    lakeVersion: Type.Integer(),
    lake: Type.Array(Type.Object({ path: Type.String(), sha256: Type.String(), rows: Type.Integer() })),
    /** Hashes of the records as JSON lines. */
    catalog: Type.Array(Type.Object({ path: Type.String(), sha256: Type.String() })),
  }),
});
export type DatasetInfo = Static<typeof DatasetInfo>;

/** The limits of the events in a dataset, exclusive. An absent limit does not apply. */
export interface DatasetCut {
  /** Epoch milliseconds. */
  readonly occurredBefore?: number;
  /** Epoch milliseconds. Later events are late and enter the next dataset. Items have their state at this time. */
  readonly receivedBefore?: number;
  /** By source of the lake, the first offset that is not read. Sources without an offset are not read. */
  readonly offsets?: Readonly<Record<string, number>>;
}

/** A dataset in memory: the input of training and evaluation. */
export interface Dataset {
  readonly id: string;
  readonly info: DatasetInfo;
  readonly vocabulary: ItemVocabulary;
  /** [N + 1] by item index; position 0 is a placeholder. */
  readonly items: readonly CatalogItem[];
  readonly sequences: UserSequences;
  /** Rows [N + 1, slots] of each item feature. */
  readonly itemFeatures: readonly EncodedFeature[];
  /** Rows [U, 1] of each user feature. */
  readonly userFeatures: readonly EncodedFeature[];
  /** [U] from the catalog. */
  readonly userAttributes: readonly (Attributes | undefined)[];
  readonly split: TimeSplit;
}

/** Returns the behaviors at the positions from `start` to before `end` of the sequences, in the form of requests. */
export function behaviorsBetween({ sequences, items }: Dataset, start: number, end: number) {
  const behaviors: { readonly itemId: string; readonly occurredAt: number }[] = [];
  for (let position = start; position < end; position++) {
    const item = sequences.items[position]!;
    if (item > 0) behaviors.push({ itemId: items[item]!.itemId, occurredAt: sequences.times[position]! });
  }
  return behaviors;
}

/** The tables of a dataset, before features are encoded. */
export interface DatasetTables {
  /** [N + 1] by item index; position 0 is a placeholder. */
  readonly items: readonly CatalogItem[];
  readonly sequences: UserSequences;
  /** [U] attributes of the sequences' users. */
  readonly userAttributes: readonly (Attributes | undefined)[];
}

/** The content of a dataset artifact. */
export interface DatasetParts extends DatasetTables {
  readonly info: DatasetInfo;
}

/** What is learned from the data before the test window. */
export type LearnedTables = Pick<DatasetInfo, 'trainedCount' | 'itemFeatures' | 'userFeatures'>;

/** The data that models are fitted and evaluated on, without a split. */
export type ModelData = Pick<
  Dataset,
  'vocabulary' | 'items' | 'sequences' | 'itemFeatures' | 'userFeatures' | 'userAttributes'
>;

export function assembleDataset(id: string, parts: DatasetParts): Dataset {
  const { info } = parts;
  return { id, info, ...encodeTables(parts, info), split: info.split };
}

/** Numbers the items of the tables and encodes their features. */
export function encodeTables({ items, sequences, userAttributes }: DatasetTables, learned: LearnedTables): ModelData {
  return {
    items,
    vocabulary: createItemVocabulary(
      items.map((item) => item.itemId),
      learned.trainedCount,
    ),
    sequences,
    itemFeatures: encodeFeatures(learned.itemFeatures, items.map(featureAttributes)),
    userFeatures: encodeFeatures(learned.userFeatures, userAttributes),
    userAttributes,
  };
}

/** The events that are no interactions. */
export interface ExcludedEvents {
  readonly byRule: DatasetInfo['dropped'];
  /** The number of users who are bots. */
  readonly bots: number;
}

const names: Readonly<Record<string, string>> = {
  notPositive: 'not positive (interactions.positives)',
  sameMoment: 'with the user, item and time of another event',
  repeat: 'repeats of an item (interactions.repeats, or leave-one-out)',
  rareItem: 'of rare items (interactions.rareItems)',
};

export function excludedEventsOf({ dropped, counts }: Pick<DatasetInfo, 'dropped' | 'counts'>): ExcludedEvents {
  return { byRule: dropped, bots: counts['bots'] ?? 0 };
}

/** Returns a sentence with the number of events that each rule excludes, and the setting of the rule; none without such events. */
export function describeExcluded({ byRule, bots }: ExcludedEvents): string[] {
  const parts = Object.entries(byRule).flatMap(([rule, count]) => {
    if (count === 0) return [];
    if (rule === 'duplicateEvent') return [countOf(count, 'duplicate')];
    if (rule === 'bot') return [`${formatCount(count)} of ${countOf(bots, 'bot')} (interactions.bots)`];
    return [`${formatCount(count)} ${names[rule] ?? rule}`];
  });
  return parts.length === 0 ? [] : [`Excluded events: ${parts.join(', ')}.`];
}
