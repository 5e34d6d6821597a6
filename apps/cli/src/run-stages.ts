import { readdir } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { importFiles } from '@facet/events';
import type { ImportProgress, ImportResult, SourceFiles } from '@facet/events';
import { datasetStage, evaluateStage, headlineMetrics, indexStage, trainStage } from '@facet/pipeline';
import type { DatasetInfo, EvaluationReport, StageContext, TrainProgress } from '@facet/pipeline';
import { AppError } from '@facet/platform';
import type { CommandContext } from './command-context.ts';
import { unlessAborted } from './interruption.ts';
import type { StageProgress } from './terminal/progress.ts';
import { countOf, formatCount, formatDay, shortId } from './terminal/text.ts';
import { facet } from './invocation.ts';

/** The stages in their order; each is run after those before it. */
export const stageNames = ['dataset', 'train', 'evaluate', 'index'] as const;
export type StageName = (typeof stageNames)[number];

/** What the stages up to one have made. */
export interface StageOutputs {
  readonly datasetId: string;
  readonly dataset: DatasetInfo;
  readonly modelId?: string;
  readonly evaluation?: EvaluationReport;
  readonly bundleId?: string;
  /** The stages whose outputs were there already. */
  readonly reused: readonly StageName[];
}

type Watcher = Pick<CommandContext, 'progress' | 'signal'>;

/**
 * Runs the stages up to `last` in order; one that has been done with the same inputs and settings is not done again.
 *
 * @throws AppError of the stages; the signal's reason when aborted.
 */
export async function runStages(pipeline: StageContext, last: StageName, watcher: Watcher): Promise<StageOutputs> {
  const reused: StageName[] = [];
  const note = (name: StageName, isReused: boolean): { reused: boolean } => {
    if (isReused) reused.push(name);
    return { reused: isReused };
  };
  const { signal } = watcher;
  await refuseEmptyHome(pipeline);

  const { datasetId, info } = await watch(watcher, 'dataset', 'users, items, behavior sequences', async (stage) => {
    const result = await unlessAborted(datasetStage(pipeline), signal);
    stage.done(describeDataset(result.output.datasetId, result.output.info), note('dataset', result.reused));
    return result.output;
  });
  if (last === 'dataset') return { datasetId, dataset: info, reused };

  const { modelId } = await watch(watcher, 'train', 'loading TensorFlow', async (stage) => {
    let best: { epoch: number; score: number } | undefined;
    const result = await trainStage(pipeline, datasetId, {
      signal,
      onProgress: (progress) => stage.update(shareOfTraining(progress), describeStep(progress)),
      onEpoch: (phase, { epoch, loss, score }) => {
        if (score !== undefined && (best === undefined || score > best.score)) best = { epoch, score };
        const scored = score === undefined ? '' : `, validation recall@50 ${score.toFixed(4)}`;
        stage.step(`${phaseNames[phase]}, epoch ${epoch}: loss ${loss.toFixed(3)}${scored}`);
      },
    });
    const chosen =
      best === undefined ? '' : `, best epoch ${best.epoch}, validation recall@50 ${best.score.toFixed(3)}`;
    stage.done(`model ${shortId(result.output.modelId)}${chosen}`, note('train', result.reused));
    return result.output;
  });
  if (last === 'train') return { datasetId, dataset: info, modelId, reused };

  const evaluation = await watch(watcher, 'evaluate', 'tuning the baselines', async (stage) => {
    const ids = { datasetId, modelId };
    const onMethod = (name: string, done: number, total: number): void => stage.update((done + 1) / (total + 1), name);
    const result = await unlessAborted(evaluateStage(pipeline, ids, { onMethod }), signal);
    stage.done(describeEvaluation(result.output), note('evaluate', result.reused));
    return result.output;
  });
  if (last === 'evaluate') return { datasetId, dataset: info, modelId, evaluation, reused };

  const { bundleId } = await watch(watcher, 'index', 'item embeddings', async (stage) => {
    const onProgress = (done: number, total: number): void => stage.update(done / total, 'building the Faiss index');
    const metrics = headlineMetrics(evaluation);
    const result = await unlessAborted(indexStage(pipeline, { datasetId, modelId }, { metrics, onProgress }), signal);
    stage.done(
      `bundle ${shortId(result.output.bundleId)}, ${countOf(info.counts['items'] ?? 0, 'item')}`,
      note('index', result.reused),
    );
    return result.output;
  });
  return { datasetId, dataset: info, modelId, evaluation, bundleId, reused };
}

async function refuseEmptyHome({ home }: StageContext): Promise<void> {
  const days = await readdir(home.lakeFolder).catch(() => []);
  if (days.length > 0) return;
  const folder = relative(process.cwd(), dirname(home.lakeFolder)) || '.';
  throw new AppError(`${folder} holds no events.`, {
    code: 'EVENTS_NONE',
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

const phaseNames: Readonly<Record<TrainProgress['phase'], string>> = { fit: 'fit', refit: 'refit on newer data' };

/** How much of the bar belongs to the fit; how many epochs the refit takes is not known before it ends. */
const fitShare = 0.6;

function shareOfTraining({ phase, epoch, epochs, done, total }: TrainProgress): number {
  const share = (epoch - 1 + done / total) / epochs;
  return phase === 'fit' ? fitShare * share : fitShare + (1 - fitShare) * share;
}

function describeStep({ phase, epoch, epochs, loss }: TrainProgress): string {
  return `${phaseNames[phase]}, epoch ${epoch} of ${phase === 'fit' ? 'at most ' : ''}${epochs}, loss ${loss.toFixed(2)}`;
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
