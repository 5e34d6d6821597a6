// Benchmark of what the serving process still answers when it is asked for more than it can.
import { parseArgs } from 'node:util';
import { describeLatencies } from '../load/latencies.ts';
import type { Latencies } from '../load/latencies.ts';
import type { LoadGenerator } from '../load/load-generator.ts';
import type { Load, LoadResult } from '../load/load.ts';
import { askWorld } from '../serving/ask-world.ts';
import { depth, openWorld } from '../serving/world.ts';

const help = `Measures the goodput of the serving process at 1, 2 and 3 times the load that saturates it.

  npm run bench -- overload [--items 100000] [--processes 1] [--seconds 8] [--json]

The rate that saturates it is found with 16 requests under way. Then requests come at random moments at that rate and multiples
of it, whether they are answered or not, from another process on the same cores. Goodput is what is answered with 200, a
second. Times count from the moment at which a request was meant to be sent. Each load is warmed up for 3 seconds.`;

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '100000' },
    processes: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

interface Row {
  readonly load: string;
  readonly askedPerSecond: number;
  readonly goodput: number;
  readonly answered: Latencies;
  readonly refused: Latencies;
  /** Neither answered nor refused. */
  readonly failed: number;
}

const seconds = Number(values.seconds);
const warmUpSeconds = 3;
const concurrency = 16;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const world = await openWorld({ items: Number(values.items), recallMin: 0.98, onProgress: say });
await askWorld(world, { limit: depth, processes: values.processes }, async (_, generator) => {
  const rows = await measure(generator);
  const peak = Math.max(...rows.map(({ goodput }) => goodput));
  if (values.json) console.log(JSON.stringify({ items: world.itemCount, peak, rows }));
  else console.log(render(rows, peak));
});

async function measure(generator: LoadGenerator): Promise<Row[]> {
  const run = async (name: string, load: (seconds: number) => Load): Promise<Row> => {
    say(name);
    await generator.run(load(warmUpSeconds));
    return rowOf(name, await generator.run(load(seconds)));
  };
  const saturated = await run(`${concurrency} under way`, (lasting) => ({
    kind: 'closed',
    concurrency,
    seconds: lasting,
  }));
  const rows = [saturated];
  for (const times of [1, 2, 3]) {
    const rate = times * saturated.goodput;
    rows.push(await run(`${times} x`, (lasting) => ({ kind: 'open', rate, seconds: lasting })));
  }
  return rows;
}

function rowOf(load: string, { startsMs, latenciesMs, requestStatuses }: LoadResult): Row {
  const timesOf = (isOf: (status: number) => boolean): Float64Array =>
    latenciesMs.filter((_, request) => isOf(requestStatuses[request]!));
  const answered = describeLatencies(timesOf((status) => status === 200));
  const refused = describeLatencies(timesOf((status) => status === 503));
  // The last answers come later; the rate is that of the time in which requests came.
  const lasted = startsMs.reduce((last, ms) => Math.max(last, ms), 0) / 1_000;
  return {
    load,
    askedPerSecond: latenciesMs.length / lasted,
    goodput: answered.count / lasted,
    answered,
    refused,
    failed: latenciesMs.length - answered.count - refused.count,
  };
}

function render(rows: readonly Row[], peak: number): string {
  const ms = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(1));
  const lines = rows.map(({ load, askedPerSecond, goodput, answered, refused, failed }) =>
    [
      load.padEnd(13),
      askedPerSecond.toFixed(0).padStart(7),
      goodput.toFixed(0).padStart(9),
      `${((100 * goodput) / peak).toFixed(0)} %`.padStart(7),
      [answered.p50Ms, answered.p99Ms, answered.maxMs].map(ms).join(' / ').padStart(22),
      String(refused.count).padStart(7),
      ms(refused.p99Ms).padStart(14),
      String(failed).padStart(6),
    ].join('  '),
  );
  const head = 'load             asked/s  goodput/s  of peak  ms p50 / p99 / longest  refused  ms refusal p99  failed';
  return [head, ...lines].join('\n');
}
