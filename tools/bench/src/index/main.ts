import { enterPrivateNetwork, installMilvus, json, logProgress, option, readCommandLine } from '@facet/local-services';
import type { MilvusServer } from '@facet/local-services';
import { estimateIndexes } from '@facet/retrieval';
import type { IndexDemand } from '@facet/retrieval';
import { runInChild } from '../children.ts';
import type { KindMeasurement } from './measure-kind.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- index',
  summary: 'Build and tune an index of each kind on a generated catalog, as the index stage does',
  options: {
    items: option.number('Number of items', 1_000_000),
    milvus: option.flag('Fill Milvus Lite with the vectors and search it, too, unless the chosen index is flat'),
    'milvus-standalone': option.flag(
      'The same with Milvus standalone, in a private network; needs root or user namespaces',
    ),
    'processor-time': option.flag('Report processor time instead of wall time, for a busy machine'),
    json,
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
  flatItemsMax: 0,
  onProgress: (_, step) => logProgress(`  ${step}`),
});
const auto = await measure('auto', milvusServers);
const results = [auto];
for (const kind of ['flat', 'hnsw', 'ivf'] as const) {
  if (kind !== auto.choice.kind) results.push(await measure(kind));
}
if (values.json) console.log(JSON.stringify({ items, dim, recallMin, estimate, results }));
else {
  if (values['processor-time']) console.log('times are processor times');
  results.forEach((result, position) => console.log(render(result, position === 0)));
  console.log(renderEstimate());
}

/** Measures one kind in a separate process. */
async function measure(kind: IndexDemand['kind'], servers: readonly MilvusServer[] = []): Promise<KindMeasurement> {
  logProgress(`${kind}, ${items.toLocaleString('en')} x ${dim}`);
  const order = [kind, items, dim, recallMin, values['processor-time'], servers];
  return runInChild<KindMeasurement>(new URL('measure-kind.js', import.meta.url), order);
}

function render(result: KindMeasurement, isChosen: boolean): string {
  const { choice, seconds, vectorsMb, peakMemoryMb, bytes, latency, milvus } = result;
  const { kind, efSearch, nprobe, recall, recallAt, measured } = choice;
  const breadth = efSearch === undefined ? (nprobe === undefined ? '' : `nprobe ${nprobe}`) : `efSearch ${efSearch}`;
  const lines = [
    `${kind}${isChosen ? ' (chosen by auto)' : ''}`,
    ...(isChosen ? [`  reason         ${choice.reason}`] : []),
    `  build          ${(measured?.buildSeconds ?? seconds).toFixed(1)} s; with measurement and tuning ${seconds.toFixed(1)} s`,
    `  peak memory    ${peakMemoryMb} MB, of which ${vectorsMb} MB before the build (Node and the vectors)`,
    `  file           ${(bytes / 1e6).toFixed(0)} MB`,
    ...(measured === undefined ? [] : measured.curve).map(
      (point) =>
        `  ${kind === 'ivf' ? 'nprobe  ' : 'efSearch'} ${String(point.breadth).padStart(5)} recall@${recallAt} ${point.recall.toFixed(4)}, p50 ${ms(point.p50Ms)}, p99 ${ms(point.p99Ms)}`,
    ),
    `  search         ${breadth === '' ? 'all items' : breadth}: held-out recall@${recallAt} ${recall?.toFixed(4)}, p50 ${ms(latency.p50Ms)}, p99 ${ms(latency.p99Ms)}`,
    ...milvus.map(
      (found) =>
        `  Milvus ${found.server.padEnd(10)} filled in ${found.fillSeconds.toFixed(1)} s; recall@${recallAt} ${found.recall.toFixed(4)}, p50 ${ms(found.latency.p50Ms)}, p99 ${ms(found.latency.p99Ms)} (wall times)`,
    ),
  ];
  return lines.join('\n');
}

/** Renders the estimate and its ratio to the measurement. */
function renderEstimate(): string {
  const { chosen, certainty, calibration, kinds } = estimate;
  const lines = kinds.map(({ kind, buildSeconds, buildBytes, bytes, breadth, latency }) => {
    const found = results.find(({ choice }) => choice.kind === kind);
    if (found === undefined) return `  ${kind} was not measured`;
    const { choice, seconds, peakMemoryMb, vectorsMb, bytes: measuredBytes, latency: measured } = found;
    const measuredBreadth = choice.efSearch ?? choice.nprobe;
    const columns = [
      `build ${buildSeconds.toFixed(1)} s (${ratio(buildSeconds, choice.measured?.buildSeconds ?? seconds)})`,
      `memory ${(buildBytes / 1e6).toFixed(0)} MB (${ratio(buildBytes / 1e6, peakMemoryMb - vectorsMb)})`,
      `file ${(bytes / 1e6).toFixed(0)} MB (${ratio(bytes, measuredBytes)})`,
      ...(breadth === undefined || measuredBreadth === undefined
        ? []
        : [`breadth ${breadth} (${ratio(breadth, measuredBreadth)})`]),
      `p50 ${ms(latency.p50Ms)} (${ratio(latency.p50Ms, measured.p50Ms)})`,
      `p99 ${ms(latency.p99Ms)} (${ratio(latency.p99Ms, measured.p99Ms)})`,
    ];
    return `  ${kind.padEnd(5)} ${columns.join(', ')}`;
  });
  return [
    `estimate (took ${calibration.seconds.toFixed(1)} s): ${chosen} (${certainty}); ratios to the measurement in parentheses`,
    ...lines,
  ].join('\n');
}

function ratio(estimated: number, measured: number): string {
  return `x ${(estimated / measured).toFixed(2)}`;
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}
