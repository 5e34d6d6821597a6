import { readdir } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { importFiles } from '@facet/import';
import type { ImportProgress, ImportResult, SourceFiles } from '@facet/import';
import {
  datasetStage,
  evaluateStage,
  headlineMetrics,
  indexStage,
  trainingPhaseNames,
  trainingProgress,
  trainStage,
} from '@facet/pipeline';
import type { DatasetInfo, EvaluationReport, StageContext } from '@facet/pipeline';
import { AppError } from '@facet/platform';
import type { CommandContext } from './command-context.ts';
import { unlessAborted } from './interruption.ts';
import type { StageProgress } from './terminal/progress.ts';
import { showProgress } from './terminal/show-progress.ts';
import { countOf, formatCount, formatDay, shortId } from './terminal/text.ts';
import { facet } from './invocation.ts';

/** What has been made up to a stage, and which of it was there already. */
export interface DatasetOutputs {
  readonly datasetId: string;
  readonly dataset: DatasetInfo;
  readonly reused: readonly string[];
}
export type TrainOutputs = DatasetOutputs & { readonly modelId: string };
export type EvaluateOutputs = TrainOutputs & { readonly evaluation: EvaluationReport };
export type IndexOutputs = EvaluateOutputs & { readonly bundleId: string };

type Watcher = Pick<CommandContext, 'progress' | 'signal'>;

/** Events to a dataset. @throws AppError `EVENTS_NONE`, those of the stage; the signal's reason when aborted. */
export async function runDataset(pipeline: StageContext, watcher: Watcher): Promise<DatasetOutputs> {
  await refuseEmptyHome(pipeline);
  return watch(watcher, 'dataset', 'users, items, behavior sequences', async (stage) => {
    const { output, reused } = await unlessAborted(datasetStage(pipeline), watcher.signal);
    stage.done(describeDataset(output.datasetId, output.info), { reused });
    return { datasetId: output.datasetId, dataset: output.info, reused: reused ? ['dataset'] : [] };
  });
}

/** The dataset, made where it is missing, to a model. @throws as {@link runDataset}. */
export async function runTrain(pipeline: StageContext, watcher: Watcher): Promise<TrainOutputs> {
  const before = await runDataset(pipeline, watcher);
  return watch(watcher, 'train', 'loading TensorFlow', async (stage) => {
    let best: { epoch: number; score: number } | undefined;
    const { output, reused } = await trainStage(
      pipeline,
      { datasetId: before.datasetId },
      {
        signal: watcher.signal,
        onProgress: (progress) => showProgress(stage, trainingProgress(progress)),
        onDivergence: (phase, description) => stage.note(`${trainingPhaseNames[phase]}: ${description}`),
        onEpoch: (phase, { epoch, loss, score }) => {
          if (score !== undefined && (best === undefined || score > best.score)) best = { epoch, score };
          const scored = score === undefined ? '' : `, validation recall@50 ${score.toFixed(4)}`;
          stage.step(`${trainingPhaseNames[phase]}, epoch ${epoch}: loss ${loss.toFixed(3)}${scored}`);
        },
      },
    );
    const chosen =
      best === undefined ? '' : `, best epoch ${best.epoch}, validation recall@50 ${best.score.toFixed(3)}`;
    stage.done(`model ${shortId(output.modelId)}${chosen}`, { reused });
    return { ...before, modelId: output.modelId, reused: [...before.reused, ...(reused ? ['train'] : [])] };
  });
}

/** The model, trained where it is missing, beside the baselines. @throws as {@link runDataset}. */
export async function runEvaluate(pipeline: StageContext, watcher: Watcher): Promise<EvaluateOutputs> {
  const before = await runTrain(pipeline, watcher);
  return watch(watcher, 'evaluate', 'tuning the baselines', async (stage) => {
    const onMethod = (name: string, done: number, total: number): void => stage.update((done + 1) / (total + 1), name);
    const { output, reused } = await unlessAborted(
      evaluateStage(pipeline, idsOf(before), { onMethod }),
      watcher.signal,
    );
    stage.done(describeEvaluation(output), { reused });
    return { ...before, evaluation: output, reused: [...before.reused, ...(reused ? ['evaluate'] : [])] };
  });
}

