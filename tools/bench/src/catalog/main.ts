import { createScratchFolder, logProgress, option } from '@facet/local-services';
import { formatCount } from '@facet/platform';
import { startBench } from '../bench.ts';
import { runInChild } from '../children.ts';
import { median } from '../figures.ts';
import { makeBundle, runTask, taskNames } from './tasks.ts';
import type { Measured } from './tasks.ts';

const { values, report } = startBench({
  options: {
    items: option.number('Number of items in the catalog and in the bundle', 1_000_000),
    upsert: option.number('Number of items in one upsert; a tenth of them is new', 1_000),
    rounds: option.number('Number of writes', 50),
  },
  notes: `Each task runs in a separate process. Delays of the event loop are measured every millisecond.

upsert           writes the items and their offset, as the sink does; its processor time and memory include the compactions
compaction       compacts segments after an upsert, as the sink does in the background
full compaction  compacts all segments, as facet lake compact does
first delta      compares the whole catalog with a bundle, once for each bundle
large delta      compares the items of all writes
next delta       compares the items of one more upsert

Exit code: 0 when an upsert with its compaction and delta takes at most 10 s and 500 MB, 1 otherwise.`,
});

const { path: folder } = await createScratchFolder('bench-catalog');
logProgress(`a bundle of ${formatCount(values.items)} items`);
const tasks = new URL('tasks.js', import.meta.url);
const bundleId = await runInChild(tasks, makeBundle, folder, values.items);
const results: Measured[] = [];
for (const task of taskNames) {
  logProgress(task);
  const order = { folder, task, bundleId, upsertItems: values.upsert, rounds: values.rounds };
  results.push(...(await runInChild(tasks, runTask, order)));
}
const costs = ['upsert', 'compaction', 'next delta'].map((name) => results.find((one) => one.name === name)!);
const seconds = Math.max(...costs[0]!.seconds) + Math.max(...costs[2]!.seconds);
const privateMb = Math.max(...costs.map((one) => one.privateMb));
const rows = results.map(({ name, seconds, ...others }) => {
  return { name, p50Seconds: median(seconds), maxSeconds: Math.max(...seconds), ...others };
});
const isFast = report({ tasks: rows }, [
  { name: 'upsert and delta, seconds', value: seconds, atMost: 10 },
  { name: 'memory, MB', value: privateMb, atMost: 500 },
]);
process.exitCode = isFast ? 0 : 1;
