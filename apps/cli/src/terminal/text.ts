import { alignColumns, countOf, formatCount } from '@facet/platform/text-table';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import type { Style } from './terminal.ts';

export { countOf, formatCount };

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

/** `0.4 s`, `12 s`, `2 min 5 s`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `512 B`, `4.1 GB`, `532 MB`: decimal units. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? formatCount(Math.round(value)) : value.toFixed(1)} ${units[power]}`;
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
