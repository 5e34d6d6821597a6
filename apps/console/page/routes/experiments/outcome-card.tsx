import type { ArmFigure, ArmOutcome, ExperimentReport } from '@facet/client/trainer-api';
import type { ReactNode } from 'react';
import { interestColor } from '../../parts/colors.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatCount, formatP, formatShare, formatSigned } from '../../parts/format.tsx';
import { LineChart } from '../../parts/line-chart.tsx';
import { Card, DocLink } from '../../parts/page.tsx';

interface OutcomeCardProps {
  readonly outcome: string;
  /** The position of the outcome in each arm. */
  readonly position: number;
  readonly report: ExperimentReport;
}

const titles: Readonly<Record<string, string>> = { click: 'Click-through rate', purchase: 'Conversion' };

const metrics: readonly { readonly name: string; readonly of: (outcome: ArmOutcome) => ArmFigure }[] = [
  { name: 'of responses', of: ({ ofExposures }) => ofExposures },
  { name: 'mean of users', of: ({ perUser }) => perUser },
  { name: 'of users', of: ({ ofUsers }) => ofUsers },
];

/** One outcome: its share in each arm, the differences from the control, its days, and the interests of the items. */
export function OutcomeCard({ outcome, position, report }: OutcomeCardProps) {
  const { arms, days } = report;
  return (
    <Card
      title={titles[outcome] ?? `Responses with ${outcome}`}
      actions={<DocLink to="experiments.md">How these are computed</DocLink>}
    >
      <DataTable
        label={`Shares with ${outcome}`}
        columns={[
          `Share with ${outcome}`,
          'Arm',
          numeric('Value'),
          '95 % interval',
          numeric('Difference'),
          numeric('95 % interval'),
          numeric('Relative'),
          numeric('p'),
        ]}
        rows={metrics.flatMap(({ name, of }) => {
          const figures = arms.map(({ outcomes }) => of(outcomes[position]!));
          return arms.map(({ arm }, index) => ({
            key: `${name} ${arm}`,
            className: index === 0 ? 'experiments-group' : undefined,
            cells: [
              index === 0 ? name : '',
              <ArmName arm={arm} index={index} />,
              ...figureCells(figures[index]!, figures, interestColor(index)),
            ],
          }));
        })}
        className="experiments-figures"
      />
      {days.length < 2 ? null : (
        <LineChart
          title={`Share of responses with ${outcome} by UTC day, with intervals`}
          kind="day"
          x={days.map(({ day }) => Date.parse(day) / 1000)}
          series={arms.map(({ arm }, index) => {
            const estimates = days.map((day) => day.arms[index]?.outcomes[position]?.ofExposures.estimate);
            return {
              name: arm,
              color: interestColor(index),
              values: estimates.map((estimate) => estimate?.value ?? null),
              band: {
                low: estimates.map((estimate) => estimate?.low ?? null),
                high: estimates.map((estimate) => estimate?.high ?? null),
              },
            };
          })}
          format={formatShare}
        />
      )}
      <Interests outcome={outcome} position={position} report={report} />
    </Card>
  );
}

/** Returns the cells of a figure. `all` are the figures of all arms, for a common scale. */
function figureCells({ estimate, difference }: ArmFigure, all: readonly ArmFigure[], color: string): ReactNode[] {
  const cells = [
    estimate === undefined ? '–' : formatShare(estimate.value),
    <IntervalPlot estimate={estimate} all={all} color={color} />,
  ];
  if (difference === undefined) return [...cells, '', '', '', ''];
  const { value, low, high, relative, pValue } = difference;
  const isClear = low > 0 || high < 0;
  return [
    ...cells,
    <span className={isClear ? 'experiments-clear' : undefined}>{formatSigned(100 * value)} pp</span>,
    `${formatSigned(100 * low)} to ${formatSigned(100 * high)}`,
    relative === undefined ? '' : `${formatSigned(100 * relative, 1)} %`,
    formatP(pValue),
  ];
}

function Interests({ outcome, position, report: { arms } }: OutcomeCardProps) {
  const rows = arms.flatMap(({ arm, outcomes }, index) =>
    outcomes[position]!.interests.map((interest) => ({ arm, index, ...interest })),
  );
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>By the interest that found the item</summary>
      <DataTable
        label={`Interests of items with ${outcome}`}
        columns={[
          'Arm',
          'Interest',
          numeric('Items shown'),
          numeric(`With ${outcome}`),
          numeric('Share'),
          '95 % interval',
          numeric(`Of all items with ${outcome}`),
        ]}
        rows={rows.map(({ arm, index, interest, itemsShown, itemsChosen, ofItems, shareOfChosen }) => ({
          key: `${arm} ${interest}`,
          cells: [
            <ArmName arm={arm} index={index} />,
            interest === null ? 'none' : `Interest ${interest}`,
            formatCount(itemsShown),
            formatCount(itemsChosen),
            ofItems.estimate === undefined ? '–' : formatShare(ofItems.estimate.value),
            <IntervalPlot
              estimate={ofItems.estimate}
              all={rows.map((row) => row.ofItems)}
              color={interestColor(index)}
            />,
            shareOfChosen === undefined ? '–' : formatShare(shareOfChosen),
          ],
        }))}
      />
    </details>
  );
}

/** An arm with its color. */
export function ArmName({ arm, index }: { readonly arm: string; readonly index: number }) {
  return (
    <span className="experiments-arm">
      <span className="swatch" style={{ background: interestColor(index) }} aria-hidden />
      {arm}
      {index === 0 && arm !== 'control' ? <span className="small muted">control</span> : null}
    </span>
  );
}

interface IntervalPlotProps {
  readonly estimate: ArmFigure['estimate'];
  /** The figures that share the scale. */
  readonly all: readonly ArmFigure[];
  readonly color: string;
}

/** An interval as a line with its value as a dot, and as text. */
function IntervalPlot({ estimate, all, color }: IntervalPlotProps) {
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
