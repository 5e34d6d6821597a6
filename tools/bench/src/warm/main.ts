import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrapInterval, metricsOf, pairedBootstrap } from '@facet/evaluation';
import { FacetConfig, homePaths } from '@facet/config';
import { importFiles } from '@facet/import';
import { createScratchFolder, logProgress, option } from '@facet/local-services';
import { createStageContext, datasetStage, openDataset, openModel, rankTestWindow, trainStage } from '@facet/stages';
import type { Model, TaskEvaluations } from '@facet/stages';
import { dayMs, parseWith } from '@facet/platform';
import { startBench } from '../bench.ts';
import { timed } from '../figures.ts';
import type { Effort } from '../figures.ts';

const { values, report } = startBench({
  options: {
    data: option.text('DIR', 'Folder with interactions.tsv.gz and items.tsv', '../shared/data/online-retail-2'),
    steps: option.number('Number of refreshes after the first model', 4),
    'step-days': option.number('Days between two refreshes', 7),
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
const metrics = metricsOf('bundle');
const tasks = ['new', 'all'] as const;

const { steps, 'step-days': stepDays } = values;
const { path: scratch } = await createScratchFolder('bench-warm');
const home = homePaths(join(scratch, 'home'));
await importFiles({ events: [events], items: [items] }, { home });
const comparisons = [];
const trainings = [];
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
  comparisons.push(...(await compareOn(before, full, chain)));
  for (const [kind, { seconds, cpuSeconds }] of Object.entries({ full, warm: chain })) {
    trainings.push({ before: isoDay(before), kind, seconds, cpuSeconds });
  }
}
report({ comparisons, trainings });

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
    onEpoch: (trained: object) => logProgress(JSON.stringify(trained)),
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

/** Returns the metrics of both models and their differences, warm minus full, each with a confidence interval. */
async function compareOn(before: number, full: TrainedDay, warm: TrainedDay) {
  const { store } = contextOf(before);
  const dataset = await openDataset(store, full.datasetId);
  const rank = ({ model }: TrainedDay): TaskEvaluations => rankTestWindow({ dataset, model, cutoffs: [cutoff] });
  const [fullRanks, warmRanks] = [rank(full), rank(warm)];
  return tasks.flatMap((task) =>
    metrics.map((metric) => {
      const [ofFull, ofWarm] = [fullRanks, warmRanks].map((ranks) => ranks[task].perUser[0]![metric]);
      return {
        before: isoDay(before),
        metric: `${task.toUpperCase()} ${metric}@${cutoff}`,
        users: fullRanks[task].users,
        full: bootstrapInterval(ofFull!, { seed: 1 }),
        warm: bootstrapInterval(ofWarm!, { seed: 1 }),
        difference: pairedBootstrap(ofWarm!, ofFull!, { seed: 1 }),
      };
    }),
  );
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
