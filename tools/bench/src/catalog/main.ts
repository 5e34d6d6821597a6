import { homePaths } from '@facet/config';
import { createScratchFolder, json, logProgress, option, readCommandLine } from '@facet/local-services';
import { alignColumns, formatCount } from '@facet/platform';
import { median } from '../figures.ts';
import { runInChild } from '../children.ts';
import type { Measured, Task } from './in-child.ts';

const { values } = readCommandLine({
  options: {
    items: option.number('Number of items in the catalog and in the bundle', 1_000_000),
    upsert: option.number('Number of items in one upsert; a tenth of them is new', 1_000),
    rounds: option.number('Number of writes', 50),
    json,
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

const tasks = [
  'fill',
  'first delta',
  'writes',
  'large delta',
  'last upsert',
  'next delta',
  'full compaction',
] satisfies Task[];
const { path: folder } = await createScratchFolder('bench-catalog');
const results: Measured[] = [];
logProgress(`a bundle of ${formatCount(values.items)} items`);
const id = await runInChild<string>(new URL('make-bundle.js', import.meta.url), [
  homePaths(folder).artifactsFolder,
  values.items,
]);
for (const task of tasks) {
  logProgress(task);
  const order = [folder, task, id, values.upsert, values.rounds];
  results.push(...(await runInChild<Measured[]>(new URL('in-child.js', import.meta.url), order)));
}
if (values.json) console.log(JSON.stringify(results));
else console.log(render());
const [upsert, compaction, delta] = ['upsert', 'compaction', 'next delta'].map((name) =>
  results.find((one) => one.name === name)!,
);
const seconds = Math.max(...upsert!.seconds) + Math.max(...delta!.seconds);
const megabytes = Math.max(...[upsert, compaction, delta].map((one) => one!.privateMegabytes));
process.exitCode = seconds <= 10 && megabytes <= 500 ? 0 : 1;

function render(): string {
  const head = [
    'task',
    'p50',
    'largest',
    'processor',
    'memory',
    'with mapped files',
    'event loop p99',
    'largest delay',
  ];
  const rows = results.map(({ name, seconds, cpuSeconds, privateMegabytes, peakMegabytes, delayMs }) => [
    name,
    ...[median(seconds), Math.max(...seconds)].map((one) => `${one.toFixed(3)} s`),
    `${cpuSeconds.toFixed(1)} s`,
    ...[privateMegabytes, peakMegabytes].map((one) => `${Math.round(one)} MB`),
    ...[delayMs.p99, delayMs.max].map((one) => `${one.toFixed(1)} ms`),
  ]);
  return alignColumns([head, ...rows], { right: [1, 2, 3, 4, 5, 6, 7] }).join('\n');
}
