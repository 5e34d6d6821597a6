import type { SafeTensor } from '@facet/artifacts';
import type { Attributes, AttributeValue } from '@facet/features';
import { createBitmap, hasBit, setBit } from '@facet/retrieval';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { tensor, readTensor } from './tensors.ts';
import type { Tensors } from './tensors.ts';
import { encodeTexts, openTexts } from './text-column.ts';
import type { TextColumn } from './text-column.ts';

/** The type of the values of an attribute. */
export const AttributeType = Type.Union([
  Type.Literal('boolean'),
  Type.Literal('list'),
  Type.Literal('number'),
  Type.Literal('text'),
]);

/**
 * Name and type of a column. An attribute with values of several types has one column per type, and each item is in one
 * of them.
 */
export const ColumnSchema = Type.Object({
  name: Type.String(),
  type: AttributeType,
});
export type ColumnSchema = Static<typeof ColumnSchema>;

/** The distinct texts of a column, sorted by UTF-16 units; text v has the code v + 1. */
export interface ColumnValues {
  readonly texts: TextColumn;
  /** [V] number of items with each text. */
  readonly counts: Int32Array;
  /** [V] numeric value of each text, or NaN; empty if no text is a number. */
  readonly numbers: Float64Array;
}

/** One attribute of all items. Index 0 of arrays of length N + 1 is padding. */
export type AttributeColumn =
  | {
      readonly name: string;
      readonly type: 'text';
      readonly values: ColumnValues;
      /** [N + 1] codes; 0 for no value. */
      readonly codes: Int32Array;
    }
  | {
      readonly name: string;
      readonly type: 'list';
      readonly values: ColumnValues;
      /** [N + 2] item i has the codes from `offsets[i]` to `offsets[i + 1]`. */
      readonly offsets: Int32Array;
      readonly codes: Int32Array;
      /** Bitmap of the items with a list, including an empty one. */
      readonly present: Uint8Array;
    }
  | {
      readonly name: string;
      readonly type: 'number';
      /** [N + 1] NaN for no value. */
      readonly numbers: Float64Array;
    }
  | {
      readonly name: string;
      readonly type: 'boolean';
      /** [N + 1] 0 for no value, 1 for false, 2 for true. */
      readonly booleans: Uint8Array;
    };

/** Returns the value of one item; undefined if the item has none in this column. */
export function valueAt(column: AttributeColumn, item: number): AttributeValue | undefined {
  switch (column.type) {
    case 'text': {
      const code = column.codes[item]!;
      return code === 0 ? undefined : column.values.texts.at(code - 1);
    }
    case 'list':
      if (!hasBit(column.present, item)) return undefined;
      return Array.from(column.codes.subarray(column.offsets[item], column.offsets[item + 1]), (code) =>
        column.values.texts.at(code - 1),
      );
    case 'number': {
      const number = column.numbers[item]!;
      return Number.isNaN(number) ? undefined : number;
    }
    case 'boolean': {
      const value = column.booleans[item]!;
      return value === 0 ? undefined : value === 2;
    }
  }
}

/**
 * Encodes the attributes of all items as tensors, one group per column, sorted by name.
 *
 * @param holders [N + 1] attributes; index 0 is empty.
 * @throws AppError `BUNDLE_TOO_LARGE` for more than 2 GiB of text in a column.
 */
export function encodeColumns(holders: readonly Attributes[]): {
  readonly schemas: readonly ColumnSchema[];
  readonly tensors: Record<string, SafeTensor>;
} {
  const schemas = new Map<string, ColumnSchema>();
  for (const attributes of holders) {
    for (const name of Object.keys(attributes)) {
      const type = typeOf(attributes[name]!);
      const key = `${type} ${name}`;
      if (!schemas.has(key)) schemas.set(key, { name, type });
    }
  }
  const ordered = [...schemas.values()].sort((a, b) => compareTexts(a.name, b.name) || compareTexts(a.type, b.type));
  const tensors: Record<string, SafeTensor> = {};
  ordered.forEach((schema, position) => {
    for (const [name, data] of Object.entries(encodeColumn(schema, holders))) {
      tensors[tensorName(position, name)] = data;
    }
  });
  return { schemas: ordered, tensors };
}

/** Returns the items with a value in one column, and the values. */
function* cellsOf<Value extends AttributeValue>(
  { name, type }: ColumnSchema,
  holders: readonly Attributes[],
): Generator<[item: number, value: Value]> {
  for (let item = 1; item < holders.length; item++) {
    const attributes = holders[item]!;
    if (!Object.hasOwn(attributes, name)) continue;
    const value = attributes[name]!;
    if (typeOf(value) === type) yield [item, value as Value];
  }
}

function typeOf(value: AttributeValue): ColumnSchema['type'] {
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'boolean';
}

