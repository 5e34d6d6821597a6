/** A cell as text without surrounding blanks, or `undefined` when there is nothing in it. */
export function cellText(cell: unknown): string | undefined {
  if (typeof cell === 'string') {
    const text = cell.trim();
    return text === '' ? undefined : text;
  }
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  return undefined;
}

/** A cell as a finite number; `undefined` when empty, NaN when it is no number. */
export function cellNumber(cell: unknown): number | undefined {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : Number.NaN;
  const text = cellText(cell);
  if (text === undefined) {
    return cell === undefined || cell === null || typeof cell === 'string' ? undefined : Number.NaN;
  }
  if (typeof cell === 'boolean') return Number.NaN;
  // Number() reads hexadecimal, too; in a table that is no number.
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text))
    ? Number(text)
    : Number.NaN;
}

const yes = new Set(['true', 't', 'yes', 'y', '1']);
const no = new Set(['false', 'f', 'no', 'n', '0']);

/** A cell as a boolean; `undefined` when empty, `null` when it is neither true nor false. */
export function cellBoolean(cell: unknown): boolean | null | undefined {
  if (typeof cell === 'boolean') return cell;
  const text = cellText(cell)?.toLowerCase();
  if (text === undefined) return undefined;
  return yes.has(text) ? true : no.has(text) ? false : null;
}

/** Whether a cell holds nothing. */
export function isEmptyCell(cell: unknown): boolean {
  return cell === undefined || cell === null || (typeof cell === 'string' && cell.trim() === '');
}
