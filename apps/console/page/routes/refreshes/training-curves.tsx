import { describeFit, describeFitChoice } from '@facet/pipeline/describe-fit';
import { useQuery } from '@tanstack/react-query';
import { interestColor } from '../../parts/colors.ts';
import { formatNumber } from '../../parts/format.tsx';
import { LineChart } from '../../parts/line-chart.tsx';
import type { LineSeries } from '../../parts/line-chart.tsx';
import { DocLink } from '../../parts/page.tsx';
import { trainingQuery } from './queries.ts';
import type { Epoch } from './queries.ts';

interface TrainingCurvesProps {
  /** The trained model; undefined before the training has finished. */
  readonly modelId: string | undefined;
  /** The epochs of the training in progress. */
  readonly live: readonly Epoch[] | undefined;
}

/** Epochs differ by hundredths of a percent. */
const formatRecall = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** The loss and the recall of each epoch. Shows nothing before the first epoch, and for a model that was deleted. */
export function TrainingCurves({ modelId, live }: TrainingCurvesProps) {
  const { data: training } = useQuery({ ...trainingQuery(modelId ?? ''), enabled: modelId !== undefined });
  const epochs: readonly Epoch[] = training?.epochs ?? live ?? [];
  if (epochs.length === 0) return null;
  const last = Math.max(...epochs.map(({ epoch }) => epoch));
  const first = Math.min(...epochs.map(({ epoch }) => epoch));
  const x = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const seriesOf = (read: (epoch: Epoch) => number | undefined): LineSeries[] =>
    [...linesOf(epochs)].map(([name, own], index) => ({
      name,
      color: interestColor(index),
      values: x.map((number) => {
        const found = own.find(({ epoch }) => epoch === number);
        return (found && read(found)) ?? null;
      }),
    }));
  const losses = seriesOf(({ loss }) => loss);
  const recalls = seriesOf(({ recall }) => recall).filter(({ values }) => values.some((value) => value !== null));
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
      {training === undefined ? null : <p className="small">{describeFitChoice(training)}.</p>}
      <div className="grid">
        <LineChart title="Loss" x={x} series={losses} format={formatNumber} />
        <LineChart title="Recall@50 in the validation window" x={x} series={recalls} format={formatRecall} />
      </div>
    </div>
  );
}

/** Returns one line for each fit and refit. */
function linesOf(epochs: readonly Epoch[]): ReadonlyMap<string, readonly Epoch[]> {
  const lines = new Map<string, Epoch[]>();
  for (const epoch of epochs) {
    const { phase, interests, labels } = epoch;
    const name = interests === undefined ? phase : `${phase}, ${describeFit({ interests, labels })}`;
    lines.set(name, [...(lines.get(name) ?? []), epoch]);
  }
  return lines;
}
