import type { ArmFigure, ArmOutcome, ExperimentReport } from '@facet/client/trainer-api';
import { interestColor } from '../../parts/colors.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatCount, formatP, formatShare } from '../../parts/format.ts';
import { LineChart } from '../../parts/line-chart.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { ArmName } from './arms-table.tsx';
import { IntervalPlot } from './interval-plot.tsx';

interface OutcomeCardProps {
  readonly outcome: string;
  /** The index of the outcome in each arm. */
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
        className="experiments-figures"
      >
        {metrics.map(({ name, of }) => {
          const figures = arms.map(({ outcomes }) => of(outcomes[position]!));
          return arms.map(({ arm }, index) => (
            <tr key={`${name} ${arm}`} className={index === 0 ? 'experiments-group' : undefined}>
              <td>{index === 0 ? name : ''}</td>
              <td>
                <ArmName arm={arm} index={index} />
              </td>
              <FigureCells figure={figures[index]!} all={figures} color={interestColor(index)} />
            </tr>
          ));
        })}
      </DataTable>
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

interface FigureCellsProps {
  readonly figure: ArmFigure;
  /** The figures of all arms, for a common scale. */
  readonly all: readonly ArmFigure[];
  readonly color: string;
}

function FigureCells({ figure: { estimate, difference }, all, color }: FigureCellsProps) {
  const isClear = difference !== undefined && (difference.low > 0 || difference.high < 0);
  return (
    <>
      <td className="numeric">{estimate === undefined ? '–' : formatShare(estimate.value)}</td>
      <td>
        <IntervalPlot estimate={estimate} all={all} color={color} />
      </td>
      <td className="numeric">
        {difference === undefined ? (
          ''
        ) : (
          <span className={isClear ? 'experiments-clear' : undefined}>{signed(100 * difference.value)} pp</span>
        )}
      </td>
      <td className="numeric">
        {difference === undefined ? '' : `${signed(100 * difference.low)} to ${signed(100 * difference.high)}`}
      </td>
      <td className="numeric">
        {difference?.relative === undefined ? '' : `${signed(100 * difference.relative, 1)} %`}
      </td>
      <td className="numeric">{difference === undefined ? '' : formatP(difference.pValue)}</td>
    </>
  );
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
      >
        {rows.map(({ arm, index, interest, itemsShown, itemsChosen, ofItems, shareOfChosen }) => (
          <tr key={`${arm} ${interest}`}>
            <td>
              <ArmName arm={arm} index={index} />
            </td>
            <td>{interest === null ? 'none' : `Interest ${interest}`}</td>
            <td className="numeric">{formatCount(itemsShown)}</td>
            <td className="numeric">{formatCount(itemsChosen)}</td>
            <td className="numeric">{ofItems.estimate === undefined ? '–' : formatShare(ofItems.estimate.value)}</td>
            <td>
              <IntervalPlot
                estimate={ofItems.estimate}
                all={rows.map((row) => row.ofItems)}
                color={interestColor(index)}
              />
            </td>
            <td className="numeric">{shareOfChosen === undefined ? '–' : formatShare(shareOfChosen)}</td>
          </tr>
        ))}
      </DataTable>
    </details>
  );
}

function signed(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? '−' : '+'}${text}`;
}
