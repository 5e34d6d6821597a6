import { logProgress, option } from '@facet/local-services';
import { startBench } from '../bench.ts';
import { describeLatencies } from '../figures.ts';
import type { Latencies } from '../figures.ts';
import type { Load, LoadGenerator, LoadResult } from '../load/load.ts';
import { withServing } from '../serving/with-serving.ts';
import { depth, openWorld } from '../serving/world.ts';

const { values, report } = startBench({
  options: {
    items: option.number('Number of items in the generated catalog', 100_000),
    seconds: option.number('Duration of each load', 8),
    concurrency: option.numbers(
      'Instead of the multiples, numbers of connections that send their next request after a response',
    ),
  },
  notes: `The throughput at concurrency 16 is the saturation rate. Requests then arrive as a Poisson process at multiples of that rate,
from a generator process on the same cores. Goodput is the number of responses with status 200 per second. Latency counts
from the scheduled time of the request. Each load has a warm-up of 3 seconds.

Exit code: 0 when the measurement is complete.`,
});

const { seconds } = values;
const warmUpSeconds = 3;
const concurrency = 16;

const world = await openWorld(values.items);
await withServing(world, { limit: depth, processes: 1 }, async (_, generator) => {
  const rows = await measure(generator);
  const peak = Math.max(...rows.map(({ goodput }) => goodput));
  const loads = rows.map((row) => ({ ...row, goodputOfPeak: row.goodput / peak }));
  report({ items: world.itemCount, peak, loads });
});

async function measure(generator: LoadGenerator): Promise<Row[]> {
  const run = async (name: string, load: (seconds: number) => Load): Promise<Row> => {
    logProgress(name);
    await generator.run(load(warmUpSeconds));
    return rowOf(name, await generator.run(load(seconds)));
  };
  const runClosed = (connections: number): Promise<Row> =>
    run(`concurrency ${connections}`, (lasting) => ({ kind: 'closed', concurrency: connections, seconds: lasting }));
  if (values.concurrency !== undefined) {
    const closed: Row[] = [];
    for (const connections of values.concurrency) closed.push(await runClosed(connections));
    return closed;
  }
  const saturated = await runClosed(concurrency);
  const rows = [saturated];
  for (const times of [1, 2, 3]) {
    const rate = times * saturated.goodput;
    rows.push(await run(`${times} x`, (lasting) => ({ kind: 'open', rate, seconds: lasting })));
  }
  return rows;
}

type Row = ReturnType<typeof rowOf>;

function rowOf(load: string, { startsMs, latenciesMs, statuses }: LoadResult) {
  const timesOf = (status: number): Latencies =>
    describeLatencies(latenciesMs.filter((_, request) => statuses[request] === status));
  const [succeeded, rejected] = [timesOf(200), timesOf(503)];
  // The rate counts the time of arrivals, without the wait for the last responses.
  const lasted = startsMs.reduce((last, ms) => Math.max(last, ms), 0) / 1_000;
  return {
    load,
    requestsPerSecond: latenciesMs.length / lasted,
    goodput: succeeded.count / lasted,
    succeeded,
    rejected,
    failed: latenciesMs.length - succeeded.count - rejected.count,
  };
}
