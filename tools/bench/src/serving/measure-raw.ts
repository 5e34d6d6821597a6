import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { RawSearchResult, RawSearchTask } from './raw-search.ts';

/** Runs the bare search in `processes` concurrent processes and returns their mean. */
export async function measureRawSearch(task: RawSearchTask, processes: number): Promise<RawSearchResult> {
  const script = fileURLToPath(new URL('raw-search.js', import.meta.url));
  const children = await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = fork(script, [JSON.stringify(task)], { execArgv: process.execArgv });
      await once(child, 'message');
      return child;
    }),
  );
  const results = await Promise.all(
    children.map(async (child) => {
      const result = once(child, 'message');
      child.send('go');
      return ((await result) as [RawSearchResult])[0];
    }),
  );
  const mean = (of: (result: RawSearchResult) => number): number =>
    results.reduce((sum, result) => sum + of(result), 0) / results.length;
  const { recall, efSearch } = results[0]!;
  return {
    recall,
    ...(efSearch === undefined ? {} : { efSearch }),
    cpuMs: mean(({ cpuMs }) => cpuMs),
    latency: {
      count: results.reduce((sum, { latency }) => sum + latency.count, 0),
      p50Ms: mean(({ latency }) => latency.p50Ms),
      p99Ms: mean(({ latency }) => latency.p99Ms),
      p999Ms: mean(({ latency }) => latency.p999Ms),
      maxMs: Math.max(...results.map(({ latency }) => latency.maxMs)),
    },
  };
}