const tensorName = (column: number, name: string): string => `attribute/${column}/${name}`;

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function encodeColumn(schema: ColumnSchema, holders: readonly Attributes[]): Record<string, SafeTensor> {
  const rows = holders.length;
  switch (schema.type) {
    case 'number': {
      const numbers = new Float64Array(rows).fill(Number.NaN);
      for (const [item, value] of cellsOf<number>(schema, holders)) numbers[item] = value;
      return { numbers: tensor('F64', numbers) };
    }
    case 'boolean': {
      const booleans = new Uint8Array(rows);
      for (const [item, value] of cellsOf<boolean>(schema, holders)) booleans[item] = value ? 2 : 1;
      return { booleans: tensor('U8', booleans) };
    }
    case 'text': {
      const { tensors, codeOf } = encodeValues(schema, holders);
      const codes = new Int32Array(rows);
      for (const [item, value] of cellsOf<string>(schema, holders)) codes[item] = codeOf(value);
      return { ...tensors, codes: tensor('I32', codes) };
    }
    case 'list': {
      const { tensors, codeOf } = encodeValues(schema, holders);
      const offsets = new Int32Array(rows + 1);
      const present = createBitmap(rows - 1);
      const codes: number[] = [];
      let last = 0;
      for (const [item, list] of cellsOf<readonly string[]>(schema, holders)) {
        offsets.fill(codes.length, last + 1, item + 1);
        last = item;
        for (const text of list) codes.push(codeOf(text));
        setBit(present, item);
      }
      offsets.fill(codes.length, last + 1);
      return {
        ...tensors,
        offsets: tensor('I32', offsets),
        codes: tensor('I32', Int32Array.from(codes)),
        present: tensor('U8', present),
      };
    }
  }
}

function encodeValues(
  schema: ColumnSchema,
  holders: readonly Attributes[],
): { readonly tensors: Record<string, SafeTensor>; readonly codeOf: (text: string) => number } {
  const counts = new Map<string, number>();
  for (const [, value] of cellsOf<string | readonly string[]>(schema, holders)) {
    for (const text of typeof value === 'string' ? [value] : new Set(value)) {
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  }
  const texts = [...counts.keys()].sort(compareTexts);
  const codes = new Map(texts.map((text, position) => [text, position + 1]));
  const { bytes, offsets } = encodeTexts(texts, `The values of ${schema.name}`);
  const carried = Int32Array.from(texts, (text) => counts.get(text)!);
  const numbers = Float64Array.from(texts, toNumber);
  return {
    tensors: {
      'values/bytes': tensor('U8', bytes),
      'values/offsets': tensor('I32', offsets),
      'values/counts': tensor('I32', carried),
      ...(numbers.every(Number.isNaN) ? {} : { 'values/numbers': tensor('F64', numbers) }),
    },
    codeOf: (text) => codes.get(text)!,
  };
}

/**
 * Opens the column at an index of `schemas`, as {@link encodeColumns} wrote it.
 *
 * @throws AppError `BUNDLE_INVALID`.
 */
export function openColumn(
  { name, type }: ColumnSchema,
  position: number,
  tensors: Tensors,
  rows: number,
): AttributeColumn {
  const at = (part: string): string => tensorName(position, part);
  switch (type) {
    case 'number':
      return { name, type, numbers: readTensor(tensors, at('numbers'), 'F64', rows) };
    case 'boolean':
      return { name, type, booleans: readTensor(tensors, at('booleans'), 'U8', rows) };
    case 'text':
      return { name, type, values: openValues(tensors, at), codes: readTensor(tensors, at('codes'), 'I32', rows) };
    case 'list': {
      const offsets = readTensor(tensors, at('offsets'), 'I32', rows + 1);
      return {
        name,
        type,
        values: openValues(tensors, at),
        offsets,
        codes: readTensor(tensors, at('codes'), 'I32', offsets[rows]),
        present: readTensor(tensors, at('present'), 'U8', createBitmap(rows - 1).length),
      };
    }
  }
}

const none = new Float64Array(0);

function openValues(tensors: Tensors, at: (part: string) => string): ColumnValues {
  const counts = readTensor(tensors, at('values/counts'), 'I32');
  const offsets = readTensor(tensors, at('values/offsets'), 'I32', counts.length + 1);
  const bytes = readTensor(tensors, at('values/bytes'), 'U8', offsets[counts.length]);
  const numbers =
    at('values/numbers') in tensors ? readTensor(tensors, at('values/numbers'), 'F64', counts.length) : none;
  return { texts: openTexts({ bytes, offsets }), counts, numbers };
}

/** Returns the code of a text by binary search; 0 if no item has it. */
export function codeOf({ texts }: ColumnValues, text: string): number {
  let [low, high] = [0, texts.count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (texts.at(middle) < text) low = middle + 1;
    else high = middle;
  }
  return low < texts.count && texts.at(low) === text ? low + 1 : 0;
}

/** Returns a value as a number; NaN for booleans, empty texts and other texts. */
export function toNumber(value: string | number | boolean): number {
  if (typeof value === 'number') return value;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
}

/** Returns whether a number is in a range; false for NaN. */
export function isWithin(number: number, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): boolean {
  return number >= min && number <= max;
}
