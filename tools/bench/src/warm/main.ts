import { join } from 'node:path';
import { bootstrapInterval, pairedBootstrap } from '@facet/evaluation';
import { homePaths } from '@facet/config';
import { createScratchFolder, json, logProgress, option, readCommandLine } from '@facet/local-services';
import { createStageContext, openDataset, rankTestWindow } from '@facet/pipeline';
import type { HomePaths } from '@facet/config';
import type { Task, TaskEvaluations } from '@facet/pipeline';
import { dayMs } from '@facet/platform';
import type { Effort } from '../figures.ts';
import { findMissingRetailData, openRetailDays, retailOption } from './retail-days.ts';
import { dayOf, trainDay } from './train-days.ts';
import type { Day, TrainedDay } from './train-days.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- warm',
  summary: 'Compare warm starts with full retrains on Online Retail II',
  options: {
    data: retailOption,
    steps: option.number('Number of refreshes after the first model', 4),
    'step-days': option.number('Days between two refreshes', 7),
    choose: option.flag('Compare settings of training.warm on their validation windows instead'),
    json,
  },
  notes: `The first model is trained in full. Each refresh continues a chain of warm starts, and a full retrain uses the same dataset.
Both models are evaluated on the last 28 days; the 28 days before them are the validation window. The validation windows of
--choose end before the first test window of the comparison.

Exit code: 0 when the measurement is complete or the data is missing.`,
});
const missing = findMissingRetailData(values.data);
if (missing !== undefined) {
  console.log(missing);
  process.exit(0);
}

/** The day after the last day of the data. */
const end = Date.UTC(2011, 11, 10);
const windowDays = 28;
const cutoff = 50;
const metrics = ['recall', 'hitRate', 'ndcg'] as const;
const tasks = ['new', 'all'] as const;

const { steps, 'step-days': stepDays } = values;
const { path: scratch } = await createScratchFolder('bench-warm');
const home = homePaths(join(scratch, 'home'));
const retail = await openRetailDays(values.data, home, scratch);
if (values.choose) await chooseSettings();
else await compare();

async function compare(): Promise<void> {
  const days = Array.from({ length: steps + 1 }, (_, step) =>
    dayOf(end - (steps - step) * stepDays * dayMs, windowDays, {}),
  );
  const rows: Comparison[] = [];
  let chain: TrainedDay | undefined;
  for (const [step, day] of days.entries()) {
    await retail.importUpTo(day.before);
    logProgress(`step ${step}: data before ${isoDay(day.before)}`);
    if (chain === undefined) {
      chain = await trainDay(home, day);
      continue;
    }
    chain = await trainDay(home, day, chain.model.id);
    const full = await trainDay(home, day);
    rows.push(await compareOn(home, day, full, chain));
    console.log(describe(rows.at(-1)!));
  }
  if (values.json) console.log(JSON.stringify(rows));
}

/** Runs a chain of two warm fits per setting and prints their validation scores next to those of full fits. */
async function chooseSettings(): Promise<void> {
  // The last validation window ends before the first test window of the default comparison.
  const last = end - 4 * 7 * dayMs;
  const grid = [1, 2, 3].flatMap((epochs) => [1e-3, 3e-3].map((learningRate) => ({ epochs, learningRate })));
  const chains = new Map(grid.map((warm) => [warm, undefined as TrainedDay | undefined]));
  for (const step of [0, 1, 2]) {
    const before = last - (2 - step) * stepDays * dayMs;
    await retail.importUpTo(before);
    const full = await trainDay(home, dayOf(before, windowDays, { refit: false }));
    console.log(`${isoDay(before)}  full               ${describeFit(full)}`);
    for (const [warm, chain] of chains) {
      const day = dayOf(before, windowDays, { refit: false, warm });
      const trained = chain === undefined ? full : await trainDay(home, day, chain.model.id);
      chains.set(warm, trained);
      if (step > 0) {
        console.log(`${isoDay(before)}  ${warm.epochs} epochs at ${warm.learningRate}  ${describeFit(trained)}`);
      }
    }
  }
}

function describeFit({ model, cpuSeconds }: TrainedDay): string {
  const scores = model.info.fit.map(({ score }) => score!.toFixed(4)).join(' ');
  return `validation recall@${cutoff} by epoch ${scores}  (${cpuSeconds.toFixed(0)} s of CPU)`;
}

interface Comparison {
  readonly before: string;
  readonly full: Figures;
  readonly warm: Figures;
  readonly difference: Record<Task, Record<(typeof metrics)[number], Interval>>;
}

type Interval = { readonly mean: number; readonly low: number; readonly high: number };

interface Figures extends Effort, Record<Task, Record<(typeof metrics)[number], Interval>> {
  readonly users: Record<Task, number>;
}

async function compareOn(at: HomePaths, day: Day, full: TrainedDay, warm: TrainedDay): Promise<Comparison> {
  const { store, config } = createStageContext(at, day.config);
  const dataset = await openDataset(store, full.datasetId);
  const rank = ({ model }: TrainedDay): TaskEvaluations =>
    rankTestWindow({ dataset, model, cutoffs: [cutoff], tieSeed: config.evaluation.tieSeed });
  const [fullRanks, warmRanks] = [rank(full), rank(warm)];
  return {
    before: isoDay(day.before),
    full: figuresOf(full, fullRanks),
    warm: figuresOf(warm, warmRanks),
    difference: byTaskAndMetric((task, metric) =>
      pairedBootstrap(warmRanks[task].perUser[0]![metric], fullRanks[task].perUser[0]![metric], { seed: 1 }),
    ),
  };
}

function figuresOf({ seconds, cpuSeconds }: TrainedDay, ranks: TaskEvaluations): Figures {
  return {
    ...byTaskAndMetric((task, metric) => bootstrapInterval(ranks[task].perUser[0]![metric], { seed: 1 })),
    users: { new: ranks.new.users, all: ranks.all.users },
    seconds,
    cpuSeconds,
  };
}

function byTaskAndMetric<Value>(
  of: (task: Task, metric: (typeof metrics)[number]) => Value,
): Record<Task, Record<(typeof metrics)[number], Value>> {
  const entries = (task: Task) => Object.fromEntries(metrics.map((metric) => [metric, of(task, metric)]));
  return Object.fromEntries(tasks.map((task) => [task, entries(task)])) as ReturnType<typeof byTaskAndMetric<Value>>;
}

function describe({ before, full, warm, difference }: Comparison): string {
  const lines = [`Data before ${before}`];
  for (const task of tasks) {
    for (const metric of metrics) {
      const interval = ({ mean, low, high }: Interval): string =>
        `${mean.toFixed(4)} (${low.toFixed(4)} to ${high.toFixed(4)})`;
      const { mean, low, high } = difference[task][metric];
      const signed = [mean, low, high].map((value) => `${value < 0 ? '' : '+'}${value.toFixed(4)}`);
      lines.push(
        `  ${task.toUpperCase()} ${`${metric}@${cutoff}`.padEnd(11)} full ${interval(full[task][metric])}  warm ${interval(warm[task][metric])}  difference ${signed[0]} (${signed[1]} to ${signed[2]})`,
      );
    }
  }
  const effort = ({ seconds, cpuSeconds }: Effort): string =>
    `${seconds.toFixed(0)} s, ${cpuSeconds.toFixed(0)} s of CPU`;
  lines.push(
    `  training        full ${effort(full)}; warm ${effort(warm)}; ${(full.seconds / warm.seconds).toFixed(1)} times as fast (CPU ${(full.cpuSeconds / warm.cpuSeconds).toFixed(1)})`,
  );
  return lines.join('\n');
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
