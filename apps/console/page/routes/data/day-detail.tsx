import type { DayHealth } from '@facet/client/sink-api';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { formatCount, formatDuration, formatNumber, formatShare } from '../../parts/format.ts';
import { Card } from '../../parts/page.tsx';
import { QueryView } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { dayQuery } from './queries.ts';

export const verdictTones = { ok: 'good', warning: 'warning', bad: 'bad' } as const;

type HealthReason = DayHealth['reasons'][number];

/** The checks of shares. */
const shareNames: Readonly<Record<Exclude<HealthReason['check'], 'no-events' | 'volume-low' | 'volume-high'>, string>> =
  {
    refused: 'Refused events',
    duplicates: 'Duplicate rows',
    late: 'Late events',
    'unknown-items': 'Events on items that are not in the catalog',
    'unmatched-outcomes': 'Outcomes without an exposure',
    'suspicious-users': 'Events of suspicious users',
  };

function describeReason({ check, value, bound }: HealthReason): string {
  const ratio = `${formatNumber(value)} of the previous week's mean`;
  switch (check) {
    case 'no-events':
      return 'No events';
    case 'volume-low':
      return `Too few events: ${ratio}, minimum ${formatNumber(bound)}`;
    case 'volume-high':
      return `Too many events: ${ratio}, maximum ${formatNumber(bound)}`;
    default:
      return `${shareNames[check]}: ${formatShare(value)}, maximum ${formatShare(bound)}`;
  }
}

/** Why a day has its verdict, and the examples behind the numbers. */
export function DayDetail({ day }: { readonly day: string }) {
  const query = useQuery(dayQuery(day));
  return (
    <Card title={`${day} in detail`} actions={<ChooseDay day={day} />}>
      <QueryView query={query} api="sink" what={`Loading ${day}`}>
        {(health) => <DayFacts health={health} />}
      </QueryView>
    </Card>
  );
}

function ChooseDay({ day }: { readonly day: string }) {
  const navigate = useNavigate();
  return (
    <label className="row small">
      <span className="muted">UTC day</span>
      <input
        className="input"
        type="date"
        value={day}
        onChange={({ target }) => {
          if (target.value === '') return;
          void navigate({
            to: '/data',
            search: (search) => ({ ...search, day: target.value }),
            resetScroll: false,
            replace: true,
          });
        }}
      />
    </label>
  );
}

function DayFacts({ health }: { readonly health: DayHealth }) {
  const { verdict, reasons, checkedAt, events, intake, lateness, unknownItems, suspiciousUsers, duplicates } = health;
  return (
    <>
      <p className="row">
        <span className={`badge ${verdictTones[verdict]}`}>{verdict}</span>
        <span className="small muted">
          checked <Time at={checkedAt} isRelative />: {formatCount(events.count)} events of {formatCount(events.users)}{' '}
          users on {formatCount(events.items)} items
        </span>
      </p>
      {reasons.length === 0 ? null : (
        <ul className="stack small">
          {reasons.map((reason) => (
            <li key={reason.check} className="row">
              <span className={`badge ${verdictTones[reason.severity]}`}>{reason.severity}</span>
              {describeReason(reason)}
            </li>
          ))}
        </ul>
      )}
      <div className="grid">
        <Rows
          title="Refused, by key and reason"
          empty="No received event was refused."
          rows={intake.refusals.map(({ producer, field, reason, count }) => [
            producer,
            field === '' ? reason : `${reason} (${field})`,
            formatCount(count),
          ])}
        />
        <Rows
          title="Received, by key"
          empty="The collector received no events on this day. Imported events are not counted."
          rows={intake.producers.map(({ producer, accepted, duplicate, refused }) => [
            producer,
            `${formatCount(duplicate)} duplicate, ${formatCount(refused)} refused`,
            formatCount(accepted),
          ])}
        />
        <Rows
          title="Delay from event to receipt"
          empty="No events."
          rows={lateness.histogram
            .filter(({ count }) => count > 0)
            .map(({ upToMs, count }) => [
              upToMs === undefined ? 'longer' : `up to ${formatDuration(upToMs)}`,
              '',
              formatCount(count),
            ])}
        />
        <Rows
          title="Items that are not in the catalog"
          empty={unknownItems === undefined ? 'The catalog is empty.' : 'All items are in the catalog.'}
          rows={(unknownItems?.examples ?? []).map(({ itemId, events: count }) => [itemId, '', formatCount(count)])}
        />
        <Rows
          title="Suspicious users"
          empty="None."
          rows={suspiciousUsers.examples.map(({ userId, events: count, share, reasons: why }) => [
            userId,
            `${why.join(', ')}; ${formatShare(share)} of the day`,
            formatCount(count),
          ])}
        />
      </div>
      <p className="small muted">
        {formatCount(lateness.receivedForOlderDays)}{' '}
        {lateness.receivedForOlderDays === 1
          ? 'event that arrived on this day belongs'
          : 'events that arrived on this day belong'}{' '}
        to older days. {describeRows(duplicates.insideDay)} an event of this day. {describeRows(duplicates.ofOtherDays)}{' '}
        an event of the previous week.
      </p>
    </>
  );
}

const describeRows = (count: number): string =>
  `${formatCount(count)} ${count === 1 ? 'row duplicates' : 'rows duplicate'}`;

interface RowsProps {
  readonly title: string;
  readonly empty: ReactNode;
  /** Name, note and count. */
  readonly rows: readonly (readonly [string, string, string])[];
}

function Rows({ title, empty, rows }: RowsProps) {
  return (
    <div>
      <h3 className="small">{title}</h3>
      {rows.length === 0 ? (
        <p className="small muted">{empty}</p>
      ) : (
        <ul className="data-rows small">
          {rows.map(([name, note, count]) => (
            <li key={`${name} ${note}`}>
              <span className="truncate" title={name}>
                {name}
              </span>
              <span className="muted truncate" title={note}>
                {note}
              </span>
              <span className="numeric">{count}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
