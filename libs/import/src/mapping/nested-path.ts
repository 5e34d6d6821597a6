import { plainName } from '@facet/platform';
import { isPlainObject } from '@facet/schemas';
import { cellText } from './cell-values.ts';

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
