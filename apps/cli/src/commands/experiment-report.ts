import type { ArmFigure, ArmOutcome, ArmReport, ExperimentReport, JoinCounts } from '@facet/exposures/report';
import type { Style } from '../terminal/terminal.ts';
import { countOf, formatCount, formatMinute, renderTable, wrap } from '../terminal/text.ts';

interface RenderExperimentOptions {
  /** Window of the responses, epoch milliseconds. */
  readonly from: number | undefined;
  readonly before: number | undefined;
  readonly windowHours: number;
  /** Unreadable lines of the log. */
  readonly damaged: number;
  readonly style: Style;
  readonly width: number;
}

/** Returns the report of an experiment as text. */
export function renderExperiment(report: ExperimentReport, options: RenderExperimentOptions): string {
  const { style } = options;
  const [control] = report.arms;
  return [
    ...(report.sampleRatio?.isMismatch === true ? [style(['bold', 'red'], mismatch(report))] : []),
    intro(report, options),
    ...(control === undefined ? [] : [renderArms(report, style)]),
    ...(report.sampleRatio === undefined || report.sampleRatio.isMismatch ? [] : [soundSplit(report)]),
    ...(control === undefined ? [] : control.outcomes.map((_, outcome) => renderOutcome(report.arms, outcome, style))),
    ...(control === undefined || control.outcomes.length === 0 ? [] : [renderInterests(report.arms, style)]),
    ...(report.shadow.length === 0 ? [] : [renderShadow(report, style)]),
    ...notes(report, options).map((note) => wrap(note, options.width)),
  ].join('\n\n');
}

function intro(
  { experiment, counts }: ExperimentReport,
  { from, before, windowHours, width }: RenderExperimentOptions,
) {
  const day = (time: number): string => formatMinute(time).replace(' 00:00', '');
  const when = `${from === undefined ? '' : ` from ${day(from)}`}${before === undefined ? '' : ` to ${day(before)}`}`;
  return wrap(
    `${experiment}: ${countOf(counts.exposures, 'response')}${when} (UTC), outcomes within ${windowHours} h. Intervals: 95 %, ` +
      'over users.',
    width,
  );
}

function mismatch({ sampleRatio, arms }: ExperimentReport): string {
  const found = arms.map(({ arm, users }, place) => {
    return `${arm} has ${formatCount(users)} (expected ${formatCount(Math.round(sampleRatio!.expected[place]!))})`;
  });
  return `SAMPLE RATIO MISMATCH: ${found.join(', ')}. Ignore the differences below until you know the cause.`;
}

function soundSplit({ sampleRatio }: ExperimentReport): string {
  const { chiSquare, degrees, pValue } = sampleRatio!;
  return `The division of users matches the weights (chi-square ${chiSquare.toFixed(2)}, ${degrees} df, p = ${formatP(pValue)}).`;
}

function renderArms({ arms }: ExperimentReport, style: Style): string {
  const rows = arms.map(({ arm, users, exposures, items, fallbacks }) => [
    arm,
    ...[users, exposures, items].map(formatCount),
    percent(fallbacks.estimate?.value),
  ]);
  return renderTable(['Arm', 'Users', 'Responses', 'Items', 'Fallbacks'], rows, { style, right: [1, 2, 3, 4] });
}

const figures = [
  { title: 'of responses', of: ({ ofExposures }: ArmOutcome) => ofExposures },
  { title: 'of responses, mean of users', of: ({ perUser }: ArmOutcome) => perUser },
  { title: 'of users', of: ({ ofUsers }: ArmOutcome) => ofUsers },
] as const;

function renderOutcome(arms: readonly ArmReport[], outcome: number, style: Style): string {
  const rows = figures.flatMap(({ title, of }) =>
    arms.map(({ arm, outcomes }, place) => {
      const figure = of(outcomes[outcome]!);
      return [place === 0 ? title : '', arm, ...valueCells(figure), ...differenceCells(figure, style)];
    }),
  );
  const head = [
    arms[0]!.outcomes[outcome]!.outcome,
    'Arm',
    'Share',
    'Interval',
    'Difference',
    'Interval',
    'Relative',
    'p',
  ];
  return renderTable(head, rows, { style, right: [2, 3, 4, 5, 6, 7] });
}

