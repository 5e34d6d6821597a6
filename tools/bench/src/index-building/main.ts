// Benchmark of index building on a generated catalog, through the function that the index stage builds with.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { estimateIndexes } from '@facet/retrieval';
import type { IndexDemand } from '@facet/retrieval';
import type { KindMeasurement } from './kind-measurement.ts';

const help = `Builds and tunes an index of a generated catalog, as the index stage does, each kind in a process of its own.

  npm run bench -- index [--items 1000000] [--dim 64] [--recall-min 0.98] [--processor-time] [--json]

The vectors are seeded, of 24 dimensions plus noise; interests of the same space are the queries. Everything runs on one
thread. A request is four interests, 200 items each. What serves is chosen by index.kind auto; the other kinds follow.
First the same is estimated, as facet estimate does. With --processor-time all times are those that the process had a core,
for a machine that does other work as well; by the clock otherwise.`;

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000000' },
    dim: { type: 'string', default: '64' },
    'recall-min': { type: 'string', default: '0.98' },
    'processor-time': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const [items, dim, recallMin] = [Number(values.items), Number(values.dim), Number(values['recall-min'])];
const say = (text: string): void => void process.stderr.write(`${text}\n`);

say('estimate');
const estimate = await estimateIndexes({
  items,
  dim,
  interests: 4,
  recallMin,
  flatItemsMax: 0,
  onProgress: (_, step) => say(`  ${step}`),
});
const auto = await measure('auto');
const results = [auto];
for (const kind of ['flat', 'hnsw', 'ivf'] as const) {
  if (kind !== auto.choice.kind) results.push(await measure(kind));
}
if (values.json) console.log(JSON.stringify({ items, dim, recallMin, estimate, results }));
else {
  if (values['processor-time']) console.log('times are those of the processor');
  results.forEach((result, position) => console.log(render(result, position === 0)));
  console.log(renderEstimate());
}

/** Runs one kind in a process of its own. */
async function measure(kind: IndexDemand['kind']): Promise<KindMeasurement> {
  say(`${kind}, ${items.toLocaleString('en')} x ${dim}`);
  const script = fileURLToPath(new URL('measure-kind.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    [...process.execArgv, script, JSON.stringify([kind, items, dim, recallMin, values['processor-time']])],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (text) => (output += String(text)));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`measuring ${kind} ended with ${code}`);
  return JSON.parse(output) as KindMeasurement;
}

function render(result: KindMeasurement, isChosen: boolean): string {
  const { choice, seconds, vectorsMb, peakMemoryMb, bytes, latency } = result;
  const { kind, efSearch, nprobe, recall, recallAt, measured } = choice;
  const breadth = efSearch === undefined ? (nprobe === undefined ? '' : `nprobe ${nprobe}`) : `efSearch ${efSearch}`;
  const lines = [
    `${kind}${isChosen ? ' (chosen by auto)' : ''}`,
    ...(isChosen ? [`  reason         ${choice.reason}`] : []),
    `  build          ${(measured?.buildSeconds ?? seconds).toFixed(1)} s, with measuring and tuning ${seconds.toFixed(1)} s`,
    `  peak memory    ${peakMemoryMb} MB, of which ${vectorsMb} MB before it began (Node and the vectors)`,
    `  file           ${(bytes / 1e6).toFixed(0)} MB`,
    ...(measured === undefined ? [] : measured.curve).map(
      (point) =>
        `  ${kind === 'ivf' ? 'nprobe  ' : 'efSearch'} ${String(point.breadth).padStart(5)} recall@${recallAt} ${point.recall.toFixed(4)}, p50 ${ms(point.p50Ms)}, p99 ${ms(point.p99Ms)}`,
    ),
    `  served with    ${breadth === '' ? 'all items' : breadth}: held-out recall@${recallAt} ${recall?.toFixed(4)}, p50 ${ms(latency.p50Ms)}, p99 ${ms(latency.p99Ms)}`,
  ];
  return lines.join('\n');
}

/** What was estimated beforehand, and by what factor it is off. */
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
    `estimate, made in ${calibration.seconds.toFixed(1)} s: ${chosen} (${certainty}); in brackets by what is measured`,
    ...lines,
  ].join('\n');
}

function ratio(estimated: number, measured: number): string {
  return `x ${(estimated / measured).toFixed(2)}`;
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}
