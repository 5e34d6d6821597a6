import { formatDuration } from '@facet/platform/quantities';
import { memo, useEffect, useState } from 'react';

export { countOf, formatBytes, formatCount, formatDuration, formatP, formatSigned } from '@facet/platform/quantities';

// A format is expensive to create. `toLocaleString` creates one for each call.
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const twoDecimals = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const sixDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** 1234567 → "1.2M". */
export const formatCompact = (value: number): string => compact.format(value);

/** Writes a number with three significant digits: 0.03456 → "0.0346". */
export function formatNumber(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return (Math.abs(value) >= 1000 ? sixDigits : threeDigits).format(value);
}

/** 0.1234 → "12.3 %". */
export function formatShare(share: number): string {
  const percent = share * 100;
  return `${(percent !== 0 && Math.abs(percent) < 1 ? twoDecimals : oneDecimal).format(percent)} %`;
}

/** The name of an item for readers. */
export const nameOf = ({ title, itemId }: { readonly title?: string | undefined; readonly itemId: string }): string =>
  title ?? itemId;

/** The first characters of an id, which are enough for readers. */
export const shortId = (id: string): string => id.slice(0, 12);

const local = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const localDate = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

interface TimeProps {
  /** Epoch milliseconds, or an ISO time. */
  readonly at: number | string;
  /** Writes the distance from now, such as "5 min ago". */
  readonly isRelative?: boolean;
  /** Writes only the day. */
  readonly isDate?: boolean;
}

/** A time in the zone of the reader. Hovering shows UTC. */
export const Time = memo(function Time({ at, isRelative = false, isDate = false }: TimeProps) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span>{String(at)}</span>;
  const utc = date.toISOString();
  return (
    <time dateTime={utc} title={`${utc.replace('T', ' ').replace(/\.\d+Z$/, '')} UTC`}>
      {isRelative ? <Age at={date.getTime()} /> : (isDate ? localDate : local).format(date)}
    </time>
  );
});

const ageEveryMs = 10_000;

function Age({ at }: { readonly at: number }) {
  useNow(true, ageEveryMs);
  const ms = Date.now() - at;
  // Seconds in texts about hours only distract.
  const rounded = Math.abs(ms) < 60_000 ? Math.round(ms / 1000) * 1000 : Math.round(ms / 60_000) * 60_000;
  if (rounded === 0) return 'now';
  const text = formatDuration(Math.abs(rounded)).replace(/ 0 (s|min|h)$/, '');
  return rounded > 0 ? `${text} ago` : `in ${text}`;
}

/** Returns the time in epoch milliseconds, again and again while something runs. Default: once a second. */
export function useNow(isRunning: boolean, everyMs = 1_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [isRunning, everyMs]);
  return now;
}
