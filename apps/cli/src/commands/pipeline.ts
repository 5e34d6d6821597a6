import {
  describeExcluded,
  excludedEventsOf,
  exportTraining,
  headlineMetrics,
  importTraining,
  rebuildDataset,
} from '@facet/stages';
import type { StageContext } from '@facet/stages';
import { AppError } from '@facet/platform';
import { Option } from 'commander';
import { addHome, addNotes, facet } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { findArtifact, findModel } from '../home.ts';
import { openCheckedPipeline, openPipeline, runStages, showEvaluateStage, showIndexStage } from '../stages.ts';
import { renderEvaluation } from '../terminal/evaluation-tables.ts';

const stageNote = 'Runs missing earlier stages first. Reuses outputs of the same events and settings.';

export const registerDataset: Register = (command, deps) => {
  addNotes(
    addHome(command, deps).option(
      '--like <id>',
      'rebuild this dataset from its manifest and compare; exits with 4 if it differs',
    ),
    '',
    'facet dataset',
    'facet dataset --home .facet/shop --json',
    'facet dataset --like 3f2a9c',
  ).action(deps.action(dataset));
};

export const registerTrain: Register = (command, deps) => {
  addNotes(
    addHome(command, deps)
      .addOption(
        new Option('--export <folder>', 'write the training data for another program, without training').conflicts(
          'import',
        ),
      )
      .option('--import <folder>', 'import the model that another program trained from this folder'),
    stageNote,
    'facet train',
    'facet train --config experiment.yaml',
    'facet train --export ../training',
    'facet train --import ../training',
  ).action(deps.action(train));
};

export const registerEvaluate: Register = (command, deps) => {
  addNotes(
    addHome(command, deps).option(
      '--model <id>',
      'evaluate this model on its dataset: id of a model or bundle, or current',
    ),
    `Compares with popularity, the user's own history and item-based collaborative filtering. ${stageNote}`,
    'facet evaluate',
    'facet evaluate --json > report.json',
  ).action(deps.action(evaluate));
};

export const registerIndex: Register = (command, deps) => {
  addNotes(
    addHome(command, deps)
      .option('--no-promote', 'keep the current bundle')
      .option('--model <id>', 'index this model without training: id of a model or bundle, or current'),
    `${stageNote}

With --model, trains nothing. For a bundle of any format, rebuilds it in the format of this version, without TensorFlow. For a model,
evaluates it first.`,
    'facet index',
    'facet index --no-promote',
    'facet index --model current',
    'facet index --model 4095a7',
  ).action(deps.action(index));
};

async function dataset(
  options: CommonOptions & { readonly like?: string | undefined },
  { output, ...watcher }: CommandContext,
): Promise<void> {
  if (options.like !== undefined) {
    return rebuild(await openPipeline(options), { ...options, like: options.like }, output);
  }
  const pipeline = await openCheckedPipeline(options);
  const { datasetId, dataset: info, reused } = await runStages('dataset', pipeline, watcher);
  output.show([`Dataset ${datasetId}`, ...describeExcluded(excludedEventsOf(info))].join('\n'));
  output.document({ home: options.home, datasetId, dataset: info, reused });
}

/** @throws AppError `DATASET_NOT_REPRODUCED` with the reasons, when the bytes differ. */
async function rebuild(
  pipeline: StageContext,
  { home, like }: CommonOptions & { readonly like: string },
  output: CommandContext['output'],
): Promise<void> {
  const { id } = await findArtifact(pipeline.store, like, { kinds: ['dataset'], home });
  const { datasetId, isSame, differing, reasons } = await rebuildDataset(pipeline, id);
  output.document({ home, like: id, datasetId, isSame, differing, reasons });
  if (isSame) return output.show(`Dataset ${datasetId} rebuilt: the bytes are the same`);
  const reason = reasons.length === 0 ? 'the lake or the catalog changed' : reasons.join('; ');
  throw new AppError(
    `The rebuilt dataset ${datasetId} differs from ${id}: ${reason}. Different files: ${differing.join(', ')}.`,
    {
      code: 'DATASET_NOT_REPRODUCED',
      category: 'artifact',
      remedy: 'Compare the two datasets. Artifacts built from the first dataset are unchanged.',
      context: { datasetId, differing, reasons },
    },
  );
}

