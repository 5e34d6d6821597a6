import { isAttributeValue } from '@facet/schemas';
import type { AttributeValue } from '@facet/schemas';
import { isPlainObject } from '@facet/schemas';
import type { Table, TableColumn } from '../tables/table.ts';
import { cellBoolean, cellNumber, cellText, isEmptyCell } from './cell-values.ts';
import type { ItemMapping } from './column-mapping.ts';

export interface AttributeOptions {
  readonly separator?: ItemMapping['separator'];
  readonly attributes?: ItemMapping['attributes'];
}

/** Attributes of one row, and what could not become one. */
export interface RowAttributes {
  readonly attributes: Record<string, AttributeValue>;
  readonly extra: Record<string, unknown>;
}

/**
 * Makes the reader of a row's attributes: every column that is not `taken`. The kind of a column is what the mapping
 * declares, else what its header says; with a `separator`, text columns are lists. A list loses its empty values. A cell
 * that is not of its column's kind (a number that is none) stays as text: an attribute is never a reason to lose a row.
 */
export function createAttributeReader(
  table: Table,
  taken: { readonly fields: readonly (number | undefined)[]; readonly attributes: number | undefined },
  options: AttributeOptions,
): (cells: readonly unknown[]) => RowAttributes {
  return (cells) => {
    const attributes: [string, AttributeValue][] = [];
    const extra: [string, unknown][] = [];
    const keep = (name: string, value: unknown): void => {
      if (isAttributeValue(value)) attributes.push([name, value]);
      else extra.push([name, value]);
    };
    table.columns.forEach((column, index) => {
      const cell = cells[index];
      if (taken.fields.includes(index) || isEmptyCell(cell)) return;
      if (index === taken.attributes && isPlainObject(cell)) {
        for (const [name, value] of Object.entries(cell)) if (value !== null) keep(name, jsonValue(value));
        return;
      }
      const value = attributeOf(cell, column, options);
      if (value !== undefined) keep(column.name, value);
    });
    return { attributes: Object.fromEntries(attributes), extra: Object.fromEntries(extra) };
  };
}

function attributeOf(cell: unknown, column: TableColumn, options: AttributeOptions): unknown {
  const declared = options.attributes?.[column.name];
  if (declared === 'ignore') return undefined;
  if (declared === undefined && column.kind === 'any') return jsonValue(cell);
  const byHeader = column.kind === 'text' && options.separator !== undefined ? 'list' : column.kind;
  switch (declared ?? byHeader) {
    case 'number':
    case 'time':
      return orText(cellNumber(cell), cell);
    case 'boolean':
      return cellBoolean(cell) ?? cellText(cell);
    case 'list': {
      if (Array.isArray(cell)) return jsonValue(cell);
      const separator = options.separator ?? column.separator ?? '|';
      const values =
        cellText(cell)
          ?.split(separator)
          .map((value) => value.trim()) ?? [];
      return values.filter((value) => value !== '');
    }
    default:
      return cellText(cell) ?? jsonValue(cell);
  }
}

function orText(number: number | undefined, cell: unknown): number | string | undefined {
  return Number.isNaN(number) ? cellText(cell) : number;
}

/** Lists of numbers become lists of text; other JSON values stay. */
function jsonValue(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const isFlat = value.every((entry) => ['string', 'number', 'boolean'].includes(typeof entry));
  return isFlat ? value.map(String) : value;
}
