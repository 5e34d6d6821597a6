/* The entry of the process that `run-job.ts` starts. It loads no TensorFlow. */
import { createFolderArtifactStore } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { isAppError } from '@facet/platform';
import { saveGateReport } from '../gate/gate-report.ts';
import type { GateReport } from '../gate/gate-report.ts';
import { runGate } from '../gate/run-gate.ts';
import { compareSample, noDataset, openIfPossible } from './compare-sample.ts';
import type { SampleComparison } from './compare-sample.ts';
import { toSentProblem } from './run-job.ts';
import type { JobMessage, JobTask } from './run-job.ts';

process.once('disconnect', () => process.exit());

const send = (message: JobMessage): void => void process.send!(message);
const onProgress = (done: number, total: number): void => send({ type: 'progress', share: done / total });

async function run(task: JobTask): Promise<SampleComparison | GateReport> {
  if (task.kind === 'compare') return compareSample({ ...task, onProgress });
  const { bundleId, incumbentId, settings, tieSeed } = task;
  const store = createFolderArtifactStore(task.artifactsFolder);
  const { datasetId } = await readBundleInfo(store, { kind: 'bundle', id: bundleId });
  const dataset = await openIfPossible(store, datasetId);
  if (dataset === undefined) throw noDataset();
  const watch = { onStep: (_: string, done: number, total: number) => onProgress(done, total) };
  const report = await runGate({ store, dataset, bundleId, incumbentId, settings, tieSeed, watch });
  // A comparison of a bundle with itself must not replace the report about its promotion.
  if (incumbentId !== bundleId) await saveGateReport(task.gatesFolder, report);
  return report;
}

process.once('message', (task: JobTask) => {
  run(task).then(
    (result) => send({ type: 'result', result }),
    (error: unknown) => {
      if (!isAppError(error)) throw error;
      send({ type: 'problem', problem: toSentProblem(error) });
    },
  );
});
