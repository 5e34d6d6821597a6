import { enterPrivateNetwork, installMilvus, logProgress, option } from '@facet/local-services';
import type { MilvusServer } from '@facet/local-services';
import { estimateIndexes } from '@facet/retrieval';
import type { IndexDemand } from '@facet/retrieval';
import { startBench } from '../bench.ts';
import { runInChild } from '../children.ts';
import { measureKind } from './measure-kind.ts';

const { values, report } = startBench({
  options: {
    items: option.number('Number of items', 1_000_000),
    milvus: option.flag('Fill Milvus Lite with the vectors and search it, too, unless the chosen index is flat'),
    'milvus-standalone': option.flag(
      'The same with Milvus standalone, in a private network; needs root or user namespaces',
    ),
    'processor-time': option.flag('Report processor time instead of wall time, for a busy machine'),
  },
  notes: `Each kind runs in a separate single-threaded process. The seeded vectors have 24 dimensions plus noise. A request is four
interests with 200 items each. The kind that "auto" selects comes first. The output also compares the estimate of
"facet estimate" with the measurement.

Exit code: 0 when the measurement is complete.`,
});

const { items } = values;
const dim = 64;
const recallMin = 0.98;
const milvusServers: MilvusServer[] = [];
if (values.milvus) milvusServers.push('lite');
if (values['milvus-standalone']) milvusServers.push('standalone');
// The private network has no way to the package registry.
for (const server of milvusServers) await installMilvus(server);
if (values['milvus-standalone']) enterPrivateNetwork();

logProgress('estimate');
const estimate = await estimateIndexes({
  items,
  dim,
  interests: 4,
  recallMin,
  onProgress: (_, step) => logProgress(`  ${step}`),
});
const auto = await measure('auto', milvusServers);
const results = [auto];
for (const kind of ['flat', 'hnsw', 'ivf'] as const) {
  if (kind !== auto.kind) results.push(await measure(kind));
}
report({
  items,
  dim,
  recallMin,
  chosen: auto.kind,
  estimate: { seconds: estimate.calibration.seconds, chosen: estimate.chosen, certainty: estimate.certainty },
  indexes: results.flatMap(({ milvus, ...index }) => [index, ...milvus]),
  // Estimates divided by measurements.
  estimates: results.flatMap(({ kind, breadth, buildSeconds, buildMb, fileMb, latency }) => {
    const guess = estimate.kinds.find((each) => each.kind === kind);
    if (guess === undefined) return [];
    return {
      kind,
      breadth: guess.breadth === undefined || breadth === undefined ? undefined : guess.breadth / breadth,
      buildSeconds: guess.buildSeconds / buildSeconds,
      buildMb: guess.buildBytes / 1e6 / buildMb,
      fileMb: guess.bytes / 1e6 / fileMb,
      p50Ms: guess.latency.p50Ms / latency.p50Ms,
      p99Ms: guess.latency.p99Ms / latency.p99Ms,
    };
  }),
});

/** Measures one kind in a separate single-threaded process. */
function measure(kind: IndexDemand['kind'], servers: readonly MilvusServer[] = []) {
  logProgress(`${kind}, ${items.toLocaleString('en')} x ${dim}`);
  const demand = { kind, itemCount: items, dim, recallMin, isProcessorTime: values['processor-time'], servers };
  return runInChild(new URL('measure-kind.js', import.meta.url), measureKind, demand);
}
