import { relative } from 'node:path';
import { homePaths, readFacetConfig, refuseAttributesMissingInCatalog } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import { explainPositiveRule } from '@facet/features';
import { importFiles, learningSection, refusalSections, warningSections } from '@facet/import';
import type { ImportProgress, ImportResult, RefusedLine, SourceFiles, ValidationReport } from '@facet/import';
import { openLakeSnapshot } from '@facet/lake';
import {
  createStageContext,
  datasetStage,
  evaluateStage,
  headlineMetrics,
  indexStage,
  trainStage,
} from '@facet/stages';
import { trainingPhaseNames, describeFitChoice } from '@facet/runs';
import type { DatasetInfo, EvaluationReport, StageContext } from '@facet/stages';
import { AppError, unlessAborted, utcDay } from '@facet/platform';
import { facet } from './command.ts';
import type { CommandContext, CommonOptions, Output } from './command.ts';
import { chooseConfigFile } from './home.ts';
import type { IndexedModel } from './home.ts';
import { countOf, formatBytes, formatCount, shortId } from './terminal/text.ts';

/** Reads the file of {@link chooseConfigFile}. A missing `facet.yaml` means all defaults. */
export async function readChosenConfig(options: Pick<CommonOptions, 'config'>): Promise<FacetConfig> {
  return readFacetConfig(await chooseConfigFile(options));
}

/** Opens the data home and the configuration of a command. */
export async function openPipeline(options: Pick<CommonOptions, 'home' | 'config'>): Promise<StageContext> {
  return createStageContext(homePaths(options.home), await readChosenConfig(options));
}

/**
 * As {@link openPipeline}, for commands that build a dataset.
 *
 * @throws AppError `CONFIG_INVALID` when the catalog lacks an attribute that the model should learn from.
 */
export async function openCheckedPipeline(options: Pick<CommonOptions, 'home' | 'config'>): Promise<StageContext> {
  const pipeline = await openPipeline(options);
  await refuseAttributesMissingInCatalog(await chooseConfigFile(options), pipeline.home.catalogFolder);
  return pipeline;
}

/** The outputs of each stage and of the stages before it. */
interface OutputsUpTo {
  readonly dataset: {
    readonly datasetId: string;
    readonly dataset: DatasetInfo;
    /** Names of the stages whose stored output was used. */
    readonly reused: readonly string[];
  };
  readonly train: OutputsUpTo['dataset'] & { readonly modelId: string };
  readonly evaluate: OutputsUpTo['train'] & { readonly evaluation: EvaluationReport };
  readonly index: OutputsUpTo['evaluate'] & { readonly bundleId: string };
}

type Watcher = Pick<CommandContext, 'progress' | 'signal'>;
type ModelIds = Pick<IndexedModel, 'datasetId' | 'modelId'>;

/**
 * Runs the stages up to `last`, each with a line of progress.
 *
 * @throws AppError `EVENTS_NONE`, those of the stages; the signal's reason when aborted.
 */
export async function runStages<Last extends keyof OutputsUpTo>(
  last: Last,
  pipeline: StageContext,
  watcher: Watcher,
): Promise<OutputsUpTo[Last]>;
export async function runStages(
  last: keyof OutputsUpTo,
  pipeline: StageContext,
  watcher: Watcher,
): Promise<OutputsUpTo[keyof OutputsUpTo]> {
  await refuseEmptyHome(pipeline);
  const dataset = await showDatasetStage(pipeline, watcher);
  if (last === 'dataset') return dataset;
  const model = { ...dataset, ...(await showTrainStage(pipeline, dataset, watcher)) };
  const trained = { ...model, reused: [...dataset.reused, ...model.reused] };
  if (last === 'train') return trained;
  const report = { ...trained, ...(await showEvaluateStage(pipeline, trained, watcher)) };
  const evaluated = { ...report, reused: [...trained.reused, ...report.reused] };
  if (last === 'evaluate') return evaluated;
  const items = countOf(dataset.dataset.counts['items'] ?? 0, 'item');
  const metrics = headlineMetrics(evaluated.evaluation);
  const { bundleId, reused } = await showIndexStage(pipeline, { ...evaluated, metrics }, watcher, items);
  return { ...evaluated, bundleId, reused: [...evaluated.reused, ...reused] };
}

