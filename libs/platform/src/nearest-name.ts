import { closest, distance } from 'fastest-levenshtein';

/** The time of a comparison grows with the square of the length. */
const wrongLengthMax = 64;

/**
 * Returns the name that a misspelled name probably means, or `undefined` if none is near. Case and punctuation do not count:
 * `user_id` means `userId`. One letter, punctuation and text that is too long for a name have no nearest name.
 */
export function nearestName(
  wrong: string,
  names: readonly string[],
  { errorsMax = 3 }: { readonly errorsMax?: number } = {},
): string | undefined {
  if (names.length === 0 || wrong.length > wrongLengthMax || plainName(wrong).length < 2) return undefined;
  const plainNames = names.map(plainName);
  const nearest = closest(plainName(wrong), plainNames);
  // Exchanged letters count as two errors.
  const ownErrorsMax = Math.min(errorsMax, Math.round(nearest.length * 0.4));
  return distance(plainName(wrong), nearest) <= ownErrorsMax ? names[plainNames.indexOf(nearest)] : undefined;
}

/** Returns a question about the nearest name, to begin a remedy with: `Did you mean click? `. Empty if no name is near. */
export function suggestName(wrong: string, names: readonly string[]): string {
  const nearest = nearestName(wrong, names);
  return nearest === undefined ? '' : `Did you mean ${nearest}? `;
}

/** Removes case and punctuation from a name: `User ID`, `user_id` and `userId` become `userid`. */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}
