import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json, logProgress, option, readCommandLine } from '@facet/local-services';
import { syntheticVectors } from '@facet/retrieval';
import { Graph, Index, IndexFlatIP, setThreads } from 'faiss-node';
import { cachedGraph, onSphere } from './cached-graph.ts';
import { cpuAtRecall, measureCurve } from './measure-curve.ts';
import type { Curve, Search } from './measure-curve.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- storage',
  summary: 'Compare ways to store and search one HNSW graph at equal recall',
  options: {
    items: option.number('Number of items', 1_000_000),
    neighbors: option.numbers('Neighbors per node', [32]),
    requests: option.number('Number of requests', 200),
    efs: option.numbers('Values of efSearch', [200, 250, 300, 400, 500]),
    json,
  },
  notes: `The seeded vectors have 64 dimensions: 24 plus noise. A request is four queries with 200 items each, on one thread. Times are
processor time, the minimum of three passes. Graphs are cached in FACET_BENCH_CACHE (default: the folder for temporary
files). A graph of a million items takes minutes to build and 0.5 GB of disk.

Exit code: 0 when the measurement is complete.`,
});

const dim = 64;
const k = 200;
const queriesPerRequest = 4;
const recallWanted = 0.98;
const { items, efs } = values;
const folder = join(process.env['FACET_BENCH_CACHE'] ?? tmpdir(), 'facet-bench-storage');

setThreads(1);
await mkdir(folder, { recursive: true });
logProgress(`${items.toLocaleString('en')} x ${dim}`);
const vectors = syntheticVectors(items, dim, 1);
const queries = syntheticVectors(values.requests * queriesPerRequest, dim, 2);
const flat = new IndexFlatIP(dim);
flat.add(vectors);
const truth = await exactLabels();
const wideQueries = onSphere(queries, dim, 0);

const curves: { readonly name: string; readonly curve: Curve }[] = [];
for (const neighbors of values.neighbors) {
  const file = await cachedGraph({ folder, neighbors, vectors, dim });
  const about = `M ${neighbors}`;
  for (const map of [false, true]) {
    const index = await Index.readAsync(file, { map });
    await measure(`${about}, Faiss${map ? ', mapped' : ''}`, faissSearch(index));
    index.dispose();
  }
  const plain = await convert(file, { codes: false, order: false });
  await measureGraph(`${about}, Facet: vectors only`, plain);
  const withCodes = await convert(file, { order: false });
  await measureGraph(`${about}, Facet: with codes`, withCodes);
  const standard = await convert(file, {});
  await measureGraph(`${about}, Facet: codes and reordered by a graph walk (default)`, standard);
  await measureGraph(`${about}, Facet: default, mapped`, standard, { map: true });
  await measureGraph(`${about}, Facet: default, one query per call`, standard, { queriesPerCall: 1 });
  await Promise.all([plain, withCodes, standard].map((path) => rm(path)));
}
if (values.json) console.log(JSON.stringify({ items, dim, k, queriesPerRequest, curves }));
else console.log(render());

/** Writes a graph of Facet. Returns its file. */
async function convert(file: string, options: { codes?: boolean; order?: boolean }): Promise<string> {
  const converted = await (await Index.readAsync(file)).takeGraphAsync(dim, options);
  const path = join(folder, `facet-${process.pid}-${Object.keys(options).join('-')}.graph`);
  await converted.writeAsync(path);
  converted.dispose();
  return path;
}

async function measureGraph(
  name: string,
  path: string,
  { map = false, queriesPerCall = queriesPerRequest }: { map?: boolean; queriesPerCall?: number } = {},
): Promise<void> {
  const graph = await Graph.openAsync(path, { map });
  await measure(name, async (from, to, efSearch) => {
    const found = new Int32Array((to - from) * k);
    for (let query = from; query < to; query += queriesPerCall) {
      const batch = queries.subarray(query * dim, (query + queriesPerCall) * dim);
      found.set((await graph.searchAsync(batch, k, { efSearch })).labels, (query - from) * k);
    }
    return found;
  });
  graph.dispose();
}

function faissSearch(index: Index): Search {
  return async (from, to, efSearch) =>
    (await index.searchAsync(wideQueries.subarray(from * (dim + 1), to * (dim + 1)), k, { efSearch })).labels;
}

async function measure(name: string, search: Search): Promise<void> {
  const curve = await measureCurve(search, { efs, truth, k, queriesPerRequest });
  curves.push({ name, curve });
  logProgress(`  ${name}: ${describe(curve)}`);
}

function describe(curve: Curve): string {
  const points = curve.map(({ ef, recall, cpuMs }) => `${ef}: ${recall.toFixed(4)} ${cpuMs.toFixed(2)} ms`);
  return points.join(' · ');
}

function render(): string {
  const width = Math.max(...curves.map(({ name }) => name.length));
  const lines = curves.map(({ name, curve }) => {
    const atRecall = cpuAtRecall(curve, recallWanted);
    return `${name.padEnd(width)}  ${atRecall === undefined ? '     –' : `${atRecall.toFixed(2)} ms`}  ${describe(curve)}`;
  });
  const title = `${''.padEnd(width)}  at ${recallWanted}   efSearch: recall@${k}, processor time of ${queriesPerRequest} queries`;
  return [title, ...lines].join('\n');
}

/** Returns `[Q, k]` labels of an exact scan, from the cache after the first call. */
async function exactLabels(): Promise<Int32Array> {
  const path = join(folder, `truth-${items}-${queries.length / dim}.i32`);
  const cached = await readFile(path).catch(() => undefined);
  if (cached !== undefined) {
    return new Int32Array(cached.buffer.slice(cached.byteOffset, cached.byteOffset + cached.byteLength));
  }
  const { labels } = await flat.searchAsync(queries, k);
  await writeFile(path, new Uint8Array(labels.buffer));
  return labels;
}
