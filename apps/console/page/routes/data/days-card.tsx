import type { DayHealth, Lake } from '@facet/client/sink-api';
import { useQueries } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { interestColor } from '../../parts/colors.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatCompact, formatCount, formatShare } from '../../parts/format.ts';
import { LineChart } from '../../parts/line-chart.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { Failure } from '../../parts/states.tsx';
import { DayDetail, verdictTones } from './day-detail.tsx';
import { dayQuery } from './queries.ts';

const dataRoute = getRouteApi('/data');

const daysMax = 14;
const typesMax = 6;

/** The health of the newest days, and the details of one. */
export function DaysCard({ days }: Pick<Lake, 'days'>) {
  const { day: asked } = dataRoute.useSearch();
  const newest = days.slice(-daysMax).map(({ day }) => day);
  const results = useQueries({ queries: newest.map((day) => dayQuery(day)) });
  const healths = results.flatMap(({ data }) => data ?? []);
  const failure = results.find(({ error, data }) => error !== null && data === undefined)?.error;
  const shown = asked ?? newest.at(-1)!;
  const rows = newest.map((day, index) => ({ day, health: results[index]?.data })).reverse();
  return (
    <>
      <Card
        title="Health of the newest days"
        actions={<DocLink to="configuration.md#datahealth-the-data-of-a-day">What is checked, and the bounds</DocLink>}
      >
        {failure === undefined || failure === null ? null : <Failure error={failure} api="sink" />}
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
        >
          {rows.map(({ day, health }) => (
            <tr key={day} aria-current={day === shown ? 'true' : undefined}>
              <td>
                <Link to="/data" search={(search) => ({ ...search, day })} resetScroll={false}>
                  {day}
                </Link>
              </td>
              {health === undefined ? (
                <td colSpan={7} className="muted">
                  Checking…
                </td>
              ) : (
                <HealthCells health={health} />
              )}
            </tr>
          ))}
        </DataTable>
        {healths.length < 2 ? null : <TypesChart healths={healths} />}
      </Card>
      <DayDetail day={shown} />
    </>
  );
}

function HealthCells({ health }: { readonly health: DayHealth }) {
  const { verdict, isOver, events, intake, duplicates, lateness, unknownItems, suspiciousUsers } = health;
  return (
    <>
      <td>
        <span className={`badge ${verdictTones[verdict]}`}>{isOver ? verdict : `${verdict}, in progress`}</span>
      </td>
      <td className="numeric">{formatCount(events.count)}</td>
      <td className="numeric">{formatShare(intake.refusedShare)}</td>
      <td className="numeric">{formatShare(duplicates.share)}</td>
      <td className="numeric">{formatShare(lateness.lateShare)}</td>
      <td className="numeric">{unknownItems === undefined ? '–' : formatShare(unknownItems.share)}</td>
      <td className="numeric">{formatCount(suspiciousUsers.users)}</td>
    </>
  );
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
