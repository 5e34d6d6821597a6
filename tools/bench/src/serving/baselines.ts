import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Index, setThreads } from 'faiss-node';
import { startChild } from '../children.ts';
import { cpuTimeMs, describeLatencies } from '../figures.ts';
import type { Latencies } from '../figures.ts';
import { withLoadGenerator } from '../load/load.ts';
import type { Load } from '../load/load.ts';

const warmUpSeconds = 2;

/**
 * Measures a server that blocks its only thread for `busyMs` per request, under the same load from the same generator: a baseline for
 * queueing delay.
 */
export async function measureBareServer({
  busyMs,
  responseBytes,
  bodies,
  load,
}: {
  readonly busyMs: number;
  readonly responseBytes: number;
  readonly bodies: readonly string[];
  readonly load: Load;
}): Promise<{ readonly busyMs: number; readonly latency: Latencies }> {
  const server = startChild(new URL(import.meta.url));
  try {
    const port = await server.call(serve, busyMs, responseBytes);
    const target = { url: `http://127.0.0.1:${port}`, path: '/', key: 'none', bodies };
    return await withLoadGenerator(target, async (generator) => {
      await generator.run({ kind: 'closed', concurrency: 1, seconds: warmUpSeconds });
      return { busyMs, latency: describeLatencies((await generator.run(load)).latenciesMs) };
    });
  } finally {
    server.stop();
  }
}

/** Starts the server in this process. Returns its port. */
export async function serve(busyMs: number, responseBytes: number): Promise<number> {
  const body = Buffer.alloc(responseBytes, ' ');
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const until = performance.now() + busyMs;
      while (performance.now() < until);
      response.setHeader('content-length', body.length).end(body);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

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
