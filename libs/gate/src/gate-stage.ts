import type { StageResult } from '@facet/runs';
import { openDataset, runCachedStage, stageVersions } from '@facet/stages';
import type { StageContext, StageWatch } from '@facet/stages';
import { saveGateReport } from './gate-report.ts';
import type { GateReport } from './gate-report.ts';
import { runGate } from './run-gate.ts';

/**
 * Compares a bundle with the incumbent on the newest window, and returns the gate report. Promotes nothing. Stores the report under the
 * id of the bundle and as the output for these inputs, so a retried stage returns the stored verdict and does not measure times again.
 *
 * @throws AppError as `loadBundle` for the candidate, and as `openDataset`.
 */
export async function gateStage(
  { home, config, store }: StageContext,
  ids: { readonly datasetId: string; readonly bundleId: string; readonly incumbentId?: string | undefined },
  watch: StageWatch = {},
): Promise<StageResult<GateReport>> {
  const { datasetId, bundleId, incumbentId } = ids;
  const result = await runCachedStage({
    folder: home.stagesFolder,
    name: 'gate',
    inputs: { version: stageVersions.gate, datasetId, bundleId, incumbentId: incumbentId ?? null, gate: config.gate },
    isUsable: async (report) => report.formatVersion === 1,
    run: async () => {
      const dataset = await openDataset(store, datasetId);
      return runGate({ store, dataset, bundleId, incumbentId, settings: config.gate, ...watch });
    },
  });
  // A comparison of a bundle with itself must not replace the report about its promotion.
  if (incumbentId !== bundleId) await saveGateReport(home.gatesFolder, result.output);
  return result;
}
