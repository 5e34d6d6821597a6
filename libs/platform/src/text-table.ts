const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const barWidth = 24;

/** A horizontal bar for a share of 0 to 1; anything above 0 shows at least a sliver. */
export function bar(share: number): string {
  const units = share > 0 ? Math.max(1, Math.round(share * barWidth * 8)) : 0;
  return '█'.repeat(Math.floor(units / 8)) + (eighths[units % 8] as string);
}

/** Rows as lines with their columns aligned, two spaces apart; columns named in `right` are flush right. */
export function alignColumns(
  rows: readonly (readonly string[])[],
  options: { readonly right?: readonly number[] } = {},
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, [...cell].length)));
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const padding = ' '.repeat((widths[column] ?? 0) - [...cell].length);
        return options.right?.includes(column) === true ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** 788247 as 788,247. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** A number with as many digits as a reader needs. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 1 ? 4 : 2 });
}

/** A share of 0 to 1 in percent. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.001 ? 3 : 1)} %`;
}
