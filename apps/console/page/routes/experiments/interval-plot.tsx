import type { ArmFigure } from '@facet/client/trainer-api';
import { formatShare } from '../../parts/format.ts';

interface IntervalPlotProps {
  readonly estimate: ArmFigure['estimate'];
  /** The figures that share the scale. */
  readonly all: readonly ArmFigure[];
  readonly color: string;
}

/** An interval as a line with its value as a dot, and as text. */
export function IntervalPlot({ estimate, all, color }: IntervalPlotProps) {
  if (estimate === undefined) return '–';
  const bounds = all.flatMap(({ estimate: one }) =>
    one === undefined ? [] : [one.low ?? one.value, one.high ?? one.value],
  );
  const from = Math.min(...bounds);
  const span = Math.max(...bounds) - from || 1;
  const percentOf = (value: number): number => (100 * (value - from)) / span;
  const { value, low = value, high = value } = estimate;
  return (
    <span className="interval">
      <span className="interval-track" aria-hidden>
        <span
          className="interval-range"
          style={{ left: `${percentOf(low)}%`, width: `${percentOf(high) - percentOf(low)}%`, background: color }}
        />
        <span className="interval-value" style={{ left: `${percentOf(value)}%`, background: color }} />
      </span>
      <span className="small muted">
        {formatShare(low)} to {formatShare(high)}
      </span>
    </span>
  );
}
