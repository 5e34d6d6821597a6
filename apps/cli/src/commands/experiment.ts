import { homePaths } from '@facet/config/home-paths';
import { findExperiment, isRunning, parseExperiments } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { readExperimentReport } from '@facet/exposures/report';
import type { ArmFigure, ArmOutcome, ArmReport, ExperimentReport } from '@facet/exposures/report';
import { AppError, hourMs, suggestName } from '@facet/platform';
import { formatP, formatSigned } from '@facet/platform/quantities';
import { isEventType, standardEventTypes } from '@facet/schemas';
import { addHome, addNotes, addSubcommand, facet, parseHours, parseTime, usageError } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { readChosenConfig } from '../stages.ts';
import type { Style, Terminal } from '../terminal/terminal.ts';
import { countOf, formatCount, formatMinute, renderTable, wrap } from '../terminal/text.ts';

interface ReportOptions extends CommonOptions {
  /** Window of the responses, half-open, epoch milliseconds; default: the window of the experiment. */
  readonly from?: number;
  readonly to?: number;
  /** Event types. */
  readonly outcome: readonly string[];
  readonly windowHours: number;
}

export const registerExperiment: Register = (command, deps) => {
  addHome(addSubcommand(command, 'list', 'List the experiments of facet.yaml'), deps).action(deps.action(list));
  addNotes(
    addHome(
      addSubcommand(command, 'report', 'Compare the arms of an experiment; exits with 3 on a sample ratio mismatch'),
      deps,
    )
      .argument('<name>', 'name in facet.yaml')
      .option('--from <time>', 'start of the responses (default: start of the experiment)', parseTime)
      .option('--to <time>', 'end of the responses (default: end of the experiment)', parseTime)
      .option('--outcome <type...>', 'event types that count as outcomes', ['click', 'purchase'])
      .option('--window-hours <hours>', 'time after a response in which outcomes count', parseHours, 24),
    `Joins the exposure log with events that name the recommendationId and one of its items. The first arm is the control. Read the
report in this order:
1. SAMPLE RATIO MISMATCH: the arms are not comparable. Stop.
2. Difference and interval: an interval that contains 0 may be chance. p is the probability of such a difference by chance.
3. Exclusions, at the end: users seen in several arms, late outcomes.
Choose the metric and the end of the experiment in advance. Testing many metrics, or peeking daily, produces false positives.`,
    'facet experiment report merge-2026-02',
    'facet experiment report merge-2026-02 --from 2026-02-08 --outcome click --outcome purchase --window-hours 72',
    'facet experiment report merge-2026-02 --json > report.json',
  ).action(deps.action(report));
};

async function list(options: CommonOptions, { output }: CommandContext): Promise<void> {
  const experiments = parseExperiments((await readChosenConfig(options)).experiments);
  const now = Date.now();
  output.document({
    experiments: experiments.map((experiment) => ({
      ...experiment,
      ...describeWindow(experiment),
      isRunning: isRunning(experiment, now),
    })),
  });
  const rows = experiments.map((experiment) => {
    const { from, to } = describeWindow(experiment);
    const state = isRunning(experiment, now) ? 'running' : experiment.before <= now ? 'ended' : 'scheduled';
    const arms = experiment.arms.map(({ name, weight }) => `${name} ${weight}`).join(', ');
    const shadow = experiment.shadow.map(({ name }) => `${name} (shadow)`).join(', ');
    const share = `${(100 * experiment.share).toFixed(0)} %`;
    return [experiment.name, state, from ?? 'always', to ?? '', share, [arms, shadow].filter(Boolean).join(', ')];
  });
  const header = ['Experiment', 'State', 'From (UTC)', 'To', 'Users', 'Arms and weights'];
  output.table(header, rows, { right: [4], empty: 'facet.yaml declares no experiments.' });
}

