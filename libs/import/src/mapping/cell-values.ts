/** Returns a cell as trimmed text, or `undefined` for an empty cell. */
export function cellText(cell: unknown): string | undefined {
  if (typeof cell === 'string') {
    const text = cell.trim();
    return text === '' ? undefined : text;
  }
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  return undefined;
}

/** Returns a cell as a finite number, `undefined` for an empty cell, or NaN for any other value. */
export function cellNumber(cell: unknown): number | undefined {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : Number.NaN;
  const text = cellText(cell);
  if (text === undefined) {
    return cell === undefined || cell === null || typeof cell === 'string' ? undefined : Number.NaN;
  }
  if (typeof cell === 'boolean') return Number.NaN;
  // Number() also reads hexadecimal, which tables do not use for numbers.
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text))
    ? Number(text)
    : Number.NaN;
}

const yes = new Set(['true', 't', 'yes', 'y', '1']);
const no = new Set(['false', 'f', 'no', 'n', '0']);

/** Returns a cell as a boolean, `undefined` for an empty cell, or `null` for any other value. */
export function cellBoolean(cell: unknown): boolean | null | undefined {
  if (typeof cell === 'boolean') return cell;
  const text = cellText(cell)?.toLowerCase();
  if (text === undefined) return undefined;
  return yes.has(text) ? true : no.has(text) ? false : null;
}

export function isEmptyCell(cell: unknown): boolean {
  return cell === undefined || cell === null || (typeof cell === 'string' && cell.trim() === '');
}
