import { isDeepStrictEqual } from 'node:util';
import {
  buildPopularityTimeline,
  createItemVocabulary,
  encodeFeatures,
  launchShare,
  launchWindowDays,
  popularityFeatureCount,
  popularityFeatureNames,
  writeExpectedFeatures,
  launchAges,
} from '@facet/features';
import type { EncodedFeature, ItemVocabulary, UserSequences, LaunchCurves } from '@facet/features';
import {
  contentItemsMax,
  embedColdItems,
  embedItems,
  findNeighbors,
  indexVectors,
  popularityPrior,
} from '@facet/model';
import type { Weights } from '@facet/model';
import { dayMs } from '@facet/platform';
import { neverSeen } from '../bundle/bundle.ts';
import type { BundleItems } from '../bundle/bundle.ts';
import { createdDay, featureAttributes } from '../items/item-catalog.ts';
import type { CatalogItem } from '../items/item-catalog.ts';
import type { CatalogDifference, DeltaContents } from './delta.ts';

/** What a delta is built from in addition to the catalog. */
export interface DeltaInputs {
  /** The interactions since the bundle was built. Default: none. */
  readonly interactions?: NewInteractions | undefined;
  /** An earlier delta of the same bundle. Added items that have not changed since keep their embeddings. */
  readonly earlier?: Pick<DeltaContents, 'added' | 'embeddings'> | undefined;
}

export interface NewInteractions {
  /** The day of the popularity, counted from the epoch. Interactions before it count. */
  readonly today: number;
  /** The items with interactions, each once. */
  readonly itemIds: readonly string[];
  /** Returns the sequences of all users, with the items of a vocabulary. */
  readonly sequencesOf: (vocabulary: ItemVocabulary) => UserSequences;
}

/**
 * Builds a delta from the difference between a catalog and a bundle. The embedding of an added item comes from items with similar content.
 * Its popularity is the expected popularity of an item without interactions, or the popularity of its first interactions if this scores
 * higher. The interactions also count for the items of the bundle that {@link firstChosen} selects. Deterministic.
 */
export function buildDelta(
  bundle: BundleItems,
  { added, changed, counts, gone }: CatalogDifference,
  { interactions, earlier }: DeltaInputs = {},
): DeltaContents {
  const { dim } = bundle.info.index;
  const chosenItems = firstChosen(bundle, interactions);
  const chosen = chosenItems.map((item) => bundle.catalog.idOf(item));
  const features = popularityOf([...chosen, ...added.map(({ itemId }) => itemId)], interactions);
  if (interactions !== undefined) addBundleCounts(features!, bundle, { chosenItems, today: interactions.today });
  const ofAdded = vectorsOf(bundle, added, earlier);
  const vectors = new Float32Array((1 + chosen.length) * dim + ofAdded.vectors.length);
  chosenItems.forEach((item, row) =>
    vectors.set(bundle.vectors.subarray(item * dim, (item + 1) * dim), (row + 1) * dim),
  );
  vectors.set(ofAdded.vectors, (1 + chosen.length) * dim);
  if (features !== undefined) raisePriors(vectors, popularityPrior(bundle.tower, features), dim);
  const recent = popularityFeatureNames.indexOf('chosen30Days');
  return {
    info: {
      formatVersion: 1,
      bundleId: bundle.id,
      embeddingDim: bundle.info.spec.config.embeddingDim,
      indexDim: dim,
      counts,
      gone,
      chosen,
    },
    added,
    changed,
    embeddings: ofAdded.embeddings,
    vectors: vectors.slice(dim),
    popularity: Float32Array.from({ length: chosen.length + added.length }, (_, row) =>
      Math.round(Math.expm1(features?.[(row + 1) * popularityFeatureCount + recent] ?? 0)),
    ),
  };
}

/**
 * An item of the bundle is recent if it was created or first chosen in the last days of the bundle's data. The shortest popularity feature
 * covers the same number of days, so all popularity features contain the interactions of recent items.
 */
const recentItemDays = 7;

/** Returns whether interactions can change a delta: the bundle has recent items, or the catalog has added items. */
export function awaitsInteractions(bundle: BundleItems, { added }: CatalogDifference): boolean {
  return added.length > 0 || bundle.popularity.some((_, item) => item > 0 && isRecent(bundle, item));
}

/** Returns whether an item of the bundle has no interactions, or was created or first chosen in the last days of the data. */
function isRecent(bundle: BundleItems, item: number): boolean {
  return bundle.popularity[item] === 0 || bundle.firstSeen[item]! >= dayOf(bundle) - recentItemDays;
}

