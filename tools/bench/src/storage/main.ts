// Benchmark of how a graph is stored and searched: Faiss's own way beside ours, and ours without each of its parts.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { syntheticVectors } from '@facet/retrieval';
import { Graph, Index, IndexFlatIP, setThreads } from 'faiss-node';
import { keptGraph } from './kept-graph.ts';
import { cpuAtRecall, measureCurve } from './measure-curve.ts';
import type { Curve, Search } from './measure-curve.ts';
import { onSphere } from './on-sphere.ts';

const help = `Compares ways to store and to search the same graph (HNSW) of a generated catalog, at equal recall.

  npm run bench -- storage [--items 1000000] [--neighbors 32] [--ef-construction 40] [--faiss-storage SQ8,SQfp16]
                           [--requests 200] [--efs 200,250,300,400,500] [--json]

The vectors are seeded, of 24 dimensions plus noise, 64 wide. A request is four queries of the same space, 200 items each, on one
thread. Times are those that the process had a core, the least of three passes. Built graphs are kept in
FACET_BENCH_CACHE, else in the folder of temporary files; at a million items one takes minutes and 0.5 GB.
With --faiss-storage graphs of Faiss over vectors of that storage are measured, too, scored again by whole vectors.`;

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000000' },
    neighbors: { type: 'string', default: '32' },
    'ef-construction': { type: 'string', default: '40' },
    'faiss-storage': { type: 'string', default: '' },
    requests: { type: 'string', default: '200' },
    efs: { type: 'string', default: '200,250,300,400,500' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const dim = 64;
const k = 200;
const queriesPerRequest = 4;
const recallWanted = 0.98;
const [items, efConstruction] = [Number(values.items), Number(values['ef-construction'])];
const efs = values.efs.split(',').map(Number);
const folder = join(process.env['FACET_BENCH_CACHE'] ?? tmpdir(), 'facet-bench-storage');
const say = (text: string): void => void process.stderr.write(`${text}\n`);

setThreads(1);
await mkdir(folder, { recursive: true });
say(`${items.toLocaleString('en')} x ${dim}`);
const vectors = syntheticVectors(items, dim, 1);
const queries = syntheticVectors(Number(values.requests) * queriesPerRequest, dim, 2);
const flat = new IndexFlatIP(dim);
flat.add(vectors);
const truth = await exactAnswers();
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
  await measureTaken(`${about}, ours: vectors only, as added`, file, { codes: false, order: false });
  await measureTaken(`${about}, ours: with codes`, file, { order: false });
  await measureTaken(`${about}, ours: in the order of a walk`, file, { codes: false });
  await measureTaken(`${about}, ours: both (what is built)`, file, {});
}
for (const storage of values['faiss-storage'].split(',').filter((name) => name !== '')) {
  const neighbors = values.neighbors.split(',')[0]!;
  const index = await Index.readAsync(await graphFile(`HNSW${neighbors}`, storage));
  await measure(`M ${neighbors}, Faiss, ${storage}, scored again`, async (from, to, ef) => {
    const { labels } = await index.searchAsync(wideQueries.subarray(from * (dim + 1), to * (dim + 1)), ef, {
      efSearch: ef,
    });
    const found = new Int32Array((to - from) * k);
    for (let query = from; query < to; query++) {
      const candidates = labels.subarray((query - from) * ef, (query - from + 1) * ef).filter((label) => label >= 0);
      const again = await flat.scanAsync(queries.subarray(query * dim, (query + 1) * dim), k, candidates);
      found.set(again.labels, (query - from) * k);
    }
    return found;
  });
  index.dispose();
}
if (values.json) console.log(JSON.stringify({ items, dim, k, queriesPerRequest, curves }));
else console.log(render());

async function measureTaken(name: string, file: string, options: { codes?: boolean; order?: boolean }): Promise<void> {
  const taken = await (await Index.readAsync(file)).takeGraphAsync(dim, options);
  const path = join(folder, `taken-${process.pid}.graph`);
  await taken.writeAsync(path);
  taken.dispose();
  for (const map of [false, true]) {
    const graph = await Graph.openAsync(path, { map });
    const together: Search = async (from, to, efSearch) =>
      (await graph.searchAsync(queries.subarray(from * dim, to * dim), k, { efSearch })).labels;
    await measure(`${name}${map ? ', mapped' : ''}`, together);
    if (!map) {
      await measure(`${name}, one query a call`, async (from, to, efSearch) => {
        const found = new Int32Array((to - from) * k);
        for (let query = from; query < to; query++) {
          found.set(await together(query, query + 1, efSearch), (query - from) * k);
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
  say(`  ${name}: ${describe(curve)}`);
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
  return keptGraph({ folder, graph, storage, efConstruction, vectors, dim, say });
}

/** `[Q, k]` labels of a scan; kept. */
async function exactAnswers(): Promise<Int32Array> {
  const path = join(folder, `truth-${items}-${queries.length / dim}.i32`);
  const kept = await readFile(path).catch(() => undefined);
  if (kept !== undefined) return new Int32Array(kept.buffer.slice(kept.byteOffset, kept.byteOffset + kept.byteLength));
  const { labels } = await flat.searchAsync(queries, k);
  await writeFile(path, new Uint8Array(labels.buffer));
  return labels;
}
