/* The entry of the thread that `compare-thread.ts` starts. It loads no TensorFlow. */
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { createFolderArtifactStore } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { isAppError } from '@facet/platform';
import { saveGateReport } from '../gate/gate-report.ts';
import type { GateReport } from '../gate/gate-report.ts';
import { runGate } from '../gate/run-gate.ts';
import { compareSample, noDataset, openIfPossible } from './compare-sample.ts';
import type { SampleComparison } from './compare-sample.ts';
import type { ThreadMessage, ThreadTask } from './compare-thread.ts';

// On Linux, the priority applies to this thread only, so requests go first.
if (process.platform === 'linux') setPriority(0, Math.max(10, getPriority(0)));

const send = (message: ThreadMessage): void => parentPort!.postMessage(message);
const onProgress = (done: number, total: number): void => send({ type: 'progress', share: done / total });

async function run(task: ThreadTask): Promise<SampleComparison | GateReport> {
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

try {
  send({ type: 'result', result: await run(workerData as ThreadTask) });
} catch (error) {
  if (!isAppError(error)) throw error;
  const { code, category, remedy } = error;
  send({ type: 'problem', problem: { message: error.message, code, category, remedy } });
}
