import type { SafeTensor } from '@facet/artifacts';
import { createdAtNames } from '@facet/features';
import type { Attributes, AttributeValue } from '@facet/features';
import { AppError, parseWith, dayMs } from '@facet/platform';
import { createBitmap, hasBit, itemSet, setBit } from '@facet/retrieval';
import type { ItemSet } from '@facet/retrieval';
import { epochNumberMs } from '@facet/schemas';
import { Type } from 'typebox';
import { ColumnSchema, encodeColumns, openColumn, valueAt } from './attribute-columns.ts';
import type { AttributeColumn } from './attribute-columns.ts';
import { tensor, readTensor } from './tensors.ts';
import type { Tensors } from './tensors.ts';
import { buildIdTable, encodeTexts, openIdTable, openTexts } from './text-column.ts';

/** An item as of the build of the bundle. */
export interface CatalogItem {
  readonly itemId: string;
  readonly title?: string;
  readonly available?: boolean;
  readonly attributes: Attributes;
}

/** Returns the attributes that features are encoded from, including the title. */
export function featureAttributes({ title, attributes }: Pick<CatalogItem, 'title' | 'attributes'>): Attributes {
  return title === undefined ? attributes : { ...attributes, title };
}

/** Returns whether the catalog listed the item when the bundle was built, so that it has more than an id. */
export function wasListed({ title, available, attributes }: CatalogItem): boolean {
  return title !== undefined || available !== undefined || Object.keys(attributes).length > 0;
}

/**
 * Facts of the items 1..N in mapped columns. Values are decoded when read, so a catalog of any size opens immediately
 * and processes share its memory.
 */
export interface ItemCatalog {
  /** N */
  readonly itemCount: number;
  /** Returns undefined for an unknown item. */
  indexOf(itemId: string): number | undefined;
  idOf(item: number): string;
  titleOf(item: number): string | undefined;
  /** Returns one attribute of an item. */
  attributeOf(item: number, name: string): AttributeValue | undefined;
  /** Returns all facts of an item, with attributes sorted by name. Slower than reading a single fact. */
  itemAt(item: number): CatalogItem;
  /** Withdrawn items. */
  readonly unavailable: ItemSet;
  readonly columns: readonly AttributeColumn[];
}

/** Tensors and metadata of a catalog file. */
interface EncodedCatalog {
  readonly tensors: Record<string, SafeTensor>;
  readonly metadata: { readonly attributes: string };
}

/**
 * Encodes the facts of items for a safetensors file.
 *
 * @param items [N + 1]; index 0 is padding.
 * @throws AppError `FEATURES_DUPLICATE_ITEM`; `BUNDLE_TOO_LARGE` for more than 2 GiB of text in a column.
 */
export function encodeCatalog(items: readonly CatalogItem[]): EncodedCatalog {
  const itemIds = items.map(({ itemId }) => itemId);
  const ids = encodeTexts(itemIds, 'The item ids');
  const titles = encodeTexts(
    items.map(({ title }) => title ?? ''),
    'The item titles',
  );
  const titled = createBitmap(items.length - 1);
  const [available, unavailable] = [titled.slice(), titled.slice()];
  items.forEach(({ title, available: isAvailable }, item) => {
    if (item === 0) return;
    if (title !== undefined) setBit(titled, item);
    if (isAvailable !== undefined) setBit(isAvailable ? available : unavailable, item);
  });
  const { schemas, tensors } = encodeColumns(items.map(({ attributes }) => attributes));
  return {
    tensors: {
      'id/bytes': tensor('U8', ids.bytes),
      'id/offsets': tensor('I32', ids.offsets),
      'id/table': tensor('I32', buildIdTable(itemIds)),
      'title/bytes': tensor('U8', titles.bytes),
      'title/offsets': tensor('I32', titles.offsets),
      'title/present': tensor('U8', titled),
      'available/true': tensor('U8', available),
      'available/false': tensor('U8', unavailable),
      ...tensors,
    },
    metadata: { attributes: JSON.stringify(schemas) },
  };
}

