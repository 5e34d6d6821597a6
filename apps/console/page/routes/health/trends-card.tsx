import type { components } from '@facet/client/serving-api';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { interestColor } from '../../parts/colors.ts';
import { formatDuration, formatShare } from '../../parts/format.ts';
import { LineChart } from '../../parts/line-chart.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import { stages, trendsQuery } from './readings.ts';

type Reading = components['schemas']['TrendsResponse']['readings'][number];
type Quantile = 'p50Ms' | 'p99Ms';

const quantileNames: Readonly<Record<Quantile, string>> = { p50Ms: 'p50', p99Ms: 'p99' };
const readingsMin = 2;

/** Latency, index recall and fallback share of serving over the last day. */
export function TrendsCard() {
  const query = useQuery(trendsQuery);
  return (
    <Card title="Over time" actions={<DocLink to="serving.md#trends">What is kept</DocLink>}>
      <QueryView query={query} api="serving" what="Loading the trends">
        {({ readings, intervalSeconds }) =>
          readings.length < readingsMin ? (
            <Empty title="Collecting">
              Serving takes a reading every {formatDuration(1000 * intervalSeconds)}, and keeps those of a day.
            </Empty>
          ) : (
            <div className="grid health-trends">
              <RequestChart readings={readings} />
              <StageChart readings={readings} />
              <SharesChart readings={readings} />
            </div>
          )
        }
      </QueryView>
    </Card>
  );
}

interface ChartProps {
  readonly readings: readonly Reading[];
}

const timesOf = (readings: readonly Reading[]): number[] => readings.map(({ at }) => at / 1000);

function RequestChart({ readings }: ChartProps) {
  return (
    <LineChart
      title="Duration of requests for recommendations"
      kind="time"
      x={timesOf(readings)}
      series={[
        { name: 'p50', color: 'var(--series-1)', values: readings.map(({ p50Ms = null }) => p50Ms) },
        { name: 'p99', color: 'var(--series-3)', values: readings.map(({ p99Ms = null }) => p99Ms) },
      ]}
      format={formatDuration}
    />
  );
}

function StageChart({ readings }: ChartProps) {
  const [quantile, setQuantile] = useState<Quantile>('p99Ms');
  const valueAt = (reading: Reading, name: string): number | null =>
    reading.stages.find(({ stage }) => stage === name)?.[quantile] ?? null;
  return (
    <div className="health-stages">
      <select
        className="input small"
        aria-label="Quantile of the stages"
        value={quantile}
        onChange={({ target }) => setQuantile(target.value as Quantile)}
      >
        {Object.entries(quantileNames).map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      <LineChart
        title={`${quantileNames[quantile]} by stage`}
        kind="time"
        x={timesOf(readings)}
        series={stages.map((stage, index) => ({
          name: stage,
          color: interestColor(index),
          values: readings.map((reading) => valueAt(reading, stage)),
        }))}
        format={formatDuration}
      />
    </div>
  );
}

function SharesChart({ readings }: ChartProps) {
  return (
    <LineChart
      title="Index recall and fallback share"
      kind="time"
      x={timesOf(readings)}
      yMax={1}
      series={[
        {
          name: 'index recall',
          color: 'var(--series-2)',
          values: readings.map(({ indexRecall = null }) => indexRecall),
        },
        {
          name: 'fallback share',
          color: 'var(--series-5)',
          values: readings.map(({ fallbackShare = null }) => fallbackShare),
        },
      ]}
      format={formatShare}
    />
  );
}
