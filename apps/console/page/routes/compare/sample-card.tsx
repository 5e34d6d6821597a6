import type { SampleComparison, Side } from '@facet/client/serving-api';
import { metricTitle } from '@facet/evaluation/metrics-table';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { Select } from '../../parts/fields.tsx';
import { formatCount, formatShare, formatSigned, nameOf, Time } from '../../parts/format.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { inPlace, usePageSearch } from '../../parts/use-page-search.ts';
import { comparisonQuery } from './queries.ts';

interface SampleCardProps {
  readonly before: Side;
  readonly after: Side;
}

/** The difference over a sample of users. It starts on demand, because it takes seconds of a core. */
export function SampleCard({ before, after }: SampleCardProps) {
  const [users, setUsers] = useState(100);
  const [started, setStarted] = useState<string>();
  const key = JSON.stringify([before, after, users]);
  const query = useQuery({ ...comparisonQuery(before, after, users), enabled: started === key });
  return (
    <Card
      title="For a sample of users"
      actions={
        <div className="row">
          <label className="row small">
            Users
            <Select value={users} options={[[50], [100], [300], [1000]]} onChange={setUsers} />
          </label>
          <button type="button" className="button primary" disabled={started === key} onClick={() => setStarted(key)}>
            Compare
          </button>
        </div>
      }
    >
      {started !== key && query.data === undefined ? (
        <Empty title="Not compared yet">
          Both sides recommend at the start of the test window, on which neither bundle was trained. What users then
          chose shows which lists are better. <DocLink to="api.md#previews-and-comparisons">How it works</DocLink>
        </Empty>
      ) : (
        <QueryView query={query} what="Loading the comparison">
          {({ state, progress, result, limit }) =>
            state === 'running' || result === undefined ? (
              <div className="state" role="status">
                <progress value={progress} max={1} aria-label="Progress" />
                <p>Comparing lists of {formatCount(users)} users…</p>
              </div>
            ) : (
              <Result result={result} limit={limit} />
            )
          }
        </QueryView>
      )}
    </Card>
  );
}

interface ResultProps {
  readonly result: SampleComparison;
  readonly limit: number;
}

function Result({ result, limit }: ResultProps) {
  const { users, overlap, metrics, window, distinctItems, fallbacks } = result;
  return (
    <>
      <p className="muted small">
        {formatCount(users.length)} users who chose something new from <Time at={window.from} /> to{' '}
        <Time at={window.before} />. Intervals: 95 %, over users.
      </p>
      <DataTable
        label="Metrics"
        columns={[
          { title: 'Metric', isRowHeader: true },
          numeric('Before'),
          numeric('After'),
          numeric('Difference'),
          numeric('Interval'),
          { title: <span className="visually-hidden">Meaning</span> },
        ]}
        rows={metrics.map(({ name, before, after, difference }) => ({
          key: name,
          cells: [
            metricTitle(name, limit),
            before.mean.toFixed(digits),
            after.mean.toFixed(digits),
            signed(difference.mean),
            `${signed(difference.low)} to ${signed(difference.high)}`,
            <Meaning {...difference} />,
          ],
        }))}
      />
      <div className="grid sample-details">
        <Histogram title="Kept share of each user's list" values={users.map((user) => user.overlap)}>
          On average {formatShare(overlap.mean)} of a list stays ({formatShare(overlap.low)} to{' '}
          {formatShare(overlap.high)}). Distinct items: {formatCount(distinctItems.before)} before,{' '}
          {formatCount(distinctItems.after)} after. Fallbacks: {formatCount(fallbacks.before)} before,{' '}
          {formatCount(fallbacks.after)} after.
        </Histogram>
        <ChangedUsers users={users} />
        <MovedItems title="Items in more lists" items={result.gained} />
        <MovedItems title="Items in fewer lists" items={result.lost} />
      </div>
    </>
  );
}

function Meaning({ low, high }: { readonly low: number; readonly high: number }) {
  if (low === 0 && high === 0) return <span className="badge">equal</span>;
  if (low > 0) return <span className="badge good">better</span>;
  if (high < 0) return <span className="badge bad">worse</span>;
  return <span className="badge">may be chance</span>;
}

const digits = 4;

const signed = (value: number): string => formatSigned(value, digits);

const shown = 5;

function ChangedUsers({ users }: Pick<SampleComparison, 'users'>) {
  const [, change] = usePageSearch('compare', inPlace);
  const changed = users
    .map(({ userId, ndcgBefore, ndcgAfter }) => ({ userId, gain: ndcgAfter - ndcgBefore }))
    .filter(({ gain }) => gain !== 0)
    .sort((a, b) => b.gain - a.gain);
  const gained = changed.filter(({ gain }) => gain > 0);
  const lost = changed.filter(({ gain }) => gain < 0).reverse();
  return (
    <div className="stack">
      <h3>Users by NDCG</h3>
      <p className="small">
        {formatCount(gained.length)} gain, {formatCount(lost.length)} lose, {formatCount(users.length - changed.length)}{' '}
        stay equal.
      </p>
      <ul className="compare-list small">
        {[...gained.slice(0, shown), ...lost.slice(0, shown)].map(({ userId, gain }) => (
          <li key={userId} className="compare-user">
            <button type="button" className="item-link truncate" onClick={() => change({ user: userId })}>
              {userId}
            </button>
            <span className={`badge ${gain > 0 ? 'good' : 'bad'}`}>{signed(gain)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function MovedItems({ title, items }: { readonly title: string; readonly items: SampleComparison['gained'] }) {
  return (
    <div className="stack">
      <h3>{title}</h3>
      {items.length === 0 ? <p className="muted small">None.</p> : null}
      <ul className="compare-list small">
        {items.slice(0, 2 * shown).map((item) => (
          <li key={item.itemId} className="compare-user">
            <span className="truncate" title={nameOf(item)}>
              {nameOf(item)}
            </span>
            <span className="muted numeric">{formatCount(item.users)} users</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface HistogramProps {
  readonly title: string;
  /** From 0 to 1. */
  readonly values: readonly number[];
  /** Says in words what the bars show. */
  readonly children: ReactNode;
}

const bins = 10;
const [width, height] = [260, 90];

/** Bars of ten equal ranges from 0 to 100 %. */
function Histogram({ title, values, children }: HistogramProps) {
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor(value * bins))]!++;
  const highest = Math.max(1, ...counts);
  const step = width / bins;
  return (
    <figure className="stack">
      <h3>{title}</h3>
      <svg className="histogram" viewBox={`0 0 ${width} ${height + 16}`} role="img" aria-label={title}>
        {counts.map((count, bin) => {
          const bar = (count / highest) * height;
          return (
            <rect key={bin} x={bin * step + 1} y={height - bar} width={step - 2} height={bar} rx="2">
              <title>{`${bin * 10} to ${(bin + 1) * 10} %: ${formatCount(count)} users`}</title>
            </rect>
          );
        })}
        <line x1="0" x2={width} y1={height + 0.5} y2={height + 0.5} />
        <text x="0" y={height + 14}>
          0 %
        </text>
        <text x={width} y={height + 14} textAnchor="end">
          100 %
        </text>
      </svg>
      <figcaption className="small muted">{children}</figcaption>
    </figure>
  );
}
