import { rebuildDataset } from '@facet/pipeline';
import type { DatasetInfo, StageContext } from '@facet/pipeline';
import { AppError } from '@facet/platform';
import { findArtifact } from '../bundles/find-artifact.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openPipeline } from '../pipeline-context.ts';
import { runDataset, runEvaluate, runIndex, runTrain } from '../run-stages.ts';
import { renderEvaluation } from '../terminal/tables.ts';
import { countOf, formatCount } from '../terminal/text.ts';
import { facet } from '../invocation.ts';

/** `facet dataset`: events of a home to a dataset; with `--like`, by the manifest of an earlier one. */
export async function datasetCommand(
  options: CommonOptions & { readonly like?: string | undefined },
  { output, ...watcher }: CommandContext,
): Promise<void> {
  const pipeline = await openPipeline(options);
  if (options.like !== undefined) return rebuildCommand(pipeline, { ...options, like: options.like }, output);
  const { datasetId, dataset, reused } = await runDataset(pipeline, watcher);
  output.show([`Dataset ${datasetId}`, ...describeDropped(dataset)].join('\n'));
  output.document({ home: options.home, datasetId, dataset, reused });
}

/** @throws AppError `DATASET_NOT_REPRODUCED` when other bytes come out, with the reasons. */
async function rebuildCommand(
  pipeline: StageContext,
  { home, like }: CommonOptions & { readonly like: string },
  output: CommandContext['output'],
): Promise<void> {
  const { id } = await findArtifact(pipeline.store, like, { kinds: ['dataset'], home });
  const { datasetId, isSame, differing, reasons } = await rebuildDataset(pipeline, id);
  output.document({ home, like: id, datasetId, isSame, differing, reasons });
  if (isSame) return output.show(`Dataset ${datasetId}, built again: the same bytes`);
  const why = reasons.length === 0 ? 'lake or catalog have changed in a way that is not known' : reasons.join('; ');
  throw new AppError(`Built again, dataset ${id} is ${datasetId}: ${why}. ${differing.join(', ')} differ.`, {
    code: 'DATASET_NOT_REPRODUCED',
    category: 'artifact',
    remedy: 'Both are there to be compared. Nothing that was made of the first is touched.',
    context: { datasetId, differing, reasons },
  });
}

const droppedNames: Readonly<Record<string, string>> = {
  duplicateEvent: 'sent again',
  notPositive: 'not positive',
  bot: 'of bots',
  sameMoment: 'of an item at the same moment',
  repeat: 'of an item chosen before',
  rareItem: 'of rare items',
};

/** What the rules left out of the dataset, if anything. */
function describeDropped({ counts, dropped }: DatasetInfo): string[] {
  const parts = Object.entries(dropped).flatMap(([rule, count]) =>
    count === 0 ? [] : [`${formatCount(count)} ${droppedNames[rule] ?? rule}`],
  );
  const bots = counts['bots'] ?? 0;
  return parts.length === 0 ? [] : [`Left out: ${parts.join(', ')}${bots === 0 ? '' : ` (${countOf(bots, 'bot')})`}.`];
}

/** `facet train`: dataset to model. */
export async function trainCommand(options: CommonOptions, { output, ...watcher }: CommandContext): Promise<void> {
  const { datasetId, modelId, reused } = await runTrain(await openPipeline(options), watcher);
  output.show(`Model ${modelId}`);
  output.document({ home: options.home, datasetId, modelId, reused });
}

/** `facet evaluate`: the model beside the baselines on the test window. */
export async function evaluateCommand(options: CommonOptions, context: CommandContext): Promise<void> {
  const { output, terminal } = context;
  const { datasetId, modelId, evaluation, reused } = await runEvaluate(await openPipeline(options), context);
  output.show(`\n${renderEvaluation(evaluation, terminal)}`);
  output.document({ home: options.home, datasetId, modelId, evaluation, reused });
}

/** `facet index`: the bundle that an API serves, and `current` pointing at it. */
export async function indexCommand(
  options: CommonOptions & { readonly promote: boolean },
  { output, ...watcher }: CommandContext,
): Promise<void> {
  const pipeline = await openPipeline(options);
  const { datasetId, modelId, bundleId, reused } = await runIndex(pipeline, watcher);
  if (options.promote) await pipeline.store.promote({ kind: 'bundle', id: bundleId }, { by: 'facet index' });
  const next = options.promote
    ? `now current. Next: ${facet} serve --home ${options.home}`
    : `not current yet. Next: ${facet} promote ${bundleId} --home ${options.home}`;
  output.show(`Bundle ${bundleId}, ${next}`);
  output.document({ home: options.home, datasetId, modelId, bundleId, promoted: options.promote, reused });
}