/** The evaluated model to a bundle, which is not promoted. @throws as {@link runDataset}. */
export async function runIndex(pipeline: StageContext, watcher: Watcher): Promise<IndexOutputs> {
  const before = await runEvaluate(pipeline, watcher);
  return watch(watcher, 'index', 'item embeddings', async (stage) => {
    const { output, reused } = await unlessAborted(
      indexStage(pipeline, idsOf(before), {
        metrics: headlineMetrics(before.evaluation),
        onProgress: (share, step) => stage.update(share, step),
      }),
      watcher.signal,
    );
    const items = countOf(before.dataset.counts['items'] ?? 0, 'item');
    stage.done(`bundle ${shortId(output.bundleId)}, ${items}`, { reused });
    return { ...before, bundleId: output.bundleId, reused: [...before.reused, ...(reused ? ['index'] : [])] };
  });
}

/** Nothing but the ids: they name what a stage's output is kept under. */
function idsOf({ datasetId, modelId }: TrainOutputs): { datasetId: string; modelId: string } {
  return { datasetId, modelId };
}

async function refuseEmptyHome({ home }: StageContext): Promise<void> {
  const days = await readdir(home.lakeFolder).catch(() => []);
  if (days.length > 0) return;
  const folder = relative(process.cwd(), dirname(home.lakeFolder)) || '.';
  throw new AppError(`${folder} holds no events.`, {
    code: 'EVENTS_NONE',
    category: 'input',
    remedy: `Import some with: ${facet} import --events FILE --home ${folder}. Or name another folder with --home.`,
  });
}

/**
 * Imports files into the lake and catalog of a home.
 *
 * @throws AppError as `importFiles`.
 */
export async function runImport(files: SourceFiles, pipeline: StageContext, watcher: Watcher): Promise<ImportResult> {
  return watch(watcher, 'import', 'reading', async (stage) => {
    const result = await importFiles(files, {
      home: pipeline.home,
      mapping: pipeline.config.mapping,
      types: pipeline.config.eventTypes,
      signal: watcher.signal,
      onProgress: (progress) => stage.update(shareOfImport(progress), importSteps[progress.stage]),
    });
    stage.done(describeImport(result), { reused: !result.imported });
    return result;
  });
}

async function watch<Output>(
  { progress }: Watcher,
  name: string,
  detail: string,
  run: (stage: StageProgress) => Promise<Output>,
): Promise<Output> {
  const stage = progress.stage(name, detail);
  try {
    return await run(stage);
  } catch (error) {
    stage.failed();
    throw error;
  }
}

const importSteps: Readonly<Record<ImportProgress['stage'], string>> = {
  items: 'reading items',
  users: 'reading users',
  events: 'reading events',
  lake: 'writing the lake',
};

/** Reading and writing take about as long as each other; items and users next to nothing. */
function shareOfImport(progress: ImportProgress): number {
  if (progress.stage === 'lake') return 0.5 + (0.5 * progress.doneEvents) / Math.max(1, progress.totalEvents);
  if (progress.stage === 'events') return (0.5 * progress.doneBytes) / Math.max(1, progress.totalBytes);
  return 0;
}

function describeImport({ report }: ImportResult): string {
  const { accepted, refused, duplicates } = report.events;
  const parts = [
    `${countOf(accepted, 'event')} of ${countOf(report.users.count, 'user')} on ${countOf(report.items.count, 'item')}`,
    ...(duplicates === 0 ? [] : [`${formatCount(duplicates)} of them twice`]),
    ...(refused === 0 ? [] : [`${countOf(refused, 'line')} refused`]),
  ];
  return parts.join(', ');
}

function describeDataset(id: string, { counts, split }: DatasetInfo): string {
  const behaviors = countOf(counts['interactions'] ?? 0, 'behavior');
  return `dataset ${shortId(id)}, ${behaviors} of ${countOf(counts['users'] ?? 0, 'user')}, test from ${formatDay(split.testFrom)}`;
}

function describeEvaluation({ methods, mainCutoff }: EvaluationReport): string {
  const model = methods[0]!;
  const recall = (task: 'new' | 'all'): string => model[task].recall.mean.toFixed(3);
  return `recall@${mainCutoff} ${recall('new')} on new items, ${recall('all')} on all`;
}
