import { fileURLToPath } from 'node:url';
import { createScratchFolder, json, option, readCommandLine } from '@facet/local-services';
import { median } from '../figures.ts';
import { startLineProcess } from '../line-process.ts';
import { runInChild } from '../run-in-child.ts';
import type { LoadReport, Memory } from './load-bundle.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- bundle-load',
  summary: 'Measure the stalls and the memory of loading a large bundle',
  options: {
    items: option.number('Number of items in the generated catalog', 1_000_000),
    dim: option.number('Number of dimensions', 64),
    index: option.choice('KIND', 'Kind of index; building hnsw takes minutes', ['flat', 'hnsw'], 'flat'),
    rounds: option.number('Number of rounds', 3),
    json,
  },
  notes: `In each round two processes load the bundle one after the other, twice each: at the start, and next to the loaded bundle, as
during a swap. A stall is the longest gap between two ticks of a timer of one millisecond, in wall time and in processor
time of the event loop.

Exit code: 0 when the measurement is complete.`,
});

/** Two concurrent processes. */
interface Round {
  readonly reports: readonly LoadReport[];
  readonly together: readonly Memory[];
}

const { path: root } = await createScratchFolder('bench-bundle-load');
process.stderr.write(`a bundle of ${values.items.toLocaleString('en')} items\n`);
const { id } = await runInChild<{ readonly id: string }>(new URL('make-bundle.js', import.meta.url), [
  root,
  values.items,
  values.dim,
  values.index,
]);
const script = fileURLToPath(new URL('load-bundle.js', import.meta.url));
const args = [...process.execArgv, script, JSON.stringify([root, id])];
const rounds: Round[] = [];
for (let round = 0; round < values.rounds; round++) {
  const first = startLineProcess(process.execPath, args);
  const reports = [await first.ask<LoadReport>()];
  const second = startLineProcess(process.execPath, args);
  reports.push(await second.ask<LoadReport>());
  rounds.push({ reports, together: [await first.ask<Memory>('memory'), await second.ask<Memory>('memory')] });
  await first.stop();
  await second.stop();
}
if (values.json) console.log(JSON.stringify(rounds));
else render(rounds);

function render(rounds: readonly Round[]): void {
  const reports = rounds.flatMap((round) => round.reports);
  const row = <Of>(name: string, all: readonly Of[], figureOf: (one: Of) => number, unit: string, digits = 0): void => {
    const figures = all.map(figureOf);
    const [middle, largest] = [median(figures), Math.max(...figures)].map((figure) => figure.toFixed(digits));
    console.log(`${name.padEnd(46)}${`${middle} ${unit}`.padStart(12)}   largest ${largest}`);
  };
  for (const [title, part] of [
    ['load into a new process', 'start'],
    ['load next to the current bundle', 'secondLoad'],
  ] as const) {
    const loadings = reports.map((report) => report[part]);
    row(title, loadings, ({ seconds }) => seconds, 's', 2);
    row('  processor time, all threads', loadings, ({ processorSeconds }) => processorSeconds, 's', 2);
    row('  longest stall of the event loop', loadings, ({ stallMs }) => stallMs, 'ms', 1);
    row('    in processor time of its thread', loadings, ({ stallProcessorMs }) => stallProcessorMs, 'ms', 1);
  }
  row('one process: RSS before the load', rounds, ({ reports: [first] }) => first!.before.rss, 'MB');
  row('  RSS with the bundle', rounds, ({ reports: [first] }) => first!.after.rss, 'MB');
  row('  of which JavaScript heap', rounds, ({ reports: [first] }) => first!.after.heap, 'MB');
  row('two processes: together (PSS)', rounds, ({ together }) => together[0]!.pss + together[1]!.pss, 'MB');
  row('index of an id, processor time', reports, ({ lookups }) => lookups.indexOfUs, 'us', 2);
  row('id of an index', reports, ({ lookups }) => lookups.idOfUs, 'us', 2);
  row('details of an item', reports, ({ lookups }) => lookups.itemAtUs, 'us', 2);
  reports[0]!.filters.forEach(({ name }, at) => {
    row(`filter: ${name}`, reports, ({ filters }) => filters[at]!.ms, 'ms', 1);
  });
}
