import { readBundleInfo } from '@facet/bundles';
import { gateStage } from '@facet/pipeline';
import { AppError } from '@facet/platform';
import { findArtifact } from '../bundles/find-artifact.ts';
import { renderGate } from '../bundles/render-gate.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { facet } from '../invocation.ts';
import { openPipeline } from '../pipeline-context.ts';
import { shortId } from '../terminal/text.ts';

/** `facet gate [ID]`: a bundle, or the newest, against the current one on the newest window of the bundle's dataset. */
export async function gateCommand(
  wanted: string | undefined,
  options: CommonOptions,
  { output, terminal, progress, signal }: CommandContext,
): Promise<void> {
  const { home } = options;
  const pipeline = await openPipeline(options);
  const { store } = pipeline;
  const ref =
    wanted === undefined
      ? (await store.list('bundle'))[0]?.ref
      : await findArtifact(store, wanted, { kinds: ['bundle'], home });
  if (ref === undefined) {
    throw new AppError(`There are no bundles in ${home}.`, {
      code: 'ARTIFACT_NOT_FOUND',
      category: 'artifact-missing',
      remedy: `Make one with: ${facet} index --no-promote --home ${home}.`,
    });
  }
  const { datasetId } = await readBundleInfo(store, ref);
  const incumbentId = (await store.readRef('current'))?.id;
  const stage = progress.stage('gate', 'loading the bundles');
  const { output: report, reused } = await gateStage(
    pipeline,
    { datasetId, bundleId: ref.id, incumbentId },
    { signal, onStep: (what, done, total) => stage.update(done / total, what) },
  ).catch((error: unknown) => {
    stage.failed();
    throw error;
  });
  stage.done(`${report.verdict === 'pass' ? 'passed' : 'rejected'}, ${report.checks.length} checks`, { reused });
  output.show(`\n${renderGate(report, terminal)}`);
  output.document({ home, ...report, reused });
  if (report.verdict === 'pass') return;
  throw new AppError(`The gate rejects bundle ${shortId(ref.id)}.`, {
    code: 'GATE_REJECTED',
    category: 'rejected',
    remedy: `It is kept. Promote it all the same with: ${facet} promote ${shortId(ref.id)} --home ${home} --because "REASON".`,
  });
}
