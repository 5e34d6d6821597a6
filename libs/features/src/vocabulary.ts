import { AppError } from '@facet/platform/errors';
import { createFeatureEncoder } from './feature-schema.ts';
import type { Attributes, FeatureSchema } from './feature-schema.ts';

/** itemId ↔ dense item index. Index 0 is padding and never an item. */
export interface ItemVocabulary {
  /** [N + 1]; `itemIds[0]` is the empty text. */
  readonly itemIds: readonly string[];
  /** Items 1..trainedCount have training interactions. Other items are cold: they have side features only. */
  readonly trainedCount: number;
  /** Returns the index of an item, or undefined for an unknown item. */
  indexOf(itemId: string): number | undefined;
}

/** The maximum number of entries of a `Map` in V8. */
const mapEntriesMax = 2 ** 24;

/** @throws AppError `FEATURES_TOO_MANY_IDS` if the ids do not fit in a `Map`. */
export function checkIdCount(kind: 'items' | 'users', count: number): void {
  if (count <= mapEntriesMax) return;
  throw new AppError(`The data have ${count} ${kind}. Facet supports at most ${mapEntriesMax}.`, {
    code: 'FEATURES_TOO_MANY_IDS',
    category: 'input',
    remedy: `Import fewer ${kind} into a new data home. docs/scaling.md lists the limits.`,
  });
}

/** @throws AppError `FEATURES_DUPLICATE_ITEM` if an id occurs twice, `FEATURES_TOO_MANY_IDS`. */
export function createItemVocabulary(itemIds: readonly string[], trainedCount: number): ItemVocabulary {
  checkIdCount('items', itemIds.length - 1);
  const indexes = new Map<string, number>();
  for (let index = 1; index < itemIds.length; index++) indexes.set(itemIds[index]!, index);
  if (indexes.size !== itemIds.length - 1) {
    throw new AppError('The item vocabulary contains an item twice.', {
      code: 'FEATURES_DUPLICATE_ITEM',
      category: 'internal',
    });
  }
  return { itemIds, trainedCount, indexOf: (itemId) => indexes.get(itemId) };
}

/**
 * Returns the vocabulary of a catalog. The items with training interactions come first, by popularity (ties by id), so that their index
 * is a popularity rank. The other items follow by id.
 *
 * @param trainingCounts Interactions with each item. Items without interactions are not trained.
 */
export function buildItemVocabulary(
  trainingCounts: ReadonlyMap<string, number>,
  catalogItemIds: Iterable<string>,
): ItemVocabulary {
  const ranked = [...trainingCounts].filter(([, count]) => count > 0);
  ranked.sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  const trained = ranked.map(([itemId]) => itemId);
  const cold = [...new Set(catalogItemIds)].filter((itemId) => (trainingCounts.get(itemId) ?? 0) === 0).sort();
  return createItemVocabulary(['', ...trained, ...cold], trained.length);
}

/** One side feature of all items: `rows[index * slots + slot]` is a row of the feature's table, 0 for no value. */
export interface EncodedFeature {
  readonly schema: FeatureSchema;
  /** [holders, slots] */
  readonly rows: Int32Array;
}

/** Encodes the attributes of `holders` (for items: position = item index, position 0 empty) by each schema. */
export function encodeFeatures(
  schemas: readonly FeatureSchema[],
  holders: readonly (Attributes | undefined)[],
): EncodedFeature[] {
  return schemas.map((schema) => {
    const encoder = createFeatureEncoder(schema);
    const rows = new Int32Array(holders.length * schema.slots);
    holders.forEach((attributes, holder) => {
      encoder.encode(attributes?.[schema.name]).forEach((row, slot) => {
        rows[holder * schema.slots + slot] = row;
      });
    });
    return { schema, rows };
  });
}