/** @throws AppError `EXPERIMENT_UNKNOWN`, `CLI_USAGE` for an unknown event type, `EXPERIMENT_NO_EXPOSURES`, and after the report `EXPERIMENT_SAMPLE_RATIO`. */
async function report(name: string, options: ReportOptions, context: CommandContext): Promise<void> {
  const { output, progress, signal, terminal } = context;
  const config = await readChosenConfig(options);
  const experiment = findExperiment(parseExperiments(config.experiments), name, ', or choose the file with --config');
  checkEventTypes(options.outcome, config.eventTypes);
  const { lakeFolder, exposuresFolder } = homePaths(options.home);
  const {
    report: result,
    from,
    before,
    read,
    damaged,
  } = await progress.run('report', '', async (stage) =>
    readExperimentReport(experiment, {
      exposuresFolder,
      lakeFolder,
      from: options.from,
      before: options.to,
      outcomes: options.outcome,
      windowMs: options.windowHours * hourMs,
      now: Date.now(),
      signal,
      onRead: (count) => stage.update(0, countOf(count, 'response')),
    }),
  );
  if (result.counts.exposures === 0 && result.shadow.length === 0) throw noExposures(experiment, options, read);
  const { windowHours, outcome: outcomeTypes } = options;
  output.document({
    home: options.home,
    ...describeWindow({ from: from ?? -Infinity, before: before ?? Infinity }),
    windowHours,
    outcomeTypes,
    damagedLines: damaged,
    ...result,
  });
  output.show(renderExperiment(result, { from, before, windowHours, damaged }, terminal));
  if (result.sampleRatio?.isMismatch !== true) return;
  throw new AppError(
    `The users of ${name} are not divided by the weights of its arms (p = ${result.sampleRatio.pValue.toExponential(1)}).`,
    {
      code: 'EXPERIMENT_SAMPLE_RATIO',
      category: 'input',
      remedy:
        'Ignore the differences: an arm is missing users, or weights changed during the experiment. Find the cause, then start a ' +
        'new experiment under another name.',
      context: { experiment: name, pValue: result.sampleRatio.pValue },
    },
  );
}

function checkEventTypes(types: readonly string[], declared: readonly string[]): void {
  const unknown = types.find((type) => !isEventType(type, declared));
  if (unknown === undefined) return;
  throw usageError(
    `${unknown} is no event type.`,
    `${suggestName(unknown, [...standardEventTypes, ...declared])}Correct --outcome, or declare ${unknown} in eventTypes of facet.yaml. Separate several types by spaces.`,
  );
}

function noExposures({ name }: Experiment, { home }: CommonOptions, read: number): AppError {
  const found = read === 0 ? 'no responses' : `${formatCount(read)} responses, none in an arm of ${name},`;
  return new AppError(`The exposure log of ${home} has ${found} in the window of ${name}.`, {
    code: 'EXPERIMENT_NO_EXPOSURES',
    category: 'input',
    remedy: `Check --home, --from and --to; ${facet} experiment list shows the window. Only requests with a userId are in an arm.`,
    context: { experiment: name, home },
  });
}

function describeWindow({ from, before }: Pick<Experiment, 'from' | 'before'>): { from?: string; to?: string } {
  const iso = (time: number): string | undefined => (Number.isFinite(time) ? new Date(time).toISOString() : undefined);
  return { from: iso(from), to: iso(before) };
}

interface RenderExperimentOptions {
  /** Window of the responses, epoch milliseconds. */
  readonly from: number | undefined;
  readonly before: number | undefined;
  readonly windowHours: number;
  /** Unreadable lines of the log. */
  readonly damaged: number;
}

/** Returns the report of an experiment as text. */
function renderExperiment(
  report: ExperimentReport,
  options: RenderExperimentOptions,
  { style, width }: Terminal,
): string {
  const { arms, sampleRatio, shadow } = report;
  const outcomes = arms[0]?.outcomes ?? [];
  return [
    ...(sampleRatio?.isMismatch === true ? [style(['bold', 'red'], mismatch(report))] : []),
    wrap(intro(report, options), width),
    ...(arms.length === 0 ? [] : [renderArms(report, style)]),
    ...(sampleRatio === undefined || sampleRatio.isMismatch ? [] : [soundSplit(sampleRatio)]),
    ...outcomes.map((_, outcome) => renderOutcome(arms, outcome, style)),
    ...(outcomes.length === 0 ? [] : [renderInterests(arms, style)]),
    ...(shadow.length === 0 ? [] : [renderShadow(report, style)]),
    ...notes(report, options).map((note) => wrap(note, width)),
  ].join('\n\n');
}

