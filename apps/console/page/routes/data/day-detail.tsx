import type { DayHealth } from '@facet/client/sink-api';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { formatCount, formatDuration, formatNumber, formatShare } from '../../parts/format.ts';
import { Card } from '../../parts/page.tsx';
import { QueryView } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { verdictTones } from './days-card.tsx';
import { dayQuery } from './queries.ts';

/** What a check compares. */
const checkNames: Readonly<Record<DayHealth['reasons'][number]['check'], string>> = {
  'no-events': 'events of the day',
  'volume-low': 'events, divided by the mean of a week: too few',
  'volume-high': 'events, divided by the mean of a week: too many',
  refused: 'share of received events that were refused',
  duplicates: 'share of repeated rows',
  late: 'share of late events',
  'unknown-items': 'share of events on items that are not in the catalog',
  'unmatched-outcomes': 'share of outcomes without their exposure',
  'suspicious-users': 'share of events of users that look automated',
};

/** Why a day has its verdict, and the examples behind the numbers. */
export function DayDetail({ day }: { readonly day: string }) {
  const query = useQuery(dayQuery(day));
  return (
    <Card title={`${day} in detail`} actions={<ChooseDay day={day} />}>
      <QueryView query={query} api="sink" what={`Checking ${day}`}>
        {(health) => <DayFacts health={health} />}
      </QueryView>
    </Card>
  );
}

function ChooseDay({ day }: { readonly day: string }) {
  const navigate = useNavigate();
  return (
    <label className="row small">
      <span className="muted">Another UTC day</span>
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
          {reasons.map(({ check, severity, value, bound }) => (
            <li key={check} className="row">
              <span className={`badge ${verdictTones[severity]}`}>{severity}</span>
              {checkNames[check]}: {formatNumber(value)}, bound {formatNumber(bound)}
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
            `${formatCount(duplicate)} repeated, ${formatCount(refused)} refused`,
            formatCount(accepted),
          ])}
        />
        <Rows
          title="Time from the event to its receipt"
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
          title="Users that look automated"
          empty="None."
          rows={suspiciousUsers.examples.map(({ userId, events: count, share, reasons: why }) => [
            userId,
            `${why.join(', ')}; ${formatShare(share)} of the day`,
            formatCount(count),
          ])}
        />
      </div>
      <p className="small muted">
        {formatCount(lateness.receivedForOlderDays)} events for older days arrived on this day.{' '}
        {formatCount(duplicates.insideDay)} rows repeat an event of the day, {formatCount(duplicates.ofOtherDays)} one
        of the week before.
      </p>
    </>
  );
}

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
