import { useQuery } from '@tanstack/react-query';
import { formatNumber, formatShare } from '../../parts/format.ts';
import { LineChart } from '../../parts/line-chart.tsx';
import type { LineSeries } from '../../parts/line-chart.tsx';
import { DocLink } from '../../parts/page.tsx';
import { trainingQuery } from './queries.ts';
import type { Epoch } from './use-run-events.ts';

interface TrainingCurvesProps {
  /** The trained model; undefined before the training has finished. */
  readonly modelId: string | undefined;
  /** The epochs of the training in progress. */
  readonly live: readonly Epoch[] | undefined;
}

/** The loss and the recall of each epoch. Shows nothing before the first epoch, and for a model that was deleted. */
export function TrainingCurves({ modelId, live }: TrainingCurvesProps) {
  const { data: training } = useQuery({ ...trainingQuery(modelId ?? ''), enabled: modelId !== undefined });
  const epochs: readonly Epoch[] = training?.epochs ?? live ?? [];
  if (epochs.length === 0) return null;
  const last = Math.max(...epochs.map(({ epoch }) => epoch));
  const first = Math.min(...epochs.map(({ epoch }) => epoch));
  const x = Array.from({ length: last - first + 1 }, (_, place) => first + place);
  const valuesOf = (phase: Epoch['phase'], read: (epoch: Epoch) => number | undefined): (number | null)[] =>
    x.map((number) => {
      const found = epochs.find((one) => one.phase === phase && one.epoch === number);
      return (found === undefined ? undefined : read(found)) ?? null;
    });
  const hasRefit = epochs.some(({ phase }) => phase === 'refit');
  const losses: LineSeries[] = [
    { name: 'fit', color: 'var(--series-1)', values: valuesOf('fit', ({ loss }) => loss) },
    ...(hasRefit ? [{ name: 'refit', color: 'var(--series-3)', values: valuesOf('refit', ({ loss }) => loss) }] : []),
  ];
  const recall: LineSeries = {
    name: 'Recall@50, validation window',
    color: 'var(--series-2)',
    values: valuesOf('fit', (epoch) => epoch.recall),
  };
  return (
    <div className="stack">
      <div className="row">
        <h3>Training</h3>
        <span className="small muted">
          {training === undefined
            ? 'by epoch'
            : `${training.start === 'warm' ? 'from an earlier model' : 'from the beginning'}, best epoch ${training.bestEpoch}`}
        </span>
        <DocLink to="model.md">How a model is trained</DocLink>
      </div>
      <div className="grid">
        <LineChart title="Loss by epoch" x={x} series={losses} format={formatNumber} />
        <LineChart title="Recall by epoch" x={x} series={[recall]} format={formatShare} />
      </div>
    </div>
  );
}
