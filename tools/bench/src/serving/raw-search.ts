import { Index, setThreads } from 'faiss-node';
import { cpuTimeMs, describeLatencies } from '../figures.ts';

export interface RawSearchTask {
  readonly indexFile: string;
  /** [users * queriesPerUser, D] */
  readonly interests: Float32Array;
  readonly queriesPerUser: number;
  readonly dim: number;
  readonly k: number;
  /** Initial efSearch of a graph, which grows until the recall suffices. */
  readonly efSearch: number | undefined;
  /** [queries, k] labels of an exact scan for the first interests. */
  readonly exact: Int32Array;
  readonly recallMin: number;
  readonly seconds: number;
}

const widening = 1.1;

/** Searches the bare index with the patched Faiss: one user at a time, on one thread. Returns processor time and latency per user. */
export function searchBareIndex({ indexFile, interests, queriesPerUser, dim, k, exact, ...task }: RawSearchTask) {
  setThreads(1);
  const index = Index.read(indexFile);
  const length = queriesPerUser * dim;
  const requests = Array.from({ length: interests.length / length }, (_, user) =>
    interests.subarray(user * length, (user + 1) * length),
  );

  const recallOf = (efSearch: number | undefined): number => {
    let found = 0;
    const users = exact.length / k / queriesPerUser;
    for (let user = 0; user < users; user++) {
      const { labels } = index.search(requests[user]!, k, efSearch === undefined ? {} : { efSearch });
      for (let query = 0; query < queriesPerUser; query++) {
        const first = (user * queriesPerUser + query) * k;
        const nearest = new Set(exact.subarray(first, first + k));
        for (const label of labels.subarray(query * k, (query + 1) * k)) if (nearest.has(label)) found++;
      }
    }
    return found / exact.length;
  };
  // The smallest efSearch with enough recall.
  let efSearch = task.efSearch === undefined ? undefined : Math.max(task.efSearch, k);
  let recall = recallOf(efSearch);
  while (efSearch !== undefined && recall < task.recallMin && efSearch < index.ntotal()) {
    efSearch = Math.ceil(efSearch * widening);
    recall = recallOf(efSearch);
  }

  const measure = (seconds: number) => {
    const times: number[] = [];
    const until = performance.now() + seconds * 1000;
    const before = cpuTimeMs();
    for (let request = 0; performance.now() < until; request++) {
      const start = performance.now();
      index.search(requests[request % requests.length]!, k, efSearch === undefined ? {} : { efSearch });
      times.push(performance.now() - start);
    }
    const { p50Ms, p99Ms } = describeLatencies(Float64Array.from(times));
    return { efSearch, recall, cpuMs: (cpuTimeMs() - before) / times.length, p50Ms, p99Ms };
  };
  measure(1);
  return measure(task.seconds);
}
