// What it takes to load a large bundle beside answering, and what two processes with the same bundle take together.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { LoadReport, Memory } from './load-report.ts';

const help = `Loads a bundle of a generated catalog into two processes, one after the other, each under a timer of one millisecond.

  npm run bench -- bundle-load [--items 1000000] [--dim 64] [--index flat] [--rounds 3] [--json]

--index  flat, or hnsw, which takes minutes to build
--rounds times that both processes are started

A stall is the longest gap between two turns of the timer: by the clock, which on a busy machine counts what others do, and
by the time that the thread of the event loop had a core. Each process loads the bundle twice: when it starts, and once more
beside the first, as when bundles are exchanged.`;

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000000' },
    dim: { type: 'string', default: '64' },
    index: { type: 'string', default: 'flat' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

/** A process that has loaded the bundle. */
interface Loader {
  readonly report: LoadReport;
  memory(): Promise<Memory>;
  stop(): Promise<void>;
}

/** Two processes that were there at the same time. */
interface Round {
  readonly reports: readonly LoadReport[];
  readonly together: readonly Memory[];
}

const root = await mkdtemp(join(tmpdir(), 'facet-bench-bundle-load-'));
try {
  process.stderr.write(`a bundle of ${Number(values.items).toLocaleString('en')} items\n`);
  const maker = start('make-bundle.ts', [root, Number(values.items), Number(values.dim), values.index]);
  const { id } = JSON.parse(await linesOf(maker).next()) as { readonly id: string };
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const first = await startLoader(id);
    const second = await startLoader(id);
    rounds.push({
      reports: [first.report, second.report],
      together: [await first.memory(), await second.memory()],
    });
    await first.stop();
    await second.stop();
  }
  if (values.json) console.log(JSON.stringify(rounds));
  else render(rounds);
} finally {
  await rm(root, { recursive: true, force: true });
}

function render(rounds: readonly Round[]): void {
  const reports = rounds.flatMap((round) => round.reports);
  const row = (name: string, figures: readonly number[], unit: string, digits = 0): void => {
    const sorted = [...figures].sort((a, b) => a - b);
    const [middle, largest] = [sorted[sorted.length >> 1]!, sorted.at(-1)!].map((figure) => figure.toFixed(digits));
    console.log(`${name.padEnd(46)}${`${middle} ${unit}`.padStart(12)}   largest ${largest}`);
  };
  for (const [title, part] of [
    ['into a new process', 'start'],
    ['beside the one that answers', 'beside'],
  ] as const) {
    const loadings = reports.map((report) => report[part]);
    row(
      title,
      loadings.map(({ seconds }) => seconds),
      's',
      2,
    );
    row(
      '  processor time, all threads',
      loadings.map(({ processorSeconds }) => processorSeconds),
      's',
      2,
    );
    row(
      '  longest stall of the event loop',
      loadings.map(({ stallMs }) => stallMs),
      'ms',
      1,
    );
    row(
      '    in processor time of its thread',
      loadings.map(({ stallProcessorMs }) => stallProcessorMs),
      'ms',
      1,
    );
  }
  row(
    'one process: resident before',
    rounds.map(({ reports: [first] }) => first!.before.rss),
    'MB',
  );
  row(
    '  and with the bundle',
    rounds.map(({ reports: [first] }) => first!.after.rss),
    'MB',
  );
  row(
    '  of which JavaScript heap',
    rounds.map(({ reports: [first] }) => first!.after.heap),
    'MB',
  );
  row(
    'two processes: together (PSS)',
    rounds.map(({ together }) => together[0]!.pss + together[1]!.pss),
    'MB',
  );
  row(
    'index of an id, processor time',
    reports.map(({ lookups }) => lookups.indexOfUs),
    'us',
    2,
  );
  row(
    'id of an index',
    reports.map(({ lookups }) => lookups.idOfUs),
    'us',
    2,
  );
  row(
    'all facts of an item',
    reports.map(({ lookups }) => lookups.itemAtUs),
    'us',
    2,
  );
  reports[0]!.filters.forEach(({ name }, at) => {
    row(
      `filter: ${name}`,
      reports.map(({ filters }) => filters[at]!.ms),
      'ms',
      1,
    );
  });
}

async function startLoader(id: string): Promise<Loader> {
  const child = start('load-bundle.ts', [root, id]);
  const lines = linesOf(child);
  const report = JSON.parse(await lines.next()) as LoadReport;
  return {
    report,
    async memory() {
      child.stdin!.write('memory\n');
      return JSON.parse(await lines.next()) as Memory;
    },
    async stop() {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.stdin!.end();
      await ended;
    },
  };
}

function start(script: string, parameters: readonly unknown[]): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawn(process.execPath, [...process.execArgv, path, JSON.stringify(parameters)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** The lines that a child prints, one at a time. */
function linesOf(child: ChildProcess): { next(): Promise<string> } {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    async next() {
      const line = await lines.next();
      if (line.done === true) throw new Error('A child of the benchmark has ended before its work was done.');
      return line.value;
    },
  };
}
