// Sends a hundred thousand requests of every kind to the serving app, and checks the responses.
import { json, option, readCommandLine } from '@facet/local-services';
import { alignColumns } from '@facet/platform';
import { runFuzz } from './run-fuzz.ts';
import type { FuzzReport } from './run-fuzz.ts';

const { values } = readCommandLine({
  options: {
    cases: option.number('Number of requests', 100_000),
    seed: option.number('Seed of the requests', 1),
    json,
  },
  notes: `The suite mutates the example requests of the OpenAPI document: wrong types, missing and unknown fields, unusual numbers and texts,
broken JSON, deep nesting, bodies beyond the limit, forged cursors, unknown keys. Some requests use real connections, and some of
these are broken in transit. No response may have status 5xx, take 20 seconds or violate the document. No error may be logged. At
the end, a golden request must have the same response as at the start.

Exit code: 0 if all of this holds. Otherwise 1, with the smallest failing request found.`,
});
const report = await runFuzz({
  cases: values.cases,
  seed: values.seed,
  onProgress(done) {
    if (done % 10_000 === 0) process.stderr.write(`${done} cases\n`);
  },
});
console.log(values.json ? JSON.stringify(report) : describe(report));
process.exit(report.failure === undefined ? 0 : 1);

function describe({ seed, cases, seconds, longestMs, responses, failure }: FuzzReport): string {
  const statuses = [...new Set(Object.values(responses).flatMap((ofTarget) => Object.keys(ofTarget)))].sort();
  const rows = Object.entries(responses)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([target, ofTarget]) => [target, ...statuses.map((status) => String(ofTarget[status] ?? ''))]);
  return [
    ...alignColumns([['operation', ...statuses], ...rows], { right: statuses.map((_, at) => at + 1) }),
    `${cases} cases of seed ${seed} in ${seconds.toFixed(0)} s, the longest response took ${longestMs.toFixed(0)} ms`,
    ...(failure === undefined ? ['ok'] : [`FAILED: ${failure.fault}`, JSON.stringify(failure.case, undefined, 2)]),
  ].join('\n');
}