/** Runs `datasetStage` with a line of progress. */
async function showDatasetStage(
  pipeline: StageContext,
  { progress, signal }: Watcher,
): Promise<OutputsUpTo['dataset']> {
  return progress.run('dataset', 'users, items, behavior sequences', async (stage) => {
    const { output, isReused } = await unlessAborted(
      datasetStage(pipeline, {}, { signal, onProgress: stage.report }),
      signal,
    );
    stage.done(describeDataset(output.datasetId, output.info), { reused: isReused });
    return { datasetId: output.datasetId, dataset: output.info, reused: isReused ? ['dataset'] : [] };
  });
}

/** Runs `trainStage` with a line of progress. */
async function showTrainStage(
  pipeline: StageContext,
  { datasetId }: Pick<ModelIds, 'datasetId'>,
  { progress, signal }: Watcher,
): Promise<Pick<OutputsUpTo['train'], 'modelId' | 'reused'>> {
  return progress.run('train', 'loading TensorFlow', async (stage) => {
    let fitted = '';
    const { output, isReused } = await trainStage(
      pipeline,
      { datasetId },
      {
        signal,
        onNote: (note) => stage.note(note),
        onProgress: stage.report,
        onDivergence: (phase, description) => stage.note(`${trainingPhaseNames[phase]}: ${description}`),
        onFit: ({ interests, labels, epoch, score }, scores) => {
          if (scores.length > 1) stage.note(describeFitChoice({ interests, labels, fitScores: [...scores] }));
          fitted = `, ${countOf(interests, 'interest')}, labels ${labels}, best epoch ${epoch}, validation recall@50 ${score.toFixed(3)}`;
        },
      },
    );
    stage.done(`model ${shortId(output.modelId)}${fitted}`, { reused: isReused });
    return { modelId: output.modelId, reused: isReused ? ['train'] : [] };
  });
}

/** Runs `evaluateStage` with a line of progress: evaluates a model and the baselines. */
export async function showEvaluateStage(
  pipeline: StageContext,
  { datasetId, modelId }: ModelIds,
  { progress, signal }: Watcher,
): Promise<Pick<OutputsUpTo['evaluate'], 'evaluation' | 'reused'>> {
  return progress.run('evaluate', 'the interest model', async (stage) => {
    // The ids alone, because stages store their output under the hash of their inputs.
    const { output, isReused } = await unlessAborted(
      evaluateStage(pipeline, { datasetId, modelId }, { onProgress: stage.report, signal }),
      signal,
    );
    stage.done(describeEvaluation(output), { reused: isReused });
    return { evaluation: output, reused: isReused ? ['evaluate'] : [] };
  });
}

/** Runs `indexStage` with a line of progress: builds a bundle of a model, without promoting it. Needs no TensorFlow. */
export async function showIndexStage(
  pipeline: StageContext,
  { datasetId, modelId, metrics }: IndexedModel,
  { progress, signal }: Watcher,
  described = `model ${shortId(modelId)}`,
): Promise<IndexedModel & Pick<OutputsUpTo['index'], 'bundleId' | 'reused'>> {
  return progress.run('index', 'item embeddings', async (stage) => {
    const { output, isReused } = await unlessAborted(
      indexStage(pipeline, { datasetId, modelId }, metrics, { onProgress: stage.report }),
      signal,
    );
    if (output.undatedItems > 0 && isExploring(pipeline.config)) {
      stage.note(
        `${countOf(output.undatedItems, 'item')} without createdAt and without interactions: always new for explore`,
      );
    }
    stage.done(`bundle ${shortId(output.bundleId)}, ${described}`, { reused: isReused });
    return { datasetId, modelId, metrics, bundleId: output.bundleId, reused: isReused ? ['index'] : [] };
  });
}

/** Returns whether facet.yaml reserves slots for new items in some lists. */
function isExploring({ serving, experiments }: FacetConfig): boolean {
  const arms = experiments.flatMap((experiment) => Object.values(experiment.arms));
  return [serving, ...arms].some(({ explore }) => explore !== undefined);
}

