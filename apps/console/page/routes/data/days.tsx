import type { DayHealth, Lake } from '@facet/client/sink-api';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { interestColor } from '../../parts/colors.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import {
  countOf,
  formatCompact,
  formatCount,
  formatDuration,
  formatNumber,
  formatShare,
  Time,
} from '../../parts/format.tsx';
import { LineChart } from '../../parts/line-chart.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { Failure, QueryCard } from '../../parts/states.tsx';
import { usePageSearch } from '../../parts/use-page-search.ts';
import { dayQuery } from './queries.ts';

const verdictTones = { ok: 'good', warning: 'warning', bad: 'bad' } as const;

const daysMax = 14;
const typesMax = 6;

/** The health of the newest days, and the details of one. */
export function DaysCard({ days }: Pick<Lake, 'days'>) {
  const [{ day: asked }] = usePageSearch('data');
  const newest = days.slice(-daysMax).map(({ day }) => day);
  const results = useQueries({ queries: newest.map((day) => dayQuery(day)) });
  const healths = results.flatMap(({ data }) => data ?? []);
  const failure = results.find(({ error, data }) => error !== null && data === undefined)?.error;
  const shown = asked ?? newest.at(-1)!;
  return (
    <>
      <Card
        title="Health of the newest days"
        actions={<DocLink to="configuration.md#datahealth-the-data-of-a-day">What is checked, and the bounds</DocLink>}
      >
        {failure === undefined || failure === null ? null : <Failure error={failure} />}
        <DataTable
          label="Health by day"
          columns={[
            'UTC day',
            'Verdict',
            numeric('Events'),
            numeric('Refused'),
            numeric('Duplicates'),
            numeric('Late'),
            numeric('Unknown items'),
            numeric('Suspicious'),
          ]}
          className="data-health"
          rows={newest
            .map((day, index) => ({
              key: day,
              'aria-current': day === shown || undefined,
              cells: [
                <Link to="/data" search={(search) => ({ ...search, day })} resetScroll={false}>
                  {day}
                </Link>,
                ...healthCells(results[index]?.data),
              ],
            }))
            .reverse()}
        />
        {healths.length < 2 ? null : <TypesChart healths={healths} />}
      </Card>
      <DayDetail day={shown} />
    </>
  );
}

function healthCells(health: DayHealth | undefined): ReactNode[] {
  if (health === undefined) return ['Checking…'];
  const { verdict, isOver, events, intake, duplicates, lateness, unknownItems, suspiciousUsers } = health;
  return [
    <span className={`badge ${verdictTones[verdict]}`}>{isOver ? verdict : `${verdict}, in progress`}</span>,
    formatCount(events.count),
    formatShare(intake.refusedShare),
    formatShare(duplicates.share),
    formatShare(lateness.lateShare),
    unknownItems === undefined ? '–' : formatShare(unknownItems.share),
    formatCount(suspiciousUsers.users),
  ];
}

function TypesChart({ healths }: { readonly healths: readonly DayHealth[] }) {
  const sums = new Map<string, number>();
  for (const { types } of healths) for (const { type, count } of types) sums.set(type, (sums.get(type) ?? 0) + count);
  const types = [...sums].sort(([, a], [, b]) => b - a).map(([type]) => type);
  return (
    <LineChart
      title={`Events by type${types.length > typesMax ? `, the ${typesMax} most frequent types` : ''}`}
      kind="day"
      x={healths.map(({ day }) => Date.parse(day) / 1000)}
      series={types.slice(0, typesMax).map((type, index) => ({
        name: type,
        color: interestColor(index),
        values: healths.map((health) => health.types.find((found) => found.type === type)?.count ?? 0),
      }))}
      format={formatCompact}
    />
  );
}

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
function DayDetail({ day }: { readonly day: string }) {
  const [, change] = usePageSearch('data');
  return (
    <QueryCard
      title={`${day} in detail`}
      actions={
        <label className="row small">
          <span className="muted">UTC day</span>
          <input
            className="input"
            type="date"
            value={day}
            onChange={({ target }) =>
              target.value !== '' && change({ day: target.value }, { resetScroll: false, replace: true })
            }
          />
        </label>
      }
      query={useQuery(dayQuery(day))}
      what={`Loading ${day}`}
    >
      {(health) => <DayFacts {...health} />}
    </QueryCard>
  );
}

function DayFacts(health: DayHealth) {
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
        {countOf(
          lateness.receivedForOlderDays,
          'event that arrived on this day belongs',
          'events that arrived on this day belong',
        )}{' '}
        to older days. {describeRows(duplicates.insideDay)} an event of this day. {describeRows(duplicates.ofOtherDays)}{' '}
        an event of the previous week.
      </p>
    </>
  );
}

const describeRows = (count: number): string => countOf(count, 'row duplicates', 'rows duplicate');

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
