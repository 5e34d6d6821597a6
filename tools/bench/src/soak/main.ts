import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactRef } from '@facet/artifacts';
import { logProgress, option, until } from '@facet/local-services';
import { formatCount } from '@facet/platform';
import { startBench } from '../bench.ts';
import { countFailures, describeLatencies, median, treeMemory } from '../figures.ts';
import type { Latencies, ProcessMemory } from '../figures.ts';
import { nowMs } from '../load/load.ts';
import type { LoadResult } from '../load/load.ts';
import { withServing } from '../serving/with-serving.ts';
import type { ServingProcess } from '../serving/with-serving.ts';
import { openWorld } from '../serving/world.ts';

const { values, report } = startBench({
  options: {
    requests: option.count('Total number of requests', 1_000_000),
    swaps: option.count('Number of promotions, evenly spread', 20),
    items: option.count('Number of items in the generated catalog', 20_000),
    limit: option.count('Number of items per response', 20),
    rate: option.positive('Requests per second as a Poisson process, instead of 8 requests in flight'),
  },
  notes: `The benchmark promotes two bundles in turn, each in the middle of its share of the requests, and reads the memory after that share.
Growth compares the median memory of the last quarter of the run with that of the second quarter. A swap lasts from the promotion
until every process serves the new bundle. Targets: no failed request, growth below 1 %, and with --rate a p99 during swaps of at
most twice the p99 of the other requests.

Exit code: 0 when the run is complete, also when a target is missed.`,
});

const growthMax = 0.01;
/** Highest p99 during swaps as a multiple of the other p99. */
const riseMax = 2;
const warmUpSeconds = 5;
/** Concurrent probes on separate connections, enough to reach every serving process. */
const probes = 8;
const promotionSecondsMax = 300;

/** Time from the promotion until all processes serve the bundle, in milliseconds of `nowMs`. */
interface Swap {
  readonly fromMs: number;
  readonly toMs: number;
}

const { swaps: swapCount, rate } = values;
const requests = Math.ceil(values.requests / swapCount);
const world = await openWorld(values.items, 2);
await withServing(world, { limit: values.limit }, async (serving, generator) => {
  await generator.run({ kind: 'closed', concurrency: 8, seconds: warmUpSeconds });
  const loads: LoadResult[] = [];
  const swaps: Swap[] = [];
  const samples: (ProcessMemory & { readonly requests: number })[] = [];
  for (let number = 1; number <= swapCount; number++) {
    const running = generator.run(
      rate === undefined
        ? { kind: 'closed', concurrency: 8, requests }
        : { kind: 'open', rate, seconds: requests / rate },
    );
    if (rate !== undefined) await sleep((500 * requests) / rate);
    swaps.push(await promoteAndAwait(world.bundles[number % 2]!, serving));
    loads.push(await running);
    const memory = await treeMemory(serving.pid);
    const sumOf = (field: keyof ProcessMemory): number => memory.reduce((sum, each) => sum + each[field], 0);
    const sample = { residentMb: sumOf('residentMb'), proportionalMb: sumOf('proportionalMb') };
    samples.push({ requests: number * requests, ...sample });
    logProgress(`${formatCount(number * requests)} requests, ${number} swaps: RSS ${sample.residentMb.toFixed(0)} MB`);
  }
  const growth = growthOf(samples.map(({ residentMb }) => residentMb));
  const latency = { duringSwaps: latenciesOf(loads, swaps, true), otherwise: latenciesOf(loads, swaps, false) };
  const failures = countFailures(loads);
  report({ items: world.itemCount, requests: swapCount * requests, swaps: swapCount, failures, latency, samples }, [
    { name: 'failed requests', value: Object.values(failures).reduce((sum, count) => sum + count, 0), atMost: 0 },
    { name: 'growth', value: growth, atMost: growthMax },
    ...(rate === undefined
      ? []
      : [
          {
            name: 'p99 in swaps to otherwise',
            value: latency.duringSwaps.p99Ms / latency.otherwise.p99Ms,
            atMost: riseMax,
          },
        ]),
  ]);
});

/** Promotes a bundle and waits until all processes serve it. @throws Error on a timeout, or when serving exits. */
async function promoteAndAwait(ref: ArtifactRef, serving: ServingProcess): Promise<Swap> {
  const fromMs = nowMs();
  await world.store.promote(ref, { by: 'bench' });
  const isServed = async (): Promise<boolean> => {
    if (!serving.isRunning) throw new Error(`serving exited. Its output:\n${serving.output}`);
    const ids = await Promise.all(Array.from({ length: probes }, () => servedBundle(serving.url)));
    return ids.every((id) => id === ref.id);
  };
  await until(`bundle ${ref.id} of serving`, isServed, promotionSecondsMax);
  return { fromMs, toMs: nowMs() };
}

async function servedBundle(url: string): Promise<unknown> {
  const response = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined);
  return response === undefined ? undefined : ((await response.json()) as { bundleId?: string }).bundleId;
}

/** Returns the latencies of the requests that overlap a swap, or of the others. */
function latenciesOf(loads: readonly LoadResult[], swaps: readonly Swap[], isDuring: boolean): Latencies {
  const chosen = loads.flatMap(({ startedAtMs, startsMs, latenciesMs }) => [
    ...latenciesMs.filter((latency, position) => {
      const from = startedAtMs + startsMs[position]!;
      return swaps.some(({ fromMs, toMs }) => from < toMs && from + latency > fromMs) === isDuring;
    }),
  ]);
  return describeLatencies(Float64Array.from(chosen));
}

/** Returns the growth from the median of the second quarter to the median of the last one, as a share. */
function growthOf(megabytes: readonly number[]): number {
  const quarter = Math.max(1, Math.floor(megabytes.length / 4));
  const medianOf = (from: number): number => median(megabytes.slice(from, from + quarter));
  return medianOf(megabytes.length - quarter) / medianOf(Math.min(quarter, megabytes.length - quarter)) - 1;
}