async function refuseEmptyHome({ home }: StageContext): Promise<void> {
  const { files } = await openLakeSnapshot(home.lakeFolder);
  if (files.length > 0) return;
  const folder = relative(process.cwd(), home.folder) || '.';
  throw new AppError(`The data home ${folder} has no events.`, {
    code: 'EVENTS_NONE',
    category: 'input',
    remedy: `Import events with: ${facet} import --events FILE --home ${folder}. Or choose another data home with --home.`,
  });
}

/**
 * Imports files into the lake and catalog of a home.
 *
 * @throws AppError as `importFiles`.
 */
export async function runImport(
  files: SourceFiles,
  pipeline: StageContext,
  watcher: Watcher,
  onRefused?: (line: RefusedLine) => void,
): Promise<ImportResult> {
  return watcher.progress.run('import', 'reading', async (stage) => {
    const result = await importFiles(files, {
      home: pipeline.home,
      mapping: pipeline.config.mapping,
      types: pipeline.config.eventTypes,
      learning: explainPositiveRule(pipeline.config.interactions.positives),
      signal: watcher.signal,
      onProgress: (progress) => stage.update(shareOfImport(progress), describeProgress(progress)),
      onRefused,
    });
    stage.done(describeImport(result), { reused: !result.imported });
    return result;
  });
}

function describeProgress(progress: ImportProgress): string {
  if (progress.stage === 'lake') return `writing the lake, ${formatCount(progress.doneEvents)} events`;
  const { stage, doneRows, doneBytes } = progress;
  return `reading ${stage}, ${formatCount(doneRows)} rows, ${formatBytes(doneBytes)}`;
}

/** Estimates the finished share: reading and writing events take equally long, items and users no time. */
function shareOfImport(progress: ImportProgress): number {
  if (progress.stage === 'lake') return 0.5 + (0.5 * progress.doneEvents) / Math.max(1, progress.totalEvents);
  if (progress.stage === 'events') return (0.5 * progress.doneBytes) / Math.max(1, progress.totalBytes);
  return 0;
}

function describeImport({ report }: ImportResult): string {
  const { accepted, refused, duplicates } = report.events;
  const rowsOf = (kind: 'items' | 'users'): number =>
    report.files.reduce((sum, file) => sum + (file.kind === kind ? file.accepted : 0), -report.repeated[kind]);
  const hasEvents = report.files.some(({ kind }) => kind === 'events');
  const events = `${countOf(accepted, 'event')} of ${countOf(report.users.count, 'user')} on ${countOf(report.items.count, 'item')}`;
  const catalog = (['items', 'users'] as const)
    .filter((kind) => rowsOf(kind) > 0)
    .map((kind) => `${countOf(rowsOf(kind), kind === 'items' ? 'item' : 'user')} in the catalog`);
  const parts = [
    ...(hasEvents ? [events] : catalog),
    ...(duplicates === 0 ? [] : [countOf(duplicates, 'duplicate')]),
    ...(refused === 0 ? [] : [`${countOf(refused, 'line')} refused`]),
  ];
  return parts.join(', ');
}

function describeDataset(id: string, { counts, split }: DatasetInfo): string {
  const interactions = countOf(counts['interactions'] ?? 0, 'interaction');
  return `dataset ${shortId(id)}, ${interactions} of ${countOf(counts['users'] ?? 0, 'user')}, test from ${utcDay(split.testFrom)}`;
}

function describeEvaluation({ methods, mainCutoff }: EvaluationReport): string {
  const model = methods[0]!;
  const recall = (task: 'new' | 'all'): string => model[task].recall.mean.toFixed(3);
  return `recall@${mainCutoff} ${recall('new')} on items new to the user, ${recall('all')} on all items`;
}

const reasonsShown = 5;

/** Prints the refused lines of an import. By default, also prints warnings and what a model learns from. */
export function showReport(
  output: Output,
  report: ValidationReport,
  { withWarnings = true, withLearning = true } = {},
): void {
  const refusals = refusalSections(report, reasonsShown);
  if (refusals.length > 0) refusals.push(`For the full report, run: ${facet} validate`);
  const learning = withLearning ? learningSection(report) : '';
  for (const text of [...refusals, ...(withWarnings ? warningSections(report) : []), learning]) {
    if (text !== '') output.show(text);
  }
}
