import { fileURLToPath } from 'node:url';
import { createScratchFolder, json, option, readCommandLine } from '@facet/local-services';
import { alignColumns } from '@facet/platform';
import { median } from '../figures.ts';
import { startLineProcess } from '../line-process.ts';
import { generateBundle } from './generate-bundle.ts';
import type { LoadReport, Memory } from './load-bundle.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- bundle-load',
  summary: 'Measure the stalls and the memory of loading a large bundle',
  options: {
    items: option.number('Number of items in the generated catalog', 1_000_000),
    rounds: option.number('Number of rounds', 3),
    json,
  },
  notes: `In each round two processes load the bundle one after the other, twice each: at the start, and next to the loaded bundle, as
during a swap. A stall is the longest gap between two ticks of a timer of one millisecond, in wall time and in processor
time of the event loop.

Exit code: 0 when the measurement is complete.`,
});

/** Decimal places by unit. */
const digitsOf = { s: 2, ms: 1, us: 2, MB: 0 } as const;

/** Two concurrent processes. */
interface Round {
  readonly reports: readonly LoadReport[];
  readonly together: readonly Memory[];
}

const { path: root } = await createScratchFolder('bench-bundle-load');
const id = await generateBundle(root, values.items);
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
else console.log(render().join('\n'));

function render(): string[] {
  const reports = rounds.flatMap((round) => round.reports);
  const alone = rounds.map((round) => round.reports[0]!);
  const row = <Source>(
    name: string,
    sources: readonly Source[],
    figureOf: (source: Source) => number,
    unit: keyof typeof digitsOf,
  ): string[] => {
    const figures = sources.map(figureOf);
    return [
      name,
      ...[median(figures), Math.max(...figures)].map((figure) => `${figure.toFixed(digitsOf[unit])} ${unit}`),
    ];
  };
  const loading = (name: string, part: 'start' | 'secondLoad'): string[][] => [
    row(name, reports, (report) => report[part].seconds, 's'),
    row('  processor time, all threads', reports, (report) => report[part].cpuSeconds, 's'),
    row('  longest stall of the event loop', reports, (report) => report[part].stallMs, 'ms'),
    row('    in processor time of its thread', reports, (report) => report[part].stallProcessorMs, 'ms'),
  ];
  const proportionalMb = ({ together }: (typeof rounds)[number]): number =>
    together.reduce((sum, process) => sum + process.proportionalMb, 0);
  const rows = [
    ['', 'median', 'largest'],
    ...loading('load into a new process', 'start'),
    ...loading('load next to the current bundle', 'secondLoad'),
    row('one process: RSS before the load', alone, ({ before }) => before.residentMb, 'MB'),
    row('  RSS with the bundle', alone, ({ after }) => after.residentMb, 'MB'),
    row('  of which JavaScript heap', alone, ({ after }) => after.heapMb, 'MB'),
    row('two processes: together (PSS)', rounds, proportionalMb, 'MB'),
    row('index of an id, processor time', reports, ({ lookups }) => lookups.indexOfUs, 'us'),
    row('details of an item', reports, ({ lookups }) => lookups.itemAtUs, 'us'),
    ...reports[0]!.filters.map(({ name }, at) =>
      row(`filter: ${name}`, reports, ({ filters }) => filters[at]!.ms, 'ms'),
    ),
  ];
  return alignColumns(rows, { right: [1, 2] });
}
