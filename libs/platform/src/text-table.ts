import stringWidth from 'string-width';
import { formatCount } from './quantities.ts';

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const barWidth = 24;

/** Returns a horizontal bar for a share of 0 to 1. Every share above 0 shows at least a sliver. */
function bar(share: number): string {
  const units = share > 0 ? Math.max(1, Math.round(share * barWidth * 8)) : 0;
  return '█'.repeat(Math.floor(units / 8)) + (eighths[units % 8] as string);
}

/**
 * Returns one line per row with the columns aligned, two spaces apart. Wide characters count as two cells, and the ANSI
 * codes of styled cells count as none.
 *
 * @param options.right indexes of the columns that are aligned to the right
 * @param options.indent spaces in front of each line
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  { right = [], indent = 0 }: { readonly right?: readonly number[]; readonly indent?: number } = {},
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell))));
  }
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const padding = ' '.repeat((widths[column] as number) - stringWidth(cell));
      return right.includes(column) ? padding + cell : cell + padding;
    });
    return (' '.repeat(indent) + cells.join('  ')).trimEnd();
  });
}

/** Returns one line per count: its name, the count and a bar relative to the largest count. */
export function barChart(
  counts: readonly (readonly [name: string, count: number])[],
  { right = [1] }: { readonly right?: readonly number[] } = {},
): string[] {
  const max = Math.max(1, ...counts.map(([, count]) => count));
  const rows = counts.map(([name, count]) => [name, formatCount(count), bar(count / max)]);
  return alignColumns(rows, { right });
}

/** Returns a title over indented lines, or an empty text when there are no lines. */
export function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [title, ...lines.map((line) => `  ${line}`)].join('\n');
}

/** Formats a number with two decimals, or four below 1. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 1 ? 4 : 2 });
}

/** Formats a share of 0 to 1 as a percentage: `12.5 %`. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.001 ? 3 : 1)} %`;
}
