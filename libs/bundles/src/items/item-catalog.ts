import type { SafeTensor } from '@facet/artifacts';
import type { Attributes, AttributeValue } from '@facet/features';
import { AppError, parseWith } from '@facet/platform';
import { Type } from 'typebox';
import { ColumnSchema, encodeColumns, openColumn, valueAt } from './attribute-columns.ts';
import type { AttributeColumn } from './attribute-columns.ts';
import { bitmapOf, createBits, hasBit, setBit } from './item-bitmap.ts';
import type { ItemBitmap } from './item-bitmap.ts';
import { tensor, tensorOf } from './tensors.ts';
import type { Tensors } from './tensors.ts';
import { buildIdTable, encodeTexts, openIdTable, openTexts } from './text-column.ts';

/** An item as it was when the bundle was built. */
export interface CatalogItem {
  readonly itemId: string;
  readonly title?: string;
  readonly available?: boolean;
  readonly attributes: Attributes;
}

/** An item's attributes as its features are made of them: with its title among them. */
export function featureAttributes({ title, attributes }: Pick<CatalogItem, 'title' | 'attributes'>): Attributes {
  return title === undefined ? attributes : { ...attributes, title };
}

/** Whether the catalog that the bundle was built from held the item: it knows something of it. */
export function wasListed({ title, available, attributes }: CatalogItem): boolean {
  return title !== undefined || available !== undefined || Object.keys(attributes).length > 0;
}

/**
 * What a bundle knows of its items 1..N, in columns that are read where they lie: a fact becomes a JavaScript value when
 * it is asked for, so that a catalog of any size is opened at once and processes share its memory.
 */
export interface ItemCatalog {
  /** N */
  readonly itemCount: number;
  /** Undefined for an item that is not known. */
  indexOf(itemId: string): number | undefined;
  idOf(item: number): string;
  titleOf(item: number): string | undefined;
  /** One attribute of an item. */
  attributeOf(item: number, name: string): AttributeValue | undefined;
  /** All facts of an item; its attributes in the order of their names. */
  itemAt(item: number): CatalogItem;
  /** Items that are withdrawn. */
  readonly unavailable: ItemBitmap;
  readonly columns: readonly AttributeColumn[];
}

/** Facts of items as a safetensors file holds them. */
interface EncodedCatalog {
  readonly tensors: Record<string, SafeTensor>;
  readonly metadata: { readonly attributes: string };
}

/**
 * @param items [N + 1], position 0 padding
 * @throws AppError `FEATURES_DUPLICATE_ITEM`; `BUNDLE_TOO_LARGE` for more than 2 GiB of text in a column.
 */
export function encodeCatalog(items: readonly CatalogItem[]): EncodedCatalog {
  const itemIds = items.map(({ itemId }) => itemId);
  const ids = encodeTexts(itemIds, 'The ids of the items');
  const titles = encodeTexts(
    items.map(({ title }) => title ?? ''),
    'The titles of the items',
  );
  const [titled, available, unavailable] = [0, 1, 2].map(() => createBits(items.length - 1)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
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
 * @param metadata of the safetensors file
 * @throws AppError `BUNDLE_INVALID` for columns that do not fit together.
 */
export function openCatalog(tensors: Tensors, metadata: Readonly<Record<string, string>>): ItemCatalog {
  const offsets = tensorOf(tensors, 'id/offsets', 'I32');
  const rows = offsets.length - 1;
  const textsAt = (name: string) => {
    const textOffsets = tensorOf(tensors, `${name}/offsets`, 'I32', rows + 1);
    return openTexts({ bytes: tensorOf(tensors, `${name}/bytes`, 'U8', textOffsets[rows]!), offsets: textOffsets });
  };
  const bitsAt = (name: string): Uint8Array => tensorOf(tensors, name, 'U8', createBits(rows - 1).length);
  const [ids, titles] = [textsAt('id'), textsAt('title')];
  const [titled, available, unavailable] = [
    bitsAt('title/present'),
    bitsAt('available/true'),
    bitmapOf(bitsAt('available/false')),
  ];
  const columns = parseSchemas(metadata['attributes']).map((schema, position) =>
    openColumn(schema, position, tensors, rows),
  );
  const titleOf = (item: number): string | undefined => (hasBit(titled, item) ? titles.at(item) : undefined);
  return {
    itemCount: rows - 1,
    indexOf: openIdTable(tensorOf(tensors, 'id/table', 'I32'), ids),
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
        ...(title === undefined ? {} : { title }),
        ...(isUnavailable || hasBit(available, item) ? { available: !isUnavailable } : {}),
        attributes,
      };
    },
    unavailable,
    columns,
  };
}

/** Sets a field also where its name means something else to an assignment. */
function setOwn(attributes: Record<string, AttributeValue>, name: string, value: AttributeValue): void {
  if (name === '__proto__') Object.defineProperty(attributes, name, { value, enumerable: true });
  else attributes[name] = value;
}

function parseSchemas(text: string | undefined): readonly ColumnSchema[] {
  try {
    return parseWith(Type.Array(ColumnSchema), JSON.parse(text ?? ''), { source: 'the catalog' });
  } catch (error) {
    throw new AppError('The catalog of the bundle does not say what its columns are.', {
      code: 'BUNDLE_INVALID',
      category: 'artifact',
      remedy: 'Rebuild it with facet index.',
      cause: error,
    });
  }
}

/** Every item in its order, one at a time. */
export function* itemsOf(catalog: ItemCatalog): Generator<CatalogItem> {
  for (let item = 1; item <= catalog.itemCount; item++) yield catalog.itemAt(item);
}