async function train(
  options: CommonOptions & { readonly export?: string; readonly import?: string },
  { output, ...watcher }: CommandContext,
): Promise<void> {
  const { home, export: exportTo, import: importFrom } = options;
  const pipeline = await openCheckedPipeline(options);
  if (exportTo === undefined && importFrom === undefined) {
    const { datasetId, modelId, reused } = await runStages('train', pipeline, watcher);
    output.show(`Model ${modelId}`);
    return output.document({ home, datasetId, modelId, reused });
  }
  if (exportTo !== undefined) {
    const { datasetId, reused } = await runStages('dataset', pipeline, watcher);
    await exportTraining(pipeline, datasetId, exportTo);
    output.show(
      `Training data in ${exportTo}. After the training, import the model with the same settings: ${facet} train --import ${exportTo} --home ${home}`,
    );
    return output.document({ home, datasetId, folder: exportTo, reused });
  }
  const { datasetId, modelId } = await importTraining(pipeline, importFrom!);
  output.show(`Model ${modelId}. Next: ${facet} index --model ${modelId} --home ${home}`);
  output.document({ home, datasetId, modelId, reused: [] });
}

async function evaluate(options: CommonOptions & { readonly model?: string }, context: CommandContext): Promise<void> {
  const { output, terminal } = context;
  const { datasetId, modelId, evaluation, reused } = await evaluateRunOrStored(options, context);
  output.show(`\n${renderEvaluation(evaluation, terminal)}`);
  output.document({ home: options.home, datasetId, modelId, evaluation, reused });
}

async function evaluateRunOrStored(
  options: CommonOptions & { readonly model?: string },
  watcher: CommandContext,
): Promise<Awaited<ReturnType<typeof showEvaluateStage>> & { readonly datasetId: string; readonly modelId: string }> {
  if (options.model === undefined) return runStages('evaluate', await openCheckedPipeline(options), watcher);
  const found = await findModel(options.home, options.model);
  return { ...found, ...(await showEvaluateStage(await openPipeline(options), found, watcher)) };
}

async function index(
  options: CommonOptions & { readonly promote: boolean; readonly model?: string },
  { output, ...watcher }: CommandContext,
): Promise<void> {
  const pipeline = await (options.model === undefined ? openCheckedPipeline : openPipeline)(options);
  const { datasetId, modelId, bundleId, reused } =
    options.model === undefined
      ? await runStages('index', pipeline, watcher)
      : await indexStoredModel(pipeline, await findModel(options.home, options.model), watcher);
  if (options.promote) await pipeline.store.promote({ kind: 'bundle', id: bundleId }, { by: 'facet index' });
  const next = options.promote
    ? `now current. Next: ${facet} serve --home ${options.home}`
    : `not current yet. Next: ${facet} promote ${bundleId} --home ${options.home}`;
  output.show(`Bundle ${bundleId}, ${next}`);
  output.document({ home: options.home, datasetId, modelId, bundleId, promoted: options.promote, reused });
}

/** Indexes a model. Evaluates it first if it has no metrics yet. */
async function indexStoredModel(
  pipeline: StageContext,
  { metrics, ...model }: Awaited<ReturnType<typeof findModel>>,
  watcher: Pick<CommandContext, 'progress' | 'signal'>,
): ReturnType<typeof showIndexStage> {
  if (metrics !== undefined) return showIndexStage(pipeline, { ...model, metrics }, watcher);
  const { evaluation } = await showEvaluateStage(pipeline, model, watcher);
  return showIndexStage(pipeline, { ...model, metrics: headlineMetrics(evaluation) }, watcher);
}
