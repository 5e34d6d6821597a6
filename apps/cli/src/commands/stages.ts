import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openPipeline } from '../pipeline-context.ts';
import { runDataset, runEvaluate, runIndex, runTrain } from '../run-stages.ts';
import { renderEvaluation } from '../terminal/tables.ts';
import { facet } from '../invocation.ts';

/** `facet dataset`: events of a home to a dataset. */
export async function datasetCommand(options: CommonOptions, { output, ...watcher }: CommandContext): Promise<void> {
  const { datasetId, dataset, reused } = await runDataset(await openPipeline(options), watcher);
  output.show(`Dataset ${datasetId}`);
  output.document({ home: options.home, datasetId, dataset, reused });
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
  if (options.promote) await pipeline.store.promote({ kind: 'bundle', id: bundleId });
  const next = options.promote
    ? `now current. Next: ${facet} serve --home ${options.home}`
    : `not current yet. Next: ${facet} promote ${bundleId} --home ${options.home}`;
  output.show(`Bundle ${bundleId}, ${next}`);
  output.document({ home: options.home, datasetId, modelId, bundleId, promoted: options.promote, reused });
}