/**
 * Opens the catalog of a safetensors file.
 *
 * @throws AppError `BUNDLE_INVALID` for inconsistent columns.
 */
export function openCatalog(tensors: Tensors, metadata: Readonly<Record<string, string>>): ItemCatalog {
  const offsets = readTensor(tensors, 'id/offsets', 'I32');
  const rows = offsets.length - 1;
  const textsAt = (name: string) => {
    const textOffsets = readTensor(tensors, `${name}/offsets`, 'I32', rows + 1);
    return openTexts({ bytes: readTensor(tensors, `${name}/bytes`, 'U8', textOffsets[rows]), offsets: textOffsets });
  };
  const bitsAt = (name: string): Uint8Array => readTensor(tensors, name, 'U8', createBitmap(rows - 1).length);
  const [ids, titles] = [textsAt('id'), textsAt('title')];
  const [titled, available] = [bitsAt('title/present'), bitsAt('available/true')];
  const unavailable = itemSet(bitsAt('available/false'));
  const columns = parseSchemas(metadata['attributes']).map((schema, position) =>
    openColumn(schema, position, tensors, rows),
  );
  const titleOf = (item: number): string | undefined => (hasBit(titled, item) ? titles.at(item) : undefined);
  return {
    itemCount: rows - 1,
    indexOf: openIdTable(readTensor(tensors, 'id/table', 'I32'), ids),
    idOf: ids.at,
    titleOf,
    attributeOf(item, name) {
      for (const column of columns) {
        if (column.name !== name) continue;
        const value = valueAt(column, item);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    itemAt(item) {
      const title = titleOf(item);
      const isUnavailable = unavailable.has(item);
      const attributes: Record<string, AttributeValue> = {};
      for (const column of columns) {
        const value = valueAt(column, item);
        if (value !== undefined) setOwn(attributes, column.name, value);
      }
      return {
        itemId: ids.at(item),
        title,
        available: isUnavailable || hasBit(available, item) ? !isUnavailable : undefined,
        attributes,
      };
    },
    unavailable,
    columns,
  };
}

/** Sets an own property, also for the name `__proto__`. */
function setOwn(attributes: Record<string, AttributeValue>, name: string, value: AttributeValue): void {
  if (name === '__proto__') Object.defineProperty(attributes, name, { value, enumerable: true });
  else attributes[name] = value;
}

function parseSchemas(text: string | undefined): readonly ColumnSchema[] {
  try {
    return parseWith(Type.Array(ColumnSchema), JSON.parse(text ?? ''), { source: 'the catalog' });
  } catch (error) {
    throw new AppError('The catalog of the bundle does not describe its columns.', {
      code: 'BUNDLE_INVALID',
      category: 'artifact',
      remedy: 'Rebuild it with facet index.',
      cause: error,
    });
  }
}

/** Returns every item in order, one at a time. */
export function* itemsOf(catalog: ItemCatalog): Generator<CatalogItem> {
  for (let item = 1; item <= catalog.itemCount; item++) yield catalog.itemAt(item);
}

/** Returns the time when an item was created, in epoch milliseconds; undefined if its attributes do not contain it. */
export function createdTime(attributes: Attributes): number | undefined {
  return createdAtNames.map((name) => readTime(attributes[name])).find((time) => time !== undefined);
}

function readTime(value: AttributeValue | undefined): number | undefined {
  if (typeof value === 'number') return epochNumberMs(value);
  if (typeof value !== 'string') return undefined;
  // Fewer digits are a year.
  if (/^\d{5,}(\.\d+)?$/.test(value.trim())) return epochNumberMs(Number(value));
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

/** Returns the day since the epoch when an item was created; undefined if its attributes do not contain it. */
export function createdDay(attributes: Attributes): number | undefined {
  const time = createdTime(attributes);
  return time === undefined ? undefined : Math.floor(time / dayMs);
}

/** Returns [N + 1] the day of each item's creation by its attributes; NaN if they do not contain it. */
export function createdDays(items: readonly { readonly attributes: Attributes }[]): Float64Array {
  return Float64Array.from(items, ({ attributes }) => createdDay(attributes) ?? Number.NaN);
}
