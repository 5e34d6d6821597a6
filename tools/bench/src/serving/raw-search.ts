// Searches the bare index in a separate process: one user at a time, on one thread, with the patched Faiss. Prints the figures.
import { readFile } from 'node:fs/promises';
import { Index, setThreads } from 'faiss-node';
import { cpuTimeMs, describeLatencies } from '../figures.ts';

export interface RawSearchTask {
  readonly indexFile: string;
  /** [users * queriesPerUser, D], little-endian floats. */
  readonly interestsFile: string;
  readonly queriesPerUser: number;
  readonly dim: number;
  readonly k: number;
  /** Initial efSearch of a graph, which grows until the recall suffices. */
  readonly efSearch?: number;
  /** [queries, k] labels of an exact scan for the first interests. */
  readonly exactFile: string;
  readonly recallMin: number;
  readonly seconds: number;
}

export interface RawSearchResult {
  readonly efSearch?: number;
  readonly recall: number;
  /** User and system time per user. */
  readonly cpuMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const widening = 1.1;

const [task] = JSON.parse(process.argv[2]!) as [RawSearchTask];
const { queriesPerUser, dim, k } = task;
setThreads(1);
const index = Index.read(task.indexFile);
const requests = await readRequests();
const exact = await readInts(task.exactFile);
const { parameters, recall } = findParameters();

measure(1);
process.stdout.write(JSON.stringify(measure(task.seconds)));

function measure(seconds: number): RawSearchResult {
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  const before = cpuTimeMs();
  for (let request = 0; performance.now() < until; request++) {
    const start = performance.now();
    index.search(requests[request % requests.length]!, k, parameters);
    times.push(performance.now() - start);
  }
  const { p50Ms, p99Ms } = describeLatencies(Float64Array.from(times));
  return { ...parameters, recall, cpuMs: (cpuTimeMs() - before) / times.length, p50Ms, p99Ms };
}

/** Returns the smallest efSearch that reaches `recallMin`. */
function findParameters(): { readonly parameters: { readonly efSearch?: number }; readonly recall: number } {
  if (task.efSearch === undefined) return { parameters: {}, recall: recallOf({}) };
  for (let efSearch = Math.max(task.efSearch, k); ; efSearch = Math.ceil(efSearch * widening)) {
    const recall = recallOf({ efSearch });
    if (recall >= task.recallMin || efSearch >= index.ntotal()) return { parameters: { efSearch }, recall };
  }
}

function recallOf(parameters: { readonly efSearch?: number }): number {
  let found = 0;
  const users = exact.length / k / queriesPerUser;
  for (let user = 0; user < users; user++) {
    const { labels } = index.search(requests[user]!, k, parameters);
    for (let query = 0; query < queriesPerUser; query++) {
      const first = (user * queriesPerUser + query) * k;
      const nearest = new Set(exact.subarray(first, first + k));
      for (const label of labels.subarray(query * k, (query + 1) * k)) if (nearest.has(label)) found++;
    }
  }
  return found / exact.length;
}

async function readInts(path: string): Promise<Int32Array> {
  const bytes = await readFile(path);
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** Returns the interests of each user. */
async function readRequests(): Promise<Float32Array[]> {
  const bytes = await readFile(task.interestsFile);
  const interests = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const length = queriesPerUser * dim;
  return Array.from({ length: interests.length / length }, (_, user) =>
    interests.subarray(user * length, (user + 1) * length),
  );
}
