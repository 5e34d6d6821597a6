import { isRunning, parseExperiments } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { readExperimentReport } from '@facet/exposures/report';
import { homePaths } from '@facet/config/home-paths';
import { AppError, hourMs, suggestName } from '@facet/platform';
import { isEventType, standardEventTypes } from '@facet/schemas';
import { facet } from '../command-context.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { addHome, addNotes, addSubcommand, parseHours, parseTime, usageError } from '../options.ts';
import type { Register } from '../options.ts';
import { readConfig } from '../stages.ts';
import { countOf, formatCount, renderTable } from '../terminal/text.ts';
import { renderExperiment } from './experiment-report.ts';

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

async function list(options: CommonOptions, { output, terminal }: CommandContext): Promise<void> {
  const experiments = parseExperiments((await readConfig(options)).experiments);
  const now = Date.now();
  output.document({
    experiments: experiments.map((experiment) => ({
      ...experiment,
      ...describeWindow(experiment),
      isRunning: isRunning(experiment, now),
    })),
  });
  if (experiments.length === 0) {
    output.show('facet.yaml declares no experiments.');
    return;
  }
  const rows = experiments.map((experiment) => {
    const { from, to } = describeWindow(experiment);
    const state = isRunning(experiment, now) ? 'running' : experiment.before <= now ? 'ended' : 'scheduled';
    const arms = experiment.arms.map(({ name, weight }) => `${name} ${weight}`).join(', ');
    const shadow = experiment.shadow.map(({ name }) => `${name} (shadow)`).join(', ');
    const share = `${(100 * experiment.share).toFixed(0)} %`;
    return [experiment.name, state, from ?? 'always', to ?? '', share, [arms, shadow].filter(Boolean).join(', ')];
  });
  const header = ['Experiment', 'State', 'From (UTC)', 'To', 'Users', 'Arms and weights'];
  output.show(renderTable(header, rows, { style: terminal.style, right: [4] }));
}

/** @throws AppError `EXPERIMENT_UNKNOWN`, `CLI_USAGE` for an unknown event type, `EXPERIMENT_NO_EXPOSURES`, and after the report `EXPERIMENT_SAMPLE_RATIO`. */
async function report(name: string, options: ReportOptions, context: CommandContext): Promise<void> {
  const { output, progress, signal, terminal } = context;
  const config = await readConfig(options);
  const experiment = findExperiment(parseExperiments(config.experiments), name);
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
  output.show(
    renderExperiment(result, { from, before, windowHours, damaged, style: terminal.style, width: terminal.width }),
  );
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

function findExperiment(experiments: readonly Experiment[], name: string): Experiment {
  const found = experiments.find((experiment) => experiment.name === name);
  if (found !== undefined) return found;
  const names = experiments.map((experiment) => experiment.name).join(', ');
  throw new AppError(`facet.yaml does not declare the experiment ${name}.`, {
    code: 'EXPERIMENT_UNKNOWN',
    category: 'usage',
    remedy:
      names === ''
        ? 'Declare it under experiments, or choose the file with --config. Keep ended experiments in the file, with their end as `to`.'
        : `Use one of ${names}, or declare it. Keep ended experiments in the file, with their end as \`to\`.`,
    context: { experiment: name },
  });
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