/** Returns the recent items of the bundle with interactions since the end of its data, in the order of the bundle. */
function firstChosen(bundle: BundleItems, interactions: NewInteractions | undefined): number[] {
  const items = Array.from(interactions?.itemIds ?? [], (itemId) => bundle.catalog.indexOf(itemId));
  return items
    .filter((item) => item !== undefined)
    .filter((item) => isRecent(bundle, item))
    .sort((a, b) => a - b);
}

/**
 * Adds the counts of the bundle to the popularity features of first chosen items, [1 + items, features]. The bundle stores no days of
 * interactions, so its interactions count as interactions of its last day.
 */
function addBundleCounts(
  features: Float32Array,
  bundle: BundleItems,
  { chosenItems, today }: { readonly chosenItems: readonly number[]; readonly today: number },
): void {
  const daysSince = today - dayOf(bundle) + 1;
  chosenItems.forEach((item, row) => {
    // The fraction only breaks ties.
    const count = Math.floor(bundle.popularity[item]!);
    if (count === 0) return;
    const offset = (row + 1) * popularityFeatureCount;
    popularityFeatureNames.forEach((name, column) => {
      const days = countedDays[name];
      if (days === undefined || days < daysSince) return;
      features[offset + column] = Math.log1p(count + Math.expm1(features[offset + column]!));
    });
    features[offset + popularityFeatureNames.indexOf('age')] = Math.log1p(today - bundle.firstSeen[item]!);
  });
}

/** The days that the counts among the popularity features cover. */
const countedDays: Readonly<Partial<Record<(typeof popularityFeatureNames)[number], number>>> = {
  chosen7Days: 7,
  chosen30Days: 30,
  chosen90Days: 90,
  chosenEver: Number.POSITIVE_INFINITY,
};

/** Returns the popularity features [1 + items, features] by new interactions; undefined without interactions. */
function popularityOf(itemIds: readonly string[], interactions: NewInteractions | undefined): Float32Array | undefined {
  if (interactions === undefined) return undefined;
  const sequences = interactions.sequencesOf(createItemVocabulary(['', ...itemIds], 0));
  return buildPopularityTimeline(sequences, itemIds.length, Number.POSITIVE_INFINITY).featuresOn(interactions.today);
}

/** Returns the vectors of added items without interactions. */
function vectorsOf(
  bundle: BundleItems,
  added: readonly CatalogItem[],
  earlier: DeltaInputs['earlier'],
): Pick<DeltaContents, 'embeddings' | 'vectors'> {
  const { spec, index } = bundle.info;
  const { embeddingDim } = spec.config;
  const features = encodeFeatures(spec.itemFeatures, [undefined, ...added.map(featureAttributes)]);
  const embeddings = embedContent(bundle, added, { features, earlier });
  // `indexVectors` expects a padding row.
  const padded = new Float32Array(embeddingDim + embeddings.length);
  padded.set(embeddings, embeddingDim);
  const expected = new Float32Array((added.length + 1) * popularityFeatureCount);
  const curves = launchCurvesOf(bundle.itemTables);
  const today = dayOf(bundle);
  const shareOfUndated = launchShareWith(bundle, added);
  added.forEach(({ attributes }, position) => {
    const item = position + 1;
    const created = createdDay(attributes);
    const [age, share] = created === undefined ? [0, shareOfUndated] : [today - created, undefined];
    writeExpectedFeatures(expected, item * popularityFeatureCount, curves, { features, item, age, share });
  });
  const vectors = indexVectors(spec, bundle.tower, padded, expected);
  return { embeddings: padded.slice(embeddingDim), vectors: vectors.slice(index.dim) };
}

/** Returns the day of the popularity in a bundle, counted from the epoch. Interactions before it count. */
function dayOf({ info: { asOf } }: Pick<BundleItems, 'info'>): number {
  return Math.floor((asOf - 1) / dayMs) + 1;
}

/** Returns the launch share of the items without a day of creation, in the bundle and among the added items. */
function launchShareWith(bundle: BundleItems, added: readonly CatalogItem[]): number {
  const { catalog, firstSeen } = bundle;
  const today = dayOf(bundle);
  let launched = 0;
  let waiting = added.filter(({ attributes }) => createdDay(attributes) === undefined).length;
  for (let item = 1; item < firstSeen.length; item++) {
    const first = firstSeen[item]!;
    if (first === neverSeen) waiting++;
    if (first >= today || first < today - launchWindowDays) continue;
    if (createdDay(catalog.itemAt(item).attributes) === undefined) launched++;
  }
  return launchShare({ launched, waiting });
}

