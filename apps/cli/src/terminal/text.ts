import { alignColumns } from '@facet/platform/text-table';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import type { Style } from './terminal.ts';

export { countOf, formatBytes, formatCount, formatDuration } from '@facet/platform/quantities';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Removes control characters, so that data cannot move the cursor or change colors. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

/** Returns `text`, cut to `width` terminal cells with an ellipsis if it is wider. */
export function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

/** Returns `text` truncated or padded to exactly `width` terminal cells. */
export function fit(text: string, width: number): string {
  const kept = truncate(text, width);
  return kept + ' '.repeat(Math.max(0, width - stringWidth(kept)));
}

/** Breaks text at spaces into lines of at most `width` terminal cells. */
export function wrap(text: string, width: number): string {
  return wrapAnsi(text, width);
}

/** Returns rows under a bold header with aligned columns. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { style, right }: { readonly style: Style; readonly right?: readonly number[] },
): string {
  return alignColumns([head.map((name) => style('bold', name)), ...rows], { right, indent: 2 }).join('\n');
}

/** The UTC time to the minute: `2026-01-31 12:00`. */
export function formatMinute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

/** The UTC time to the second. */
export function formatSecond(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** The first characters of an id, enough to distinguish a few artifacts. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
