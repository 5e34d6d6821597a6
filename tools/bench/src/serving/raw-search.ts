// The bare index in a process of its own: the queries of one user after the other, on one thread, by Faiss as it is patched.
import { readFile } from 'node:fs/promises';
import { Index, setThreads } from 'faiss-node';
import { describeLatencies } from '../load/latencies.ts';
import type { Latencies } from '../load/latencies.ts';

export interface RawSearchTask {
  readonly indexFile: string;
  /** [users * queriesPerUser, D], little-endian floats. */
  readonly interestsFile: string;
  readonly queriesPerUser: number;
  readonly dim: number;
  readonly k: number;
  readonly efSearch?: number;
  readonly seconds: number;
}

export interface RawSearchResult {
  /** User and system time of this process for one user. */
  readonly cpuMs: number;
  readonly latency: Latencies;
}

const task = JSON.parse(process.argv[2]!) as RawSearchTask;
const { queriesPerUser, dim, k, efSearch } = task;
setThreads(1);
const index = Index.read(task.indexFile);
const requests = await readRequests();
const parameters = efSearch === undefined ? {} : { efSearch: Math.max(efSearch, k) };

process.once('message', () => {
  measure(1);
  const result = measure(task.seconds);
  process.send?.(result, () => process.disconnect());
});
process.send?.('ready');

function measure(seconds: number): RawSearchResult {
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  const before = process.cpuUsage();
  for (let request = 0; performance.now() < until; request++) {
    const start = performance.now();
    index.search(requests[request % requests.length]!, k, parameters);
    times.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000 / times.length, latency: describeLatencies(Float64Array.from(times)) };
}

/** As wide as the index stores vectors: a graph has one value more, which is 0 in queries. */
async function readRequests(): Promise<Float32Array[]> {
  const bytes = await readFile(task.interestsFile);
  const interests = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const width = index.getDimension();
  return Array.from({ length: interests.length / dim / queriesPerUser }, (_, user) => {
    const queries = new Float32Array(queriesPerUser * width);
    for (let query = 0; query < queriesPerUser; query++) {
      const from = (user * queriesPerUser + query) * dim;
      queries.set(interests.subarray(from, from + dim), query * width);
    }
    return queries;
  });
}
