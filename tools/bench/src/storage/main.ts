import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logProgress, readOptions } from '@facet/local-services';
import { syntheticVectors } from '@facet/retrieval';
import { Graph, Index, IndexFlatIP, setThreads } from 'faiss-node';
import { cachedGraph, onSphere } from './cached-graph.ts';
import { cpuAtRecall, measureCurve } from './measure-curve.ts';
import type { Curve, Search } from './measure-curve.ts';

const help = `Compare ways to store and search one HNSW graph at equal recall

  npm run bench -- storage [options]

Options:
  --items N             Number of items (default: 1000000)
  --neighbors LIST      Neighbors per node (default: 32)
  --ef-construction N   Breadth of the construction (default: 40)
  --faiss-storage LIST  Also measure Faiss graphs with this storage, such as SQ8,SQfp16, rescored with full vectors
  --requests N          Number of requests (default: 200)
  --efs LIST            Values of efSearch (default: 200,250,300,400,500)
  --json                Print the results as JSON
  --help                Print this help

The seeded vectors have 64 dimensions: 24 plus noise. A request is four queries with 200 items each, on one thread. Times are
processor time, the minimum of three passes. Graphs are cached in FACET_BENCH_CACHE (default: the folder for temporary
files). A graph of a million items takes minutes to build and 0.5 GB of disk.

Exit code: 0 when the measurement is complete.`;

const { values } = readOptions(help, {
  items: { type: 'string', default: '1000000' },
  neighbors: { type: 'string', default: '32' },
  'ef-construction': { type: 'string', default: '40' },
  'faiss-storage': { type: 'string', default: '' },
  requests: { type: 'string', default: '200' },
  efs: { type: 'string', default: '200,250,300,400,500' },
  json: { type: 'boolean', default: false },
});

const dim = 64;
const k = 200;
const queriesPerRequest = 4;
const recallWanted = 0.98;
const [items, efConstruction] = [Number(values.items), Number(values['ef-construction'])];
const efs = values.efs.split(',').map(Number);
const folder = join(process.env['FACET_BENCH_CACHE'] ?? tmpdir(), 'facet-bench-storage');

setThreads(1);
await mkdir(folder, { recursive: true });
logProgress(`${items.toLocaleString('en')} x ${dim}`);
const vectors = syntheticVectors(items, dim, 1);
const queries = syntheticVectors(Number(values.requests) * queriesPerRequest, dim, 2);
const flat = new IndexFlatIP(dim);
flat.add(vectors);
const truth = await exactLabels();
const wideQueries = onSphere(queries, dim, 0);

const curves: { readonly name: string; readonly curve: Curve }[] = [];
for (const neighbors of values.neighbors.split(',')) {
  const file = await graphFile(`HNSW${neighbors}`, 'Flat');
  const about = `M ${neighbors}`;
  for (const map of [false, true]) {
    const index = await Index.readAsync(file, { map });
    await measure(`${about}, Faiss${map ? ', mapped' : ''}`, faissSearch(index));
    index.dispose();
  }
  await measureFacetGraph(`${about}, Facet: vectors only, in insertion order`, file, { codes: false, order: false });
  await measureFacetGraph(`${about}, Facet: with codes`, file, { order: false });
  await measureFacetGraph(`${about}, Facet: reordered by a graph walk`, file, { codes: false });
  await measureFacetGraph(`${about}, Facet: codes and reordered (default)`, file, {});
}
for (const storage of values['faiss-storage'].split(',').filter((name) => name !== '')) {
  const neighbors = values.neighbors.split(',')[0]!;
  const index = await Index.readAsync(await graphFile(`HNSW${neighbors}`, storage));
  await measure(`M ${neighbors}, Faiss, ${storage}, rescored`, async (from, to, ef) => {
    const { labels } = await index.searchAsync(wideQueries.subarray(from * (dim + 1), to * (dim + 1)), ef, {
      efSearch: ef,
    });
    const found = new Int32Array((to - from) * k);
    for (let query = from; query < to; query++) {
      const candidates = labels.subarray((query - from) * ef, (query - from + 1) * ef).filter((label) => label >= 0);
      const rescored = await flat.scanAsync(queries.subarray(query * dim, (query + 1) * dim), k, candidates);
      found.set(rescored.labels, (query - from) * k);
    }
    return found;
  });
  index.dispose();
}
if (values.json) console.log(JSON.stringify({ items, dim, k, queriesPerRequest, curves }));
else console.log(render());

async function measureFacetGraph(
  name: string,
  file: string,
  options: { codes?: boolean; order?: boolean },
): Promise<void> {
  const converted = await (await Index.readAsync(file)).takeGraphAsync(dim, options);
  const path = join(folder, `facet-${process.pid}.graph`);
  await converted.writeAsync(path);
  converted.dispose();
  for (const map of [false, true]) {
    const graph = await Graph.openAsync(path, { map });
    const searchBatch: Search = async (from, to, efSearch) =>
      (await graph.searchAsync(queries.subarray(from * dim, to * dim), k, { efSearch })).labels;
    await measure(`${name}${map ? ', mapped' : ''}`, searchBatch);
    if (!map) {
      await measure(`${name}, one query per call`, async (from, to, efSearch) => {
        const found = new Int32Array((to - from) * k);
        for (let query = from; query < to; query++) {
          found.set(await searchBatch(query, query + 1, efSearch), (query - from) * k);
        }
        return found;
      });
    }
    graph.dispose();
  }
  await rm(path);
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

function graphFile(graph: string, storage: string): Promise<string> {
  return cachedGraph({ folder, graph, storage, efConstruction, vectors, dim });
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
