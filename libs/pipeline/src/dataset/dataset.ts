import { createItemVocabulary, encodeFeatures, FeatureSchema } from '@facet/features';
import type { Attributes, EncodedFeature, ItemVocabulary, TimeSplit, UserSequences } from '@facet/features';
import { featureAttributes } from '@facet/bundles';
import type { CatalogItem } from '@facet/bundles';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { FacetConfig } from '@facet/config';

/** Raised when other bytes are made of the same sources and settings. */
export const datasetVersion = 3;

const rules = FacetConfig.properties.interactions.properties;

/** What `dataset.json` says: the rules, the sources and the counts, enough to rebuild the same bytes. */
export const DatasetInfo = Type.Object({
  formatVersion: Type.Literal(2),
  /** What the stage computed when it made it; of another version the same sources may give other bytes. */
  stageVersion: Type.Integer(),
  interactions: Type.Object({
    positives: Type.String(),
    repeats: Type.Union([Type.Literal('keep'), Type.Literal('first')]),
    tieSeed: Type.Integer(),
  }),
  /** Rules that left out users and items. */
  filters: Type.Object({ bots: rules.bots, rareItems: rules.rareItems }),
  /**
   * The cut as it was applied: events with occurredAt and receivedAt before these moments (epoch milliseconds) and, by
   * source of the lake, below these offsets; items as the catalog knew them before a moment. Without a cut it lies right
   * behind the newest of each.
   */
  window: Type.Object({
    occurredBefore: Type.Integer(),
    receivedBefore: Type.Integer(),
    offsets: Type.Record(Type.String(), Type.Integer()),
    itemsReceivedBefore: Type.Integer(),
  }),
  split: Type.Object({ validationFrom: Type.Integer(), testFrom: Type.Integer() }),
  /** How the features were chosen. */
  features: FacetConfig.properties.features,
  trainedCount: Type.Integer(),
  itemFeatures: Type.Array(FeatureSchema),
  userFeatures: Type.Array(FeatureSchema),
  counts: Type.Record(Type.String(), Type.Integer()),
  /** Events and choices that were left out, by the rule. */
  dropped: Type.Record(Type.String(), Type.Integer()),
  sources: Type.Object({
    /** The version of the lake that was read. */
    lakeVersion: Type.Integer(),
    lake: Type.Array(Type.Object({ path: Type.String(), sha256: Type.String(), rows: Type.Integer() })),
    /** Hashes of the records as they were read, one a line. */
    catalog: Type.Array(Type.Object({ path: Type.String(), sha256: Type.String() })),
  }),
});
export type DatasetInfo = Static<typeof DatasetInfo>;

/** What of the lake a dataset may know; half-open. What is left out is not cut. */
export interface DatasetCut {
  /** Epoch milliseconds. */
  readonly occurredBefore?: number;
  /** Epoch milliseconds. What is received later is late: it enters the next dataset. Items are as they were then. */
  readonly receivedBefore?: number;
  /** By source of the lake, the first offset that is not read; nothing is read of a source that is not named. */
  readonly offsets?: Readonly<Record<string, number>>;
}

/** A dataset in memory: what training and evaluation work on. */
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
  readonly profiles: readonly EncodedFeature[];
  /** [U] as the users' file or topic had them. */
  readonly userAttributes: readonly (Attributes | undefined)[];
  readonly split: TimeSplit;
}

/** The tables of a dataset, before features are encoded. */
export interface DatasetTables {
  /** [N + 1] by item index; position 0 is a placeholder. */
  readonly items: readonly CatalogItem[];
  readonly sequences: UserSequences;
  /** [U] attributes of the sequences' users. */
  readonly userAttributes: readonly (Attributes | undefined)[];
}

/** What a dataset is made from. */
export interface DatasetParts extends DatasetTables {
  readonly info: DatasetInfo;
}

/** What was learned of the tables from what is not held out. */
export type LearnedTables = Pick<DatasetInfo, 'trainedCount' | 'itemFeatures' | 'userFeatures'>;

/** What models are fitted on and asked about, however it is divided for that. */
export type ModelData = Pick<
  Dataset,
  'vocabulary' | 'items' | 'sequences' | 'itemFeatures' | 'profiles' | 'userAttributes'
>;

export function assembleDataset(id: string, parts: DatasetParts): Dataset {
  const { info } = parts;
  return { id, info, ...encodeTables(parts, info), split: info.split };
}

/** The tables with their items numbered and their features encoded. */
export function encodeTables({ items, sequences, userAttributes }: DatasetTables, learned: LearnedTables): ModelData {
  return {
    items,
    vocabulary: createItemVocabulary(
      items.map((item) => item.itemId),
      learned.trainedCount,
    ),
    sequences,
    itemFeatures: encodeFeatures(learned.itemFeatures, items.map(featureAttributes)),
    profiles: encodeFeatures(learned.userFeatures, userAttributes),
    userAttributes,
  };
}
