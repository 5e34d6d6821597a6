/** The number that a value is, or NaN: a truth is none, and neither is an empty text. */
export function numberOf(value: string | number | boolean): number {
  if (typeof value === 'number') return value;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
}
