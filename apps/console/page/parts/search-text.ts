/** Returns the text of a search parameter, or undefined if there is none. The router reads `user=196` as a number. */
export function readText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
