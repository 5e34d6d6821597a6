import { Graph, Index, MetricType, setThreads } from 'faiss-node';
import path from 'node:path';
import { randomVectors } from '../random-vectors.ts';
import { parseSanitizerOptions } from './options.ts';

/**
 * Replaces an index again and again while eight callers search it. Each replaced index is disposed of during their searches, as by a
 * swap of bundles. Arguments: the folder, the seconds, the seed.
 */
const { folder, seconds, seed } = parseSanitizerOptions();
const dim = 16;
const count = 2_000;
const queries = randomVectors(4, dim, seed + 1);
const labels = Int32Array.from({ length: 100 }, (_, at) => at * 7);
const end = Date.now() + seconds * 1_000;

setThreads(1);
const files = await Promise.all(['Flat', 'HNSW8', 'IVF10,Flat', 'graph'].map(writeIndex));
const done = { swaps: 0, searches: 0 };
let live = await open(0);
await Promise.all([swap(), ...Array.from({ length: 8 }, search)]);
live.dispose();
console.log(JSON.stringify(done));

async function writeIndex(factory: string, at: number): Promise<string> {
  const file = path.join(folder, `index-${at}`);
  const vectors = randomVectors(count, dim, seed + at);
  const index = Index.fromFactory(dim, factory === 'graph' ? 'HNSW8' : factory, MetricType.METRIC_L2);
  if (!index.isTrained()) index.train(vectors);
  index.add(vectors);
  if (factory === 'graph') await (await index.takeGraphAsync(dim)).writeAsync(file);
  else index.write(file);
  return file;
}

async function open(number: number): Promise<Index | Graph> {
  const file = files[number % files.length]!;
  const options = { map: number % 3 === 0 };
  return file.endsWith('3') ? Graph.openAsync(file, options) : Index.readAsync(file, options);
}

async function swap(): Promise<void> {
  while (Date.now() < end) {
    const replaced = live;
    live = await open(++done.swaps);
    replaced.dispose();
  }
}

async function search(): Promise<void> {
  while (Date.now() < end) {
    const found = await Promise.all([live.searchAsync(queries, 10), live.scanAsync(queries, 10, labels)]);
    if (found.some((result) => result.labels.some((label) => label < -1 || label >= count))) {
      throw new Error('wrong label');
    }
    done.searches++;
  }
}
