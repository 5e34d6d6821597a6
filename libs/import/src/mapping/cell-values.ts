import { plainName } from '@facet/platform';
import { isPlainObject } from '@facet/schemas';
import type { TableColumn } from '../tables/table.ts';

/** Returns a cell as trimmed text, or `undefined` for an empty cell. */
export function cellText(cell: unknown): string | undefined {
  if (typeof cell === 'string') {
    const text = cell.trim();
    return text === '' ? undefined : text;
  }
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  return undefined;
}

// cspell:disable-next-line
const usualMissingIds = ['NULL', 'Null', 'null', 'NaN', 'nan', 'None', 'NA', 'N/A', '#N/A', '<NA>', '\\N', 'undefined'];

/**
 * Returns the words that mean a missing id. As an id, such a word would merge all rows without an id into one user or item.
 *
 * @param words replace the default words
 */
export function missingIdWords(words: readonly string[] = usualMissingIds): ReadonlySet<string | undefined> {
  return new Set(words);
}

/** The decimal separator of numbers. */
type DecimalSign = '.' | ',';

/** Returns the decimal separator of a column. In a column of kind `number`, it is always the point. */
export function decimalOf(column: TableColumn | undefined, decimal: DecimalSign | undefined): DecimalSign | undefined {
  return column?.kind === 'number' ? '.' : decimal;
}

const plainNumber = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
/** The forms of other numbers, by their decimal separator: `1.234,5` and `1,234.5`. */
const groupedNumbers: Readonly<Record<DecimalSign, RegExp>> = {
  ',': /^(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$/,
  '.': /^(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$/,
};

/**
 * Returns a cell as a finite number, `undefined` for an empty cell, or NaN for any other value. Spaces, apostrophes and currencies
 * are dropped. Without a `decimal` separator, ambiguous text is NaN: `1.234` and `3,5` are numbers, `1,234` is not.
 */
export function cellNumber(cell: unknown, decimal?: DecimalSign): number | undefined {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : Number.NaN;
  if (isEmptyCell(cell)) return undefined;
  if (typeof cell !== 'string') return Number.NaN;
  const text = cell.trim();
  if (decimal !== ',' && plainNumber.test(text)) return finite(Number(text));
  // Dates, ranges and pairs such as `2026-01-31`, `10 - 20` and `4.5 (120)` are no numbers. A space may only separate groups of three digits.
  if (/\d\s*[-−+(]\s*\d|\d[\s'’](?!\d{3}(?!\d))\d/.test(text)) return Number.NaN;
  const bare = text.replaceAll(/[\s'’€$£¥()+−-]|^[A-Z]{3}\b|\b[A-Z]{3}$/g, '');
  const sign = decimal ?? decimalSignOf(bare);
  if (sign === undefined || !groupedNumbers[sign].test(bare)) return Number.NaN;
  const size = Number(sign === ',' ? bare.replaceAll('.', '').replace(',', '.') : bare.replaceAll(',', ''));
  return finite(looksNegative(text) ? -size : size);
}

/** Returns whether text has the sign of a negative number, as in `-5`, `5-`, `(5)` and `$ -5`. */
export function looksNegative(cell: unknown): boolean {
  return typeof cell === 'string' && /^\D*[-−]\s*\D?\s*\d|\d\s*[-−]$|^\(.*\d.*\)$/.test(cell.trim());
}

function finite(number: number): number {
  return Number.isFinite(number) ? number : Number.NaN;
}

/** Returns the decimal separator of a number, or `undefined` if it is ambiguous. */
function decimalSignOf(text: string): DecimalSign | undefined {
  const [comma, point] = [text.lastIndexOf(','), text.lastIndexOf('.')];
  if (comma === -1) return text.indexOf('.') === point ? '.' : ',';
  if (point !== -1) return comma > point ? ',' : '.';
  if (text.indexOf(',') !== comma) return '.';
  const isGroup = text.length - comma === 4 && !text.startsWith('0,');
  return isGroup ? undefined : ',';
}

/** Words of a column for true and false, in lower case. */
export interface BooleanWords {
  readonly true?: readonly string[] | undefined;
  readonly false?: readonly string[] | undefined;
}

// cspell:disable
const usualTrue = new Set(
  'true,t,yes,y,1,1.0,on,ja,j,wahr,oui,vrai,si,sí,sim,vero,verdadero,verdadeiro,da,tak,evet,available,in stock,instock,active'.split(
    ',',
  ),
);
const usualFalse = new Set(
  'false,f,no,n,0,0.0,off,nein,falsch,non,faux,não,nao,falso,nie,nee,nej,hayır,hayir,unavailable,out of stock,sold out,inactive'.split(
    ',',
  ),
);
// cspell:enable

/** Returns a cell as a boolean, `undefined` for an empty cell, or `null` for any other value. `words` come before the usual ones. */
export function cellBoolean(cell: unknown, words: BooleanWords = {}): boolean | null | undefined {
  if (typeof cell === 'boolean') return cell;
  if (isEmptyCell(cell)) return undefined;
  const text = cellText(cell)?.toLowerCase();
  if (text === undefined) return null;
  if (words.true?.includes(text) === true) return true;
  if (words.false?.includes(text) === true) return false;
  return usualTrue.has(text) ? true : usualFalse.has(text) ? false : null;
}

export function isEmptyCell(cell: unknown): boolean {
  return cell === undefined || cell === null || (typeof cell === 'string' && cell.trim() === '');
}

/** Keys of an object that probably contain its id or name, most likely first. */
const usualKeys = ['id', 'oid', 'key', 'uuid', 'name', 'value'];
const levelsMax = 4;

/** Returns whether a cell is a JSON object or list, which no field of a record can be. */
export function isNested(cell: unknown): cell is object {
  return typeof cell === 'object' && cell !== null;
}

/**
 * Returns the path of the value inside an object that a mapping probably means, such as `user.id` for the column `user` with
 * `{"id": 5}`, or `undefined` if the object contains no text or number.
 */
export function suggestPath(column: string, cell: unknown): string | undefined {
  const paths = pathsIn(cell, []);
  if (paths.length === 0) return undefined;
  const likelihoodOf = (path: readonly string[]): number => {
    const key = plainName(path.at(-1)!);
    const own = plainName(column);
    const index = usualKeys.findIndex((name) => key === name || key === `${own}${name}`);
    return index === -1 ? usualKeys.length : index;
  };
  const [first] = paths.sort((a, b) => likelihoodOf(a) - likelihoodOf(b) || a.length - b.length);
  return [column, ...first!].join('.');
}

/** Returns the paths of the texts and numbers inside the object of a column, such as `item.id`. */
export function pathsInside(column: string, cell: object): string[] {
  return pathsIn(cell, []).map((path) => [column, ...path].join('.'));
}

/** Lists the paths of texts and numbers. A key with a dot cannot be part of a path. */
function pathsIn(cell: unknown, above: readonly string[]): string[][] {
  if (!isPlainObject(cell) || above.length === levelsMax) return [];
  return Object.entries(cell).flatMap(([key, value]) => {
    const path = [...above, key];
    if (key === '' || key.includes('.')) return [];
    return cellText(value) === undefined ? pathsIn(value, path) : [path];
  });
}
