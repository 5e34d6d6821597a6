import type { DatasetInfo } from '@facet/pipeline';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openPipeline } from '../pipeline-context.ts';
import { runDataset, runEvaluate, runIndex, runTrain } from '../run-stages.ts';
import { renderEvaluation } from '../terminal/tables.ts';
import { countOf, formatCount } from '../terminal/text.ts';
import { facet } from '../invocation.ts';

/** `facet dataset`: events of a home to a dataset. */
export async function datasetCommand(options: CommonOptions, { output, ...watcher }: CommandContext): Promise<void> {
  const { datasetId, dataset, reused } = await runDataset(await openPipeline(options), watcher);
  output.show([`Dataset ${datasetId}`, ...describeDropped(dataset)].join('\n'));
  output.document({ home: options.home, datasetId, dataset, reused });
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
