// Sends a hundred thousand requests of every kind to the serving app, and looks at the answers.
import { parseArgs } from 'node:util';
import { runFuzz } from './run-fuzz.ts';
import type { FuzzReport } from './run-fuzz.ts';

const help = `Sends requests of every kind to the serving app on a small bundle, and looks at the answers.

  npm run test:faults -- fuzz [--cases 100000] [--seed 1] [--json]

Bodies, paths, queries and headers are made by the schemas of the OpenAPI document and damaged: wrong types, missing and unknown
fields, numbers and texts that software trips over, broken JSON, deep nesting, bodies beyond the limit, cursors that nobody
gave, keys that open nothing. Some go through real connections, and some of those are broken on the way.
No answer may be of status 5xx, take 20 seconds, or be other than the document says, nothing may be logged as an error, and at
the end a golden request must be answered as in the beginning.
Exit code 0 when all of that holds, else 1 with the smallest request found that fails.`;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}
const report = await runFuzz({
  cases: Number(values.cases),
  seed: Number(values.seed),
  onProgress(done) {
    if (done % 10_000 === 0) process.stderr.write(`${done} cases\n`);
  },
});
console.log(values.json ? JSON.stringify(report) : describe(report));
process.exit(report.failure === undefined ? 0 : 1);

function describe({ seed, cases, seconds, longestMs, answers, failure }: FuzzReport): string {
  const statuses = [...new Set(Object.values(answers).flatMap((ofTarget) => Object.keys(ofTarget)))].sort();
  const rows = Object.entries(answers).map(([target, ofTarget]) => [
    target,
    String(Object.values(ofTarget).reduce((sum, count) => sum + count, 0)),
    ...statuses.map((status) => String(ofTarget[status] ?? '')),
  ]);
  const table = [['asked', 'cases', ...statuses], ...rows.sort(([a], [b]) => (a! < b! ? -1 : 1))];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map(([first, ...rest]) =>
    [first!.padEnd(widths[0]!), ...rest.map((cell, at) => cell.padStart(widths[at + 1]!))].join('  ').trimEnd(),
  );
  return [
    ...lines,
    `${cases} cases of seed ${seed} in ${seconds.toFixed(0)} s, the longest answer took ${longestMs.toFixed(0)} ms`,
    ...(failure === undefined ? ['ok'] : [`FAILED: ${failure.fault}`, JSON.stringify(failure.case, undefined, 2)]),
  ].join('\n');
}
