/* The entry of the process that `run-job.ts` starts. It loads no TensorFlow. */
import { ifUsable, openArtifactStore } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { serveOrder } from '@facet/platform';
import { openDataset } from '@facet/stages';
import { saveGateReport } from '../gate-report.ts';
import type { GateReport } from '../gate-report.ts';
import { runGate } from '../run-gate.ts';
import { compareSample, noDataset } from './compare-sample.ts';
import type { JobTask, SampleComparison } from './run-job.ts';

serveOrder<JobTask, SampleComparison | GateReport, number>(async (task, onShareDone) => {
  if (task.kind === 'compare') return compareSample({ ...task, onProgress: onShareDone });
  const { bundleId, incumbentId, settings } = task;
  const store = openArtifactStore(task.artifactsFolder);
  const { datasetId } = await readBundleInfo(store, { kind: 'bundle', id: bundleId });
  const dataset = await ifUsable(() => openDataset(store, datasetId));
  if (dataset === undefined) throw noDataset();
  const report = await runGate({
    store,
    dataset,
    bundleId,
    incumbentId,
    settings,
    onProgress: ({ share }) => onShareDone(share),
  });
  // A comparison of a bundle with itself must not replace the report about its promotion.
  if (incumbentId !== bundleId) await saveGateReport(task.gatesFolder, report);
  return report;
});
