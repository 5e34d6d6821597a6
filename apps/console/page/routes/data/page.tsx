import type { Lake, SinkStatus } from '@facet/client/sink-api';
import { useQuery } from '@tanstack/react-query';
import { CopyButton } from '../../parts/copy-button.tsx';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { countOf, formatBytes, formatCompact, formatCount, formatDuration, Time } from '../../parts/format.tsx';
import { LineChart } from '../../parts/line-chart.tsx';
import { Card, DocLink, Page, Stat } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import './data.css';
import { DaysCard } from './days.tsx';
import { DeadLettersCard } from './dead-letters.tsx';
import { lakeQuery, statusQuery } from './queries.ts';

export function Content() {
  return (
    <Page name="data">
      <QueryView query={useQuery(lakeQuery)} what="Loading the lake">
        {(lake) => (
          <>
            <IntakeCard lake={lake} />
            {lake.days.length === 0 ? (
              <Card>
                <Empty title="The lake has no events yet">
                  Send events to the collector, or import a file with <code>facet import --events FILE</code>.
                </Empty>
              </Card>
            ) : (
              <DaysCard days={lake.days} />
            )}
            <DeadLettersCard />
          </>
        )}
      </QueryView>
      <ValidateCard />
    </Page>
  );
}

const command = 'facet validate --events orders.csv --items products.csv --users customers.csv';

/** Explains how to check files before their import. Files stay on the machine of the command. */
function ValidateCard() {
  return (
    <Card
      title="Validate a file before its import"
      actions={<DocLink to="data-engineer.md">Formats and columns</DocLink>}
    >
      <p>
        The command reads CSV, TSV, JSON Lines, RecBole and Parquet, also with gzip. It reports columns, refused rows
        with their lines, duplicates, times and suspicious users, and stores nothing.
      </p>
      <p className="row">
        <code>{command}</code>
        <CopyButton text={command}>Copy the command</CopyButton>
      </p>
    </Card>
  );
}

const daysMax = 90;

/** The size of the lake, its events by day, and the lag of each partition. */
function IntakeCard({ lake }: { readonly lake: Lake }) {
  const days = lake.days.slice(-daysMax);
  return (
    <Card title="Intake" actions={<DocLink to="collector.md#operating-the-sink">How the sink works</DocLink>}>
      <div className="data-intake">
        <div className="stack">
          <div className="grid data-stats">
            <Stat name="Events in the lake" value={formatCount(lake.rows)} note={`version ${lake.version}`} />
            <Stat name="Days" value={formatCount(lake.days.length)} note={rangeOf(lake)} />
            <Stat name="Size" value={formatBytes(lake.bytes)} note={`${formatCount(lake.files)} files`} />
          </div>
          {days.length < 2 ? null : (
            <LineChart
              title={`Events by UTC day${days.length < lake.days.length ? `, the newest ${daysMax}` : ''}`}
              kind="day"
              x={days.map(({ day }) => Date.parse(day) / 1000)}
              series={[{ name: 'events', color: 'var(--series-1)', values: days.map(({ rows }) => rows) }]}
              format={formatCompact}
            />
          )}
        </div>
        <div className="stack">
          <h3>Lag by partition</h3>
          <QueryView query={useQuery(statusQuery)} what="Loading the lag">
            {(status) => <LagTable {...status} />}
          </QueryView>
        </div>
      </div>
    </Card>
  );
}

function rangeOf({ days }: Lake): string {
  const [first] = days;
  return first === undefined ? 'none' : `${first.day} to ${days.at(-1)!.day}`;
}

function LagTable({ partitions, group, outages, stalledSeconds, bufferedRows }: SinkStatus) {
  const total = partitions.reduce((sum, { lag }) => sum + lag, 0);
  const sorted = [...partitions].sort(
    (a, b) => b.lag - a.lag || a.topic.localeCompare(b.topic) || a.partition - b.partition,
  );
  return (
    <div className="stack">
      <p className="row">
        <span className={`badge ${group.isMember && outages.length === 0 ? 'good' : 'bad'}`}>
          {group.isMember ? 'consuming' : 'not in the consumer group'}
        </span>
        <span className="small muted">
          Lag {countOf(total, 'message')} in this sink&apos;s partitions. {countOf(bufferedRows, 'row')} buffered.
          {stalledSeconds > 5 ? ` No progress for ${formatDuration(stalledSeconds * 1000)}.` : ''}
        </span>
      </p>
      {outages.map(({ dependency, since, problem }) => (
        <p key={dependency} className="banner" role="status">
          Waiting for {dependency} since <Time at={since} />: {problem}
        </p>
      ))}
      <DataTable
        label="Lag by partition"
        columns={['Topic', numeric('Partition'), numeric('Stored offset'), numeric('Lag')]}
        rows={sorted.map(({ topic, partition, stored, lag }) => ({
          key: `${topic}-${partition}`,
          cells: [topic, partition, formatCount(stored), formatCount(lag)],
        }))}
        scrollClassName="data-lag"
      />
    </div>
  );
}
