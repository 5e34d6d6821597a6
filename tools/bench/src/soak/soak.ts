// A great many requests, with swaps between them: memory must not grow.
import { parseArgs } from 'node:util';
import { addFailures, failuresOf, hasFailures, renderFailures } from '../load/latencies.ts';
import type { Failures } from '../load/latencies.ts';
import { treeUsage } from '../load/process-usage.ts';
import { askWorld } from '../serving/ask-world.ts';
import { openWorld } from '../serving/world.ts';
import { promoteAndAwait } from './promoted.ts';

const help = `Sends a great many requests while bundles are promoted in turn, and looks at the memory of serving.

  npm run bench -- soak [--requests 1000000] [--swaps 20] [--items 20000] [--processes N] [--limit 20] [--json]

--requests   in all, 8 under way at a time
--swaps      promotions, spread evenly; memory is looked at before each
--items      of the generated catalog
--processes  of serving; what it does by default if absent
--limit      items that a request asks for

The growth is that from the second quarter of the run to the last one, of the medians: in the first, caches fill. It may be 1 %.`;

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    swaps: { type: 'string', default: '20' },
    items: { type: 'string', default: '20000' },
    processes: { type: 'string' },
    limit: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const growthMax = 0.01;
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const swaps = Number(values.swaps);
const requestsPerSwap = Math.ceil(Number(values.requests) / swaps);
const world = await openWorld({ items: Number(values.items), recallMin: 0.98, onProgress: say }, 2);
const { processes } = values;
await askWorld(world, { limit: Number(values.limit), processes }, async (serving, generator) => {
  const samples: { requests: number; residentMb: number; proportionalMb: number }[] = [];
  let failures: Failures = {};
  for (let number = 1; number <= swaps; number++) {
    const running = generator.run({ kind: 'closed', concurrency: 8, requests: requestsPerSwap });
    await promoteAndAwait(world, world.bundles[number % 2]!, serving);
    failures = addFailures(failures, failuresOf((await running).statuses));
    const usage = await treeUsage(serving.pid);
    const total = (of: (one: (typeof usage)[number]) => number): number => usage.reduce((sum, one) => sum + of(one), 0);
    const sample = {
      requests: number * requestsPerSwap,
      residentMb: total(({ residentMb }) => residentMb),
      proportionalMb: total(({ proportionalMb }) => proportionalMb),
    };
    samples.push(sample);
    say(
      `after ${sample.requests.toLocaleString('en')} requests and ${number} swaps: RSS ${sample.residentMb.toFixed(0)} MB`,
    );
  }
  const growth = growthOf(samples.map(({ residentMb }) => residentMb));
  const report = { items: world.itemCount, requests: swaps * requestsPerSwap, swaps, failures, samples, growth };
  if (values.json) console.log(JSON.stringify(report));
  else {
    console.log(
      `${report.items.toLocaleString('en')} items, ${report.requests.toLocaleString('en')} requests, ${swaps} swaps`,
    );
    for (const { requests, residentMb, proportionalMb } of samples) {
      console.log(
        `  after ${requests.toLocaleString('en').padStart(9)} requests  RSS ${residentMb.toFixed(0)} MB, PSS ${proportionalMb.toFixed(0)} MB`,
      );
    }
    console.log(`  failed  ${renderFailures(failures)}   (none: ${hasFailures(failures) ? 'MISSED' : 'met'})`);
    const verdict = growth < growthMax ? 'met' : 'MISSED';
    console.log(`  growth  ${(growth * 100).toFixed(2)} %   (below ${growthMax * 100} %: ${verdict})`);
  }
});

/** From the median of the second quarter to that of the last one, as a share. */
function growthOf(megabytes: readonly number[]): number {
  const quarter = Math.max(1, Math.floor(megabytes.length / 4));
  const medianOf = (from: number): number => {
    const sorted = megabytes.slice(from, from + quarter).sort((a, b) => a - b);
    return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  };
  return medianOf(megabytes.length - quarter) / medianOf(Math.min(quarter, megabytes.length - quarter)) - 1;
}
