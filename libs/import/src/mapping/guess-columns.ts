import { isKnownTypeName } from './type-names.ts';
import { createTimeParser } from './parse-time.ts';

const parseTime = createTimeParser({});
/** Ids of items at Amazon: ISBNs and ASINs. Files of ratings contain them before or after the user. */
const asinPattern = /^(B[0-9A-Z]{9}|\d{9}[\dX])$/;

/**
 * Guesses the names of the columns of events by the first line of a file without a header: the time, the type, the rating, and of the
 * other columns the first two without a decimal point as user and item. A person must check the guess.
 */
export function guessEventColumns(cells: readonly string[]): string[] {
  const names = cells.map((cell): string | undefined => {
    const text = cell.trim();
    if (isLikelyTime(text)) return 'timestamp';
    if (isKnownTypeName(text)) return 'type';
    return /^[0-5]\.[05]$/.test(text) ? 'rating' : undefined;
  });
  const ids = [...cells.keys()].filter((index) => names[index] === undefined && !/^-?\d*\.\d+$/.test(cells[index]!));
  const item = ids.find((index) => asinPattern.test(cells[index]!)) ?? ids[1];
  const user = ids.find((index) => index !== item);
  return names.map((name, index) => {
    if (index === user) return 'user_id';
    if (index === item) return 'item_id';
    return name === undefined || names.indexOf(name) !== index ? `column${index + 1}` : name;
  });
}

/** Guesses that the first column is the id. A person must name the others. */
export function guessCatalogColumns(cells: readonly string[], id: 'item_id' | 'user_id'): string[] {
  return cells.map((_, index) => (index === 0 ? id : `column${index + 1}`));
}

function isLikelyTime(text: string): boolean {
  const time = parseTime(text);
  if (time === 'time-order-unclear') return true;
  // Digits are more likely an id, unless they are seconds or milliseconds since 2001.
  return typeof time === 'number' && (/[a-z]|^\d{4}[-/]/i.test(text) || /^1\d{9}(\d{3})?(\.\d+)?$/.test(text));
}