/** Raises the last coordinate of each row to the popularity prior of the row. Without a prior, changes nothing. */
function raisePriors(vectors: Float32Array, prior: Float32Array | undefined, dim: number): void {
  prior?.forEach((value, row) => {
    const last = (row + 1) * dim - 1;
    vectors[last] = Math.max(vectors[last]!, value);
  });
}

/** The parts of a bundle that embed items. */
type EmbeddingParts = Pick<BundleItems, 'info' | 'itemTables' | 'catalog' | 'embeddings'>;

/**
 * Returns the embeddings [M, D] of items that the bundle does not know: the mean of the bundle's trained items with the most similar
 * content, or else of the side features (paper, §4.1); zero for an item without known features.
 */
export function embedNewItems(bundle: EmbeddingParts, items: readonly CatalogItem[]): Float32Array {
  const features = encodeFeatures(bundle.info.spec.itemFeatures, [undefined, ...items.map(featureAttributes)]);
  return embedContent(bundle, items, { features });
}

/** @param parts.features rows [M + 1, slots] of the items. */
function embedContent(
  { info: { spec, trainedCount }, itemTables, catalog, embeddings }: EmbeddingParts,
  items: readonly CatalogItem[],
  { features, earlier }: Pick<DeltaInputs, 'earlier'> & { readonly features: readonly EncodedFeature[] },
): Float32Array {
  const D = spec.config.embeddingDim;
  const itemCount = items.length;
  const target = embedItems(spec, itemTables, { itemCount, trainedCount: 0, features });
  const missing = copyEmbeddings(target, items, earlier);
  if (missing.length > 0) {
    const known = Math.min(trainedCount, contentItemsMax);
    const facts = Array.from({ length: known }, (_, position) => featureAttributes(catalog.itemAt(position + 1)));
    const knownFeatures = encodeFeatures(spec.itemFeatures, [undefined, ...facts]);
    const cold = findNeighbors(
      {
        content: { features: knownFeatures, titleOf: (item) => catalog.titleOf(item) },
        items: positions(known),
      },
      { content: { features, titleOf: (item) => items[item - 1]!.title }, items: missing },
    );
    embedColdItems(target, cold, { embeddings, dim: D });
  }
  return target.subarray(D);
}

/** Copies the rows of items that an earlier delta has. @returns the positions of the others in `target` [M + 1, D] */
function copyEmbeddings(
  target: Float32Array,
  items: readonly CatalogItem[],
  earlier: DeltaInputs['earlier'],
): Int32Array {
  const rows = new Map(earlier?.added.map(({ itemId }, row) => [itemId, row]));
  const D = target.length / (items.length + 1);
  return positions(items.length).filter((position) => {
    const item = items[position - 1]!;
    const row = rows.get(item.itemId);
    if (earlier === undefined || row === undefined) return true;
    const known = earlier.added[row]!;
    if (known.title !== item.title || !isDeepStrictEqual(known.attributes, item.attributes)) return true;
    target.set(earlier.embeddings.subarray(row * D, (row + 1) * D), position * D);
    return false;
  });
}

const positions = (count: number): Int32Array => Int32Array.from({ length: count }, (_, position) => position + 1);

const byAgeName = 'launch/byAge';
const byValuePrefix = 'launch/byValue/';

/** Returns launch curves as arrays of a bundle, next to the tables that embed added items. */
export function launchTables(curves: LaunchCurves | undefined): Weights {
  if (curves === undefined) return {};
  return {
    [byAgeName]: { shape: [launchAges.length, popularityFeatureCount], data: curves.byAge },
    ...Object.fromEntries(
      Object.entries(curves.byValue).map(([name, data]) => [byValuePrefix + name, { shape: [data.length], data }]),
    ),
  };
}

/** Returns the launch curves of {@link launchTables}; undefined if the bundle has none. */
function launchCurvesOf(itemTables: Weights): LaunchCurves | undefined {
  const byAge = itemTables[byAgeName]?.data;
  if (byAge === undefined) return undefined;
  const byValue = Object.entries(itemTables).flatMap(([name, { data }]) =>
    name.startsWith(byValuePrefix) ? [[name.slice(byValuePrefix.length), data] as const] : [],
  );
  return { byAge, byValue: Object.fromEntries(byValue) };
}
