/** The most levels of objects and lists that a free field may have: far below what a JSON writer can recurse into. */
export const nestingMax = 64;

/** Whether a JSON value has more than {@link nestingMax} levels. */
export function isTooDeep(value: unknown, levels = nestingMax): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const entry of Object.values(value)) if (isTooDeep(entry, levels - 1)) return true;
  return false;
}
