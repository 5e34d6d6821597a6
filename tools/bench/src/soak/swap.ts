import { setTimeout as sleep } from 'node:timers/promises';
import { json, logProgress, option, readCommandLine } from '@facet/local-services';
import { formatCount } from '@facet/platform';
import { countFailures, describeLatencies, hasFailures, renderFailures } from '../load/latencies.ts';
import type { Failures, Latencies } from '../load/latencies.ts';
import type { LoadResult } from '../load/load.ts';
import { withServing } from '../serving/with-serving.ts';
import { depth, openWorld } from '../serving/world.ts';
import { promoteAndAwait } from './promoted.ts';
import type { Swap } from './promoted.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- swap',
  summary: 'Measure latency while bundles are promoted',
  options: {
    items: option.number('Number of items in the generated catalog', 1_000_000),
    swaps: option.number('Number of promotions', 4),
    rate: option.number('Requests per second (default: half the throughput at concurrency 8)'),
    calm: option.number('Seconds before the first promotion and after each one', 20),
    json,
  },
  notes: `Requests arrive as a Poisson process. A swap lasts from the promotion until every process serves the new bundle. Targets: no
failed request, and a p99 during swaps of at most twice the p99 before the first swap.

Exit code: 0 when the run is complete, also when a target is missed.`,
});

/** Highest p99 during swaps as a multiple of the p99 before. */
const riseMax = 2;
const warmUpSeconds = 5;
/** Duration of each load; loads repeat until all swaps are done. */
const secondsPerLoad = 10;

const calmMs = values.calm * 1000;
const world = await openWorld({ items: values.items }, 2);
await withServing(world, { limit: depth }, async (serving, generator) => {
  logProgress('warm-up');
  const saturated = await generator.run({ kind: 'closed', concurrency: 8, seconds: warmUpSeconds });
  const rate = values.rate ?? saturated.latenciesMs.length / saturated.seconds / 2;
  logProgress(`${rate.toFixed(0)} requests/s`);
  const swaps: Swap[] = [];
  const loads: LoadResult[] = [];
  let isDone = false;
  const swapping = (async () => {
    await sleep(calmMs);
    for (let number = 1; number <= values.swaps; number++) {
      const swap = await promoteAndAwait(world, world.bundles[number % 2]!, serving);
      swaps.push(swap);
      logProgress(`swap ${number} took ${((swap.toMs - swap.fromMs) / 1000).toFixed(1)} s`);
      await sleep(calmMs);
    }
  })().finally(() => (isDone = true));
  while (!isDone) loads.push(await generator.run({ kind: 'open', rate, seconds: secondsPerLoad }));
  await swapping;
  const report = { items: world.itemCount, rate, ...windowsOf(loads, swaps), swaps };
  console.log(values.json ? JSON.stringify(report) : render(report));
});

interface Windows {
  readonly requests: number;
  readonly failures: Failures;
  readonly before: Latencies;
  readonly during: Latencies;
}

function windowsOf(loads: readonly LoadResult[], swaps: readonly Swap[]): Windows {
  const requests = loads.flatMap(({ startedAtMs, startsMs, latenciesMs }) =>
    Array.from(startsMs, (start, position) => {
      const [from, latency] = [startedAtMs + start, latenciesMs[position]!];
      return { from, latency, to: from + latency };
    }),
  );
  const latencies = (isIncluded: (request: (typeof requests)[number]) => boolean): Latencies =>
    describeLatencies(Float64Array.from(requests.filter(isIncluded), ({ latency }) => latency));
  return {
    requests: requests.length,
    failures: countFailures(...loads.map(({ statuses }) => statuses)),
    before: latencies(({ to }) => to <= swaps[0]!.fromMs),
    during: latencies(({ from, to }) => swaps.some((swap) => from < swap.toMs && to > swap.fromMs)),
  };
}

function render({
  items,
  rate,
  requests,
  failures,
  before,
  during,
}: Windows & { items: number; rate: number }): string {
  const rise = during.p99Ms / before.p99Ms;
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const line = ({ count, p50Ms, p99Ms, maxMs }: Latencies): string =>
    `${String(count).padStart(7)} requests, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, slowest ${ms(maxMs)}`;
  return [
    `${formatCount(items)} items, ${rate.toFixed(0)} requests/s, ${values.swaps} swaps`,
    `  failed        ${renderFailures(failures)}, of ${requests} requests   (none: ${hasFailures(failures) ? 'MISSED' : 'met'})`,
    `  before        ${line(before)}`,
    `  during swaps  ${line(during)}`,
    `  p99 in swaps to before  ${rise.toFixed(2)}   (at most ${riseMax}: ${rise <= riseMax ? 'met' : 'MISSED'})`,
  ].join('\n');
}
