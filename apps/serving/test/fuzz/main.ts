// Sends a hundred thousand requests of every kind to the serving app, and checks the responses.
import { parseArgs } from 'node:util';
import { runFuzz } from './run-fuzz.ts';
import type { FuzzReport } from './run-fuzz.ts';

const help = `Send requests of every kind to the serving app on a small bundle, and check the responses

  npm run test:faults -- fuzz [--cases 100000] [--seed 1] [--json]

Bodies, paths, queries and headers are generated from the schemas of the OpenAPI document and damaged: wrong types, missing and
unknown fields, unusual numbers and texts, broken JSON, deep nesting, bodies beyond the limit, forged cursors, unknown keys. Some
requests use real connections, and some of these are broken in transit.
No response may have status 5xx, take 20 seconds or violate the document. No error may be logged. At the end, a golden request must
have the same response as at the start.
The exit code is 0 if all of this holds, else 1 with the smallest failing request found.`;

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

function describe({ seed, cases, seconds, longestMs, responses, failure }: FuzzReport): string {
  const statuses = [...new Set(Object.values(responses).flatMap((ofTarget) => Object.keys(ofTarget)))].sort();
  const rows = Object.entries(responses).map(([target, ofTarget]) => [
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
    `${cases} cases of seed ${seed} in ${seconds.toFixed(0)} s, the longest response took ${longestMs.toFixed(0)} ms`,
    ...(failure === undefined ? ['ok'] : [`FAILED: ${failure.fault}`, JSON.stringify(failure.case, undefined, 2)]),
  ].join('\n');
}