function intro(
  { experiment, counts }: ExperimentReport,
  { from, before, windowHours }: RenderExperimentOptions,
): string {
  const day = (time: number): string => formatMinute(time).replace(' 00:00', '');
  const when = `${from === undefined ? '' : ` from ${day(from)}`}${before === undefined ? '' : ` to ${day(before)}`}`;
  return `${experiment}: ${countOf(counts.exposures, 'response')}${when} (UTC), outcomes within ${windowHours} h. Intervals: 95 %, over users.`;
}

function mismatch({ sampleRatio, arms }: ExperimentReport): string {
  const found = arms.map(({ arm, users }, index) => {
    return `${arm} has ${formatCount(users)} (expected ${formatCount(Math.round(sampleRatio!.expected[index]!))})`;
  });
  return `SAMPLE RATIO MISMATCH: ${found.join(', ')}. Ignore the differences below until you know the cause.`;
}

function soundSplit({ chiSquare, degrees, pValue }: NonNullable<ExperimentReport['sampleRatio']>): string {
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
    arms.map(({ arm, outcomes }, index) => {
      const figure = of(outcomes[outcome]!);
      return [index === 0 ? title : '', arm, ...valueCells(figure), ...differenceCells(figure, style)];
    }),
  );
  const { outcome: type } = arms[0]!.outcomes[outcome]!;
  const head = [type, 'Arm', 'Share', 'Interval', 'Difference', 'Interval', 'Relative', 'p'];
  return renderTable(head, rows, { style, right: [2, 3, 4, 5, 6, 7] });
}

function renderInterests(arms: readonly ArmReport[], style: Style): string {
  const { outcome } = arms[0]!.outcomes[0]!;
  const rows = arms.flatMap(({ arm, outcomes }) =>
    outcomes[0]!.interests.map(({ interest, itemsShown, ofItems, shareOfChosen }, index) => [
      index === 0 ? arm : '',
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
  const excluded = Object.entries({
    'without a user': withoutUser,
    'of arms not in facet.yaml': unknownArm,
    duplicates: repeated,
    'further pages of excluded lists': orphanPages,
    'torn or damaged': damaged,
  }).flatMap(([kind, count]) => (count === 0 ? [] : [`${formatCount(count)} ${kind}`]));
  const thin = arms.filter(({ users }) => users < usersMin).map(({ arm }) => arm);
  return [
    ...when(
      crossedUsers,
      `${countOf(crossedUsers, 'user')} in more than one arm excluded, with ${countOf(crossedExposures, 'response')}. Check whether ` +
        'weights or arms changed.',
    ),
    ...when(excluded.length, `Log lines excluded: ${excluded.join(', ')}.`),
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

function valueCells({ estimate }: ArmFigure): [string, string] {
  const { value, low, high } = estimate ?? {};
  return [percent(value), low === undefined || high === undefined ? '–' : `${percent(low)} to ${percent(high)}`];
}

function differenceCells({ difference }: ArmFigure, style: Style): [string, string, string, string] {
  if (difference === undefined) return ['', '', '', ''];
  const { value, low, high, pValue, relative } = difference;
  const isClear = low > 0 || high < 0;
  const shown = formatSigned(100 * value, 2);
  return [
    isClear ? style('bold', shown) : shown,
    `${formatSigned(100 * low, 2)} to ${formatSigned(100 * high, 2)}`,
    relative === undefined ? '–' : `${formatSigned(100 * relative, 1)} %`,
    formatP(pValue),
  ];
}

function percent(share: number | undefined): string {
  return share === undefined || Number.isNaN(share) ? '–' : `${(100 * share).toFixed(2)} %`;
}
