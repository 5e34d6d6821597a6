/** The number that a value is, or NaN: a truth is none, and neither is an empty text. */
export function numberOf(value: string | number | boolean): number {
  if (typeof value === 'number') return value;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
}

/** Whether a number lies in a range; NaN lies in none. */
export function isWithin(number: number, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): boolean {
  return number >= min && number <= max;
}
