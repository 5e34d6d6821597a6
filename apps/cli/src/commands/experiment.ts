import { listErasures, streamOutcomes } from '@facet/lake';
import { isRunning, parseExperiments, readExposures } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { joinOutcomes, reportExperiment } from '@facet/exposures/report';
import { AppError } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { renderExperiment } from '../experiments/render-experiment.ts';
import { openHome } from '../home.ts';
import { facet } from '../invocation.ts';
import { readConfig } from '../pipeline-context.ts';
import { renderTable } from '../terminal/tables.ts';
import { countOf, formatCount } from '../terminal/text.ts';

export interface ReportOptions extends CommonOptions {
  /** Of the answers, half-open, epoch milliseconds; by default those of the experiment. */
  readonly from?: number;
  readonly to?: number;
  /** Types of events. */
  readonly outcome: readonly string[];
  readonly windowHours: number;
}

const hourMs = 3_600_000;

/** `facet experiment list`: what `facet.yaml` declares. */
export async function listExperimentsCommand(
  options: CommonOptions,
  { output, terminal }: CommandContext,
): Promise<void> {
  const experiments = await declaredExperiments(options);
  const now = Date.now();
  output.document({
    experiments: experiments.map((experiment) => ({
      ...experiment,
      ...describeWindow(experiment),
      isRunning: isRunning(experiment, now),
    })),
  });
  if (experiments.length === 0) {
    output.show('facet.yaml declares no experiment.');
    return;
  }
  const rows = experiments.map((experiment) => {
    const { from, to } = describeWindow(experiment);
    const state = isRunning(experiment, now) ? 'running' : experiment.before <= now ? 'over' : 'to come';
    const arms = experiment.arms.map(({ name, weight }) => `${name} ${weight}`).join(', ');
    const shadow = experiment.shadow.map(({ name }) => `${name} (shadow)`).join(', ');
    const share = `${(100 * experiment.share).toFixed(0)} %`;
    return [experiment.name, state, from ?? 'always', to ?? '', share, [arms, shadow].filter(Boolean).join(', ')];
  });
  const header = ['Experiment', 'State', 'From (UTC)', 'To', 'Users', 'Arms and weights'];
  output.show(renderTable(header, rows, { style: terminal.style, right: [4] }));
}

/**
 * `facet experiment report NAME`: what users of each arm did with what they were shown.
 *
 * @throws AppError `EXPERIMENT_UNKNOWN`, `EXPERIMENT_NO_EXPOSURES`, and `EXPERIMENT_SAMPLE_RATIO` after the report when users are
 * not divided as the weights say.
 */
export async function reportExperimentCommand(
  name: string,
  options: ReportOptions,
  context: CommandContext,
): Promise<void> {
  const { output, progress, signal, terminal } = context;
  const experiment = findExperiment(await declaredExperiments(options), name);
  const { lakeFolder, exposuresFolder } = openHome(options.home);
  const windowMs = options.windowHours * hourMs;
  const from = options.from ?? finite(experiment.from);
  const before = options.to ?? finite(experiment.before);
  const stage = progress.stage('report');
  let damaged = 0;
  let read = 0;
  const now = Date.now();
  const erasures = await listErasures(lakeFolder);
  const readLog = () => {
    damaged = 0;
    read = 0;
    const range = { from, before: before ?? now };
    return readExposures(exposuresFolder, { ...range, erasures, onDamaged: () => damaged++, signal });
  };
  const outcomes = streamOutcomes(lakeFolder, {
    types: options.outcome,
    occurredFrom: from,
    occurredBefore: before === undefined ? undefined : before + windowMs,
  });
  const joined = await joinOutcomes(
    () => watched(readLog(), (count) => stage.update(0, countOf((read += count), 'answer'))),
    outcomes,
    {
      experiment: name,
      arms: experiment.arms.map((arm) => arm.name),
      outcomes: options.outcome,
      windowMs,
      now,
    },
  ).finally(() => stage.failed());
  const report = reportExperiment(experiment, joined, options.outcome);
  if (report.counts.exposures === 0 && report.shadow.length === 0) throw noExposures(experiment, options, read);
  const { windowHours, outcome: outcomeTypes } = options;
  output.document({
    home: options.home,
    ...describeWindow({ from: from ?? -Infinity, before: before ?? Infinity }),
    windowHours,
    outcomeTypes,
    damagedLines: damaged,
    ...report,
  });
  output.show(
    renderExperiment(report, { from, before, windowHours, damaged, style: terminal.style, width: terminal.width }),
  );
  if (report.sampleRatio?.isMismatch !== true) return;
  throw new AppError(
    `The arms of ${name} do not have the users that their weights ask for (p = ${report.sampleRatio.pValue.toExponential(1)}).`,
    {
      code: 'EXPERIMENT_SAMPLE_RATIO',
      category: 'input',
      remedy:
        'Do not read the differences: users are missing from an arm, or weights changed while it ran. Find the cause, and ' +
        'begin again under another name.',
      context: { experiment: name, pValue: report.sampleRatio.pValue },
    },
  );
}

async function declaredExperiments(options: CommonOptions): Promise<Experiment[]> {
  return parseExperiments((await readConfig(options)).experiments);
}

function findExperiment(experiments: readonly Experiment[], name: string): Experiment {
  const found = experiments.find((experiment) => experiment.name === name);
  if (found !== undefined) return found;
  const names = experiments.map((experiment) => experiment.name).join(', ');
  throw new AppError(`facet.yaml declares no experiment ${name}.`, {
    code: 'EXPERIMENT_UNKNOWN',
    category: 'usage',
    remedy:
      names === ''
        ? 'Declare it under experiments, or name the file with --config. One that is over stays there, with its end as to.'
        : `Name one of ${names}, or declare it; one that is over stays in the file, with its end as to.`,
    context: { experiment: name },
  });
}

function noExposures({ name }: Experiment, { home }: CommonOptions, read: number): AppError {
  const what = read === 0 ? 'no answers' : `${formatCount(read)} answers, none of which has an arm of it`;
  return new AppError(`The exposure log of ${home} holds ${what} in the time of ${name}.`, {
    code: 'EXPERIMENT_NO_EXPOSURES',
    category: 'input',
    remedy: `Look at --home, --from and --to; ${facet} experiment list says when it runs. Requests need a userId to be in an arm.`,
    context: { experiment: name, home },
  });
}

async function* watched<Value>(
  chunks: AsyncIterable<readonly Value[]>,
  onChunk: (count: number) => void,
): AsyncGenerator<readonly Value[]> {
  for await (const chunk of chunks) {
    onChunk(chunk.length);
    yield chunk;
  }
}

function describeWindow({ from, before }: Pick<Experiment, 'from' | 'before'>): { from?: string; to?: string } {
  return {
    ...(Number.isFinite(from) ? { from: new Date(from).toISOString() } : {}),
    ...(Number.isFinite(before) ? { to: new Date(before).toISOString() } : {}),
  };
}

function finite(time: number): number | undefined {
  return Number.isFinite(time) ? time : undefined;
}
