import { json, logProgress, option, readCommandLine } from '@facet/local-services';
import { median } from '../figures.ts';
import type { ProcessMemory } from '../figures.ts';
import { countFailures, hasFailures, renderFailures } from '../load/latencies.ts';
import { treeMemory } from '../load/process-usage.ts';
import { withServing } from '../serving/with-serving.ts';
import { openWorld } from '../serving/world.ts';
import { promoteAndAwait } from './promoted.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- soak',
  summary: 'Check that the memory of serving stays level over a million requests',
  options: {
    requests: option.number('Total number of requests, 8 in flight', 1_000_000),
    swaps: option.number('Number of promotions, evenly spread', 20),
    items: option.number('Number of items in the generated catalog', 20_000),
    json,
  },
  notes: `The benchmark promotes two bundles in turn and reads the memory before each promotion. Growth compares the median memory of
the last quarter of the run with that of the second quarter. The target is less than 1 %.

Exit code: 0 when the run is complete, also when a target is missed.`,
});

const growthMax = 0.01;
const { swaps } = values;
const requestsPerSwap = Math.ceil(values.requests / swaps);
const world = await openWorld({ items: values.items }, 2);
await withServing(world, { limit: 20 }, async (serving, generator) => {
  const samples: (ProcessMemory & { readonly requests: number })[] = [];
  const statuses: Uint16Array[] = [];
  for (let number = 1; number <= swaps; number++) {
    const running = generator.run({ kind: 'closed', concurrency: 8, requests: requestsPerSwap });
    await promoteAndAwait(world, world.bundles[number % 2]!, serving);
    statuses.push((await running).statuses);
    const memory = await treeMemory(serving.pid);
    const sample = {
      requests: number * requestsPerSwap,
      residentMb: memory.reduce((sum, { residentMb }) => sum + residentMb, 0),
      proportionalMb: memory.reduce((sum, { proportionalMb }) => sum + proportionalMb, 0),
    };
    samples.push(sample);
    logProgress(
      `after ${sample.requests.toLocaleString('en')} requests and ${number} swaps: RSS ${sample.residentMb.toFixed(0)} MB`,
    );
  }
  const failures = countFailures(...statuses);
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

/** Returns the growth from the median of the second quarter to the median of the last one, as a share. */
function growthOf(megabytes: readonly number[]): number {
  const quarter = Math.max(1, Math.floor(megabytes.length / 4));
  const medianOf = (from: number): number => median(megabytes.slice(from, from + quarter));
  return medianOf(megabytes.length - quarter) / medianOf(Math.min(quarter, megabytes.length - quarter)) - 1;
}