function renderInterests(arms: readonly ArmReport[], style: Style): string {
  const { outcome } = arms[0]!.outcomes[0]!;
  const rows = arms.flatMap(({ arm, outcomes }) =>
    outcomes[0]!.interests.map(({ interest, itemsShown, ofItems, shareOfChosen }, place) => [
      place === 0 ? arm : '',
      interest === null ? 'none' : String(interest),
      formatCount(itemsShown),
      ...valueCells(ofItems),
      percent(shareOfChosen),
    ]),
  );
  const head = ['Arm', 'Interest', 'Items shown', `With ${outcome}`, 'Interval', `Share of all ${outcome}s`];
  return renderTable(head, rows, { style, right: [2, 3, 4, 5] });
}

function renderShadow({ shadow }: ExperimentReport, style: Style): string {
  const rows = shadow.map(({ arm, responses, items, shown, chosen, chosenHeld }) => [
    arm,
    formatCount(responses),
    percent(shown / items),
    formatCount(chosen),
    percent(chosenHeld / chosen),
  ]);
  const head = ['Shadow arm', 'Responses', 'Of its items shown', 'Items with outcome', 'Also in its list'];
  return renderTable(head, rows, { style, right: [1, 2, 3, 4] });
}

/** Returns the exclusions and warnings. */
function notes({ counts, arms }: ExperimentReport, { damaged, windowHours }: RenderExperimentOptions): string[] {
  const { crossedUsers, crossedExposures, withoutUser, unknownArm, repeated, orphanPages, open } = counts;
  const when = (count: number, sentence: string): string[] => (count === 0 ? [] : [sentence]);
  const fates = { early: 0, late: 0, otherItem: 0 };
  for (const outcome of counts.outcomes) {
    for (const fate of ['early', 'late', 'otherItem'] as const) fates[fate] += outcome[fate];
  }
  const { early, late, otherItem } = fates;
  const thin = arms.filter(({ users }) => users < usersMin).map(({ arm }) => arm);
  return [
    ...when(
      crossedUsers,
      `${countOf(crossedUsers, 'user')} in more than one arm excluded, with ${countOf(crossedExposures, 'response')}. Check whether ` +
        'weights or arms changed.',
    ),
    ...when(
      withoutUser + unknownArm + repeated + orphanPages + damaged,
      excluded({ withoutUser, unknownArm, repeated, orphanPages, damaged }),
    ),
    ...when(
      early + late + otherItem,
      `Outcomes excluded: ${formatCount(early)} before the response, ${formatCount(late)} later than ${windowHours} h, ` +
        `${formatCount(otherItem)} on items outside the response.`,
    ),
    ...when(open, `${countOf(open, 'response')} so recent that outcomes may follow.`),
    ...when(thin.length, `Fewer than ${usersMin} users in ${thin.join(', ')}: the intervals are unreliable.`),
  ];
}

/** The normal approximation is unreliable for fewer users. */
const usersMin = 100;

type Excluded = Pick<JoinCounts, 'withoutUser' | 'unknownArm' | 'repeated' | 'orphanPages'>;

function excluded(counts: Excluded & { readonly damaged: number }): string {
  const { withoutUser, unknownArm, repeated, orphanPages, damaged } = counts;
  const parts = [
    [withoutUser, 'without a user'],
    [unknownArm, 'of arms not in facet.yaml'],
    [repeated, 'duplicates'],
    [orphanPages, 'further pages of excluded lists'],
    [damaged, 'torn or damaged'],
  ] as const;
  const found = parts.filter(([count]) => count > 0).map(([count, kind]) => `${formatCount(count)} ${kind}`);
  return `Log lines excluded: ${found.join(', ')}.`;
}

function valueCells({ estimate }: ArmFigure): [string, string] {
  const { value, low, high } = estimate ?? {};
  return [percent(value), low === undefined || high === undefined ? '–' : `${percent(low)} to ${percent(high)}`];
}

function differenceCells({ difference }: ArmFigure, style: Style): [string, string, string, string] {
  if (difference === undefined) return ['', '', '', ''];
  const { value, low, high, pValue, relative } = difference;
  const isClear = low > 0 || high < 0;
  const shown = signed(100 * value, 2);
  return [
    isClear ? style('bold', shown) : shown,
    `${signed(100 * low, 2)} to ${signed(100 * high, 2)}`,
    relative === undefined ? '–' : `${signed(100 * relative, 1)} %`,
    formatP(pValue),
  ];
}

function percent(share: number | undefined): string {
  return share === undefined || Number.isNaN(share) ? '–' : `${(100 * share).toFixed(2)} %`;
}

function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? '−' : '+'}${text}`;
}

function formatP(p: number): string {
  return p < 0.0001 ? '< 0.0001' : p.toFixed(4);
}
