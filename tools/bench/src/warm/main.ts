import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrapInterval, pairedBootstrap } from '@facet/evaluation';
import { FacetConfig, homePaths } from '@facet/config';
import { importFiles } from '@facet/import';
import { createScratchFolder, json, logProgress, option, readCommandLine } from '@facet/local-services';
import { createStageContext, datasetStage, openDataset, openModel, rankTestWindow, trainStage } from '@facet/pipeline';
import type { Model, Task, TaskEvaluations } from '@facet/pipeline';
import { alignColumns, dayMs, parseWith } from '@facet/platform';
import { timed } from '../figures.ts';
import type { Effort } from '../figures.ts';

const { values } = readCommandLine({
  options: {
    data: option.text('DIR', 'Folder with interactions.tsv.gz and items.tsv', '../shared/data/online-retail-2'),
    steps: option.number('Number of refreshes after the first model', 4),
    'step-days': option.number('Days between two refreshes', 7),
    json,
  },
  notes: `The first model is trained in full. Each refresh continues a chain of warm starts, and a full retrain uses the same dataset.
Both models are evaluated on the last 28 days; the 28 days before them are the validation window.

Exit code: 0 when the measurement is complete or the data is missing.`,
});
const [events, items] = ['interactions.tsv.gz', 'items.tsv'].map((name) => join(values.data, name)) as [string, string];
if (![events, items].every((file) => existsSync(file))) {
  console.log(
    `Skipped: ${values.data} does not contain interactions.tsv.gz and items.tsv. Pass the folder with --data.`,
  );
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
await importFiles({ events: [events], items: [items] }, { home });
const rows: Comparison[] = [];
let chain: TrainedDay | undefined;
for (let step = 0; step <= steps; step++) {
  const before = end - (steps - step) * stepDays * dayMs;
  logProgress(`step ${step}: data before ${isoDay(before)}`);
  if (chain === undefined) {
    chain = await trainDay(before);
    continue;
  }
  chain = await trainDay(before, chain.model.id);
  const full = await trainDay(before);
  rows.push(await compareOn(before, full, chain));
  if (!values.json) console.log(describe(rows.at(-1)!));
}
if (values.json) console.log(JSON.stringify(rows));

interface TrainedDay extends Effort {
  readonly datasetId: string;
  readonly model: Model;
}

/** Trains on the events before a time, in full or from the model `warmFrom`. The validation window precedes the test window. */
async function trainDay(before: number, warmFrom?: string): Promise<TrainedDay> {
  const context = contextOf(before);
  const { datasetId } = (await datasetStage(context, { occurredBefore: before })).output;
  const watch = {
    onStart: (start: object) => logProgress(`start ${JSON.stringify(start)}`),
    onEpoch: (phase: string, report: object) => logProgress(`${phase} ${JSON.stringify(report)}`),
  };
  const { result, ...effort } = await timed(() => trainStage(context, { datasetId, warmFrom }, watch));
  return { datasetId, model: await openModel(context.store, result.output.modelId), ...effort };
}

function contextOf(before: number) {
  const split = {
    validationFrom: isoDay(before - 2 * windowDays * dayMs),
    testFrom: isoDay(before - windowDays * dayMs),
  };
  return createStageContext(home, parseWith(FacetConfig, { split }, { source: 'npm run bench -- warm' }));
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

async function compareOn(before: number, full: TrainedDay, warm: TrainedDay): Promise<Comparison> {
  const { store, config } = contextOf(before);
  const dataset = await openDataset(store, full.datasetId);
  const rank = ({ model }: TrainedDay): TaskEvaluations => rankTestWindow({ dataset, model, cutoffs: [cutoff] });
  const [fullRanks, warmRanks] = [rank(full), rank(warm)];
  return {
    before: isoDay(before),
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
  const value = (number: number): string => number.toFixed(4);
  const interval = ({ mean, low, high }: Interval): string => `${value(mean)} (${value(low)} to ${value(high)})`;
  const rows = tasks.flatMap((task) =>
    metrics.map((metric) => [
      `${task.toUpperCase()} ${metric}@${cutoff}`,
      ...[full, warm, difference].map((figures) => interval(figures[task][metric])),
    ]),
  );
  const effort = ({ seconds, cpuSeconds }: Effort): string =>
    `${seconds.toFixed(0)} s, ${cpuSeconds.toFixed(0)} s of CPU`;
  const cpuRatio = `CPU ${(full.cpuSeconds / warm.cpuSeconds).toFixed(1)} times less`;
  const head = [`data before ${before}`, 'full', 'warm', 'difference'];
  return alignColumns([head, ...rows, ['training', effort(full), effort(warm), cpuRatio]]).join('\n');
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
