import { memo } from 'react';
import { formatDuration } from './format.ts';
import { useNow } from './use-now.ts';

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
  return formatAge(at);
}

function formatAge(at: number): string {
  const ms = Date.now() - at;
  // Seconds in texts about hours only distract.
  const rounded = Math.abs(ms) < 60_000 ? Math.round(ms / 1000) * 1000 : Math.round(ms / 60_000) * 60_000;
  if (rounded === 0) return 'now';
  const text = formatDuration(Math.abs(rounded)).replace(/ 0 (s|min|h)$/, '');
  return rounded > 0 ? `${text} ago` : `in ${text}`;
}
