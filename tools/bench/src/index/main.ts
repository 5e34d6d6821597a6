import { enterPrivateNetwork, installMilvus, json, logProgress, option, readCommandLine } from '@facet/local-services';
import type { MilvusServer } from '@facet/local-services';
import { estimateIndexes } from '@facet/retrieval';
import type { IndexDemand, Latency } from '@facet/retrieval';
import { alignColumns } from '@facet/platform';
import { runInChild } from '../children.ts';
import { ms } from '../figures.ts';
import type { KindMeasurement } from './measure-kind.ts';

const { values } = readCommandLine({
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
  onProgress: (_, step) => logProgress(`  ${step}`),
});
const auto = await measure('auto', milvusServers);
const results = [auto];
for (const kind of ['flat', 'hnsw', 'ivf'] as const) {
  if (kind !== auto.choice.kind) results.push(await measure(kind));
}
if (values.json) console.log(JSON.stringify({ items, dim, recallMin, estimate, results }));
else console.log(render());

/** Measures one kind in a separate process. */
async function measure(kind: IndexDemand['kind'], servers: readonly MilvusServer[] = []): Promise<KindMeasurement> {
  logProgress(`${kind}, ${items.toLocaleString('en')} x ${dim}`);
  const order = [kind, items, dim, recallMin, values['processor-time'], servers];
  return runInChild<KindMeasurement>(new URL('measure-kind.js', import.meta.url), order);
}

/** Returns a table with the measurement of each kind, its estimate and the ratio of the two. Milvus has wall times. */
function render(): string {
  const rows = results.flatMap(({ choice, seconds, vectorsMb, peakMemoryMb, bytes, latency, milvus }) => {
    const { kind, efSearch, nprobe, recall, measured } = choice;
    const buildSeconds = measured?.buildSeconds ?? seconds;
    const buildMb = peakMemoryMb - vectorsMb;
    const breadth = efSearch ?? nprobe;
    const times = ({ p50Ms, p99Ms }: Latency): string[] => [ms(p50Ms), ms(p99Ms)];
    const size = [`${buildMb} MB`, `${(bytes / 1e6).toFixed(0)} MB`];
    const found = [String(breadth ?? 'all'), recall?.toFixed(4) ?? '', ...times(latency)];
    const guess = estimate.kinds.find((each) => each.kind === kind);
    return [
      [kind, `${buildSeconds.toFixed(1)} s`, ...size, ...found],
      ...milvus.map((each) => [
        `  Milvus ${each.server}`,
        `${each.fillSeconds.toFixed(1)} s`,
        ...['', '', String(breadth), each.recall.toFixed(4), ...times(each.latency)],
      ]),
      ...(guess === undefined
        ? []
        : [
            [
              '  estimate / measurement',
              ratio(guess.buildSeconds, buildSeconds),
              ratio(guess.buildBytes / 1e6, buildMb),
              ratio(guess.bytes, bytes),
              ratio(guess.breadth, breadth),
              '',
              ratio(guess.latency.p50Ms, latency.p50Ms),
              ratio(guess.latency.p99Ms, latency.p99Ms),
            ],
          ]),
    ];
  });
  const head = ['index', 'build', 'memory', 'file', 'breadth', `recall@${auto.choice.recallAt}`, 'p50', 'p99'];
  return [
    `chosen: ${auto.choice.kind}, because ${auto.choice.reason}`,
    `estimate (took ${estimate.calibration.seconds.toFixed(1)} s): ${estimate.chosen} (${estimate.certainty})`,
    ...(values['processor-time'] ? ['times are processor times'] : []),
    ...alignColumns([head, ...rows], { right: [1, 2, 3, 4, 5, 6, 7] }),
  ].join('\n');
}

function ratio(estimated: number | undefined, measured: number | undefined): string {
  return estimated === undefined || measured === undefined ? '' : (estimated / measured).toFixed(2);
}
