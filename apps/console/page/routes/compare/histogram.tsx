import type { ReactNode } from 'react';
import { formatCount } from '../../parts/format.ts';

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
export function Histogram({ title, values, children }: HistogramProps) {
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
