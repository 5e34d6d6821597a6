import { availableParallelism } from 'node:os';
import { mean } from '@facet/evaluation';
import { logProgress, option } from '@facet/local-services';
import { unknownUser } from '@facet/model';
import { startBench } from '../bench.ts';
import type { Target } from '../bench.ts';
import { runInChild } from '../children.ts';
import { countFailures, describeLatencies, eventLoopCpuMs, treeCpuMs, treeMemory } from '../figures.ts';
import type { Latencies } from '../figures.ts';
import type { Load, LoadGenerator } from '../load/load.ts';
import { measureBareServer, searchBareIndex } from './baselines.ts';
import { measureResponseRecall, recommend } from './check-responses.ts';
import { withServing } from './with-serving.ts';
import type { ServingProcess } from './with-serving.ts';
import { behaviorRowsOf } from './world-parts.ts';
import { checkedUsers, depth, openWorld, recallMin, requestBodies } from './world.ts';
import type { World } from './world.ts';

const { values, report } = startBench({
  options: {
    items: option.number('Number of items; 1000000, 100000 and 4619 have targets', 1_000_000),
    processes: option.number('Number of serving processes (default: that of the serving app)'),
    seconds: option.number('Duration of the load at half the peak rate', 20),
    limit: option.number('Number of items per response', depth),
  },
  notes: `One run measures the bare index (four queries per user, on all cores), the user tower, and responses at
concurrency 1 to 32, which gives the peak rate. It then measures an open-loop load at half the peak rate, on serving and on a
bare server that is equally busy per request, and processor time and memory of serving. A request has 50 behaviors.
The load generator and serving share the cores of this machine, which should be idle otherwise.

The generated data is cached in facet-bench in the folder for temporary files. A million items
take some minutes and 4 GB.

Exit code: 0 when the measurement is complete, also when a target is missed.`,
});

/** Requests in flight. */
const concurrencies = [1, 2, 4, 8, 16, 32];
/** Calls of the user tower before the measurement, until V8 has compiled the code. */
const warmUpCalls = 2_000;
const measuredCalls = 5_000;

const { seconds, limit, processes } = values;
const world = await openWorld(values.items);
logProgress('bare search');
const raw = await measureRaw();
logProgress('user tower');
const tower = measureTower(world);
await withServing(world, { limit, processes }, async (serving, generator) => {
  logProgress('comparison of responses with an exact scan');
  const responseRecall = await measureResponseRecall(world, serving, checkedUsers);
  const loads = await measureLoads(serving, generator);
  if (!serving.isRunning) throw new Error(`serving exited. Its output:\n${serving.output}`);
  const memory = await treeMemory(serving.pid);
  const { closed, saturated, half } = loads;
  const small = closed.find(({ concurrency }) => concurrency === 8)!;
  const at = (items: number, targets: readonly Target[]): readonly Target[] => (values.items >= items ? targets : []);
  report({ items: world.itemCount, limit, index: world.choice, raw, tower, responseRecall, ...loads, memory }, [
    { name: 'index recall@200', value: world.choice.recall ?? 1, atLeast: recallMin },
    { name: 'user tower p50, ms', value: tower.p50Ms, atMost: 0.5 },
    { name: 'processor time vs. bare Faiss, saturated', value: saturated.cpuMs / raw.cpuMs, atMost: 1.5 },
    ...(values.items < 100_000
      ? [
          { name: 'rate at concurrency 8', value: small.rate, atLeast: 2_000 },
          { name: 'p99 at concurrency 8, ms', value: small.latency.p99Ms, atMost: 15 },
        ]
      : []),
    ...at(1_000_000, [{ name: 'p50 at half the peak rate, ms', value: half.latency.p50Ms, atMost: 5 }]),
    ...at(100_000, [
      { name: 'p99 at half the peak rate, ms', value: half.latency.p99Ms, atMost: values.items < 1_000_000 ? 4 : 12 },
    ]),
  ]);
});

/** Measures the bare search in one process per core at the same time. Returns the means. */
async function measureRaw() {
  const { interests, exact, dim, choice, users } = world;
  const task = {
    indexFile: world.bareIndexFile,
    interests,
    exact,
    recallMin,
    queriesPerUser: interests.length / dim / users.length,
    dim,
    k: Math.min(depth, world.itemCount),
    efSearch: choice.efSearch,
    seconds: seconds / 4,
  };
  const script = new URL('baselines.js', import.meta.url);
  const results = await Promise.all(
    Array.from({ length: availableParallelism() }, () => runInChild(script, searchBareIndex, task)),
  );
  const meanOf = (figure: 'cpuMs' | 'p50Ms' | 'p99Ms'): number => mean(results.map((result) => result[figure]));
  return { ...results[0]!, cpuMs: meanOf('cpuMs'), p50Ms: meanOf('p50Ms'), p99Ms: meanOf('p99Ms') };
}

async function measureLoads(serving: ServingProcess, generator: LoadGenerator) {
  const measure = async (load: Load) => {
    const before = await treeCpuMs(serving.pid);
    const result = await generator.run(load);
    const latency = describeLatencies(result.latenciesMs);
    return {
      rate: latency.count / result.seconds,
      latency,
      failures: countFailures([result]),
      // Per request: processor time of all serving processes, and of the load generator. Then the mean delay of the generator.
      cpuMs: ((await treeCpuMs(serving.pid)) - before) / latency.count,
      generatorCpuMs: result.cpuMs / latency.count,
      lateMs: result.lateMs,
    };
  };
  const bodies = requestBodies(world, limit);
  const responseBytes = Buffer.byteLength(await recommend(serving, bodies[0]!));
  logProgress('warm-up');
  await measure({ kind: 'closed', concurrency: 8, seconds: seconds / 4 });
  const closed = [];
  for (const concurrency of concurrencies) {
    logProgress(`concurrency ${concurrency}`);
    closed.push({ concurrency, ...(await measure({ kind: 'closed', concurrency, seconds: seconds / 4 })) });
  }
  const saturated = closed.reduce((best, one) => (one.rate > best.rate ? one : best));
  logProgress('half the peak rate');
  const rate = saturated.rate / 2;
  const load: Load = { kind: 'open', rate, seconds };
  const busyBefore = await eventLoopCpuMs(serving.pid);
  const half = await measure(load);
  const busyMs = ((await eventLoopCpuMs(serving.pid)) - busyBefore) / half.latency.count;
  // One thread cannot represent several processes.
  if (processes !== undefined && processes !== 1) return { closed, saturated, half, bare: undefined };
  logProgress('bare server');
  return { closed, saturated, half, bare: await measureBareServer({ busyMs, responseBytes, bodies, load }) };
}

/** Measures the computation of one user's interests from the behavior sequence. */
function measureTower({ engine, users }: World): Latencies {
  const rows = users.map(behaviorRowsOf);
  const times = new Float64Array(measuredCalls);
  for (let turn = -warmUpCalls; turn < measuredCalls; turn++) {
    const start = performance.now();
    engine.interests(rows[(turn + warmUpCalls) % rows.length]!, [], unknownUser);
    if (turn >= 0) times[turn] = performance.now() - start;
  }
  return describeLatencies(times);
}
