import path from 'node:path';

/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

/**
 * Reads the tasks from the output of Nx: a line for each that passed, a list of those that failed at the end.
 *
 * @param {string} output
 * @returns {{ project: string, target: string, ok: boolean }[]}
 */
export function parseNxTasks(output) {
  const text = plain(output);
  const done = [...text.matchAll(/^\s*✔\s+nx run ([^:\s]+):([^:\s]+)/gm)];
  const list = /^Failed tasks:\n\n((?:- .*\n)+)/m.exec(text)?.[1] ?? '';
  const failed = [...list.matchAll(/^- ([^:\s]+):([^:\s]+)/gm)];
  const tasks = [...done.map((match) => ({ match, ok: true })), ...failed.map((match) => ({ match, ok: false }))];
  return tasks.map(({ match: [, project = '', target = ''], ok }) => ({ project, target, ok }));
}

/**
 * The output of Nx without the lines about what passed.
 *
 * @param {string} output
 */
export function failuresIn(output) {
  return plain(output)
    .split('\n')
    .filter((line) => !/^\s*✔\s+nx run |^\s*✓ |^Output of \d+ successful tasks?/.test(line))
    .join('\n')
    .trim();
}

/** @param {string} text */
export function plain(text) {
  return text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '');
}

/** @typedef {{ status: string, fullName: string, tags?: string[], duration?: number }} Assertion */

/**
 * Whether a test was left out by its tag, for `npm run test:full`.
 *
 * @param {Pick<Assertion, 'status' | 'tags'>} assertion
 */
function isLeftToFull({ status, tags = [] }) {
  return status === 'skipped' && tags.includes('full');
}

/**
 * Counts the JSON report of one vitest run, without the tests that a tag left out. A file that could not even be loaded counts as one failure.
 *
 * @param {unknown} report
 * @returns {Tally}
 */
export function countVitestReport(report) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } =
    /** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number, testResults: { status: string, assertionResults: Pick<Assertion, 'status' | 'tags'>[] }[] }} */ (
      report
    );
  const left = testResults.flatMap(({ assertionResults }) => assertionResults.filter(isLeftToFull)).length;
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  );
  return {
    passed: numPassedTests,
    failed: numFailedTests + brokenFiles.length,
    skipped: numPendingTests + numTodoTests - left,
  };
}

/**
 * The tests of one vitest run that failed, and those that were skipped, as `file: title`.
 *
 * @param {unknown} report
 * @param {string} root
 * @returns {{ failed: string[], skipped: string[] }}
 */
export function testsToName(report, root) {
  const { testResults } = /** @type {{ testResults: { name: string, assertionResults: Assertion[] }[] }} */ (report);
  const named = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter((assertion) => !isLeftToFull(assertion))
      .map(({ status, fullName }) => ({ status, line: `${path.relative(root, name)}: ${fullName}` })),
  );
  const linesOf = (/** @type {string[]} */ ...statuses) =>
    named.filter(({ status }) => statuses.includes(status)).map(({ line }) => line);
  return { failed: linesOf('failed'), skipped: linesOf('skipped', 'pending', 'todo') };
}

/**
 * The ten slowest tests of one vitest run, slowest first.
 *
 * @param {unknown} report
 * @param {string} root
 * @returns {{ ms: number, title: string }[]}
 */
export function slowestTests(report, root) {
  const { testResults } = /** @type {{ testResults: { name: string, assertionResults: Assertion[] }[] }} */ (report);
  const timed = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, duration = 0 }) => ({
      ms: duration,
      title: `${path.relative(root, name)}: ${fullName}`,
    })),
  );
  return timed.sort((a, b) => b.ms - a.ms).slice(0, 10);
}

/**
 * @param {readonly Tally[]} tallies
 * @returns {Tally}
 */
export function sum(tallies) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of tallies) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/**
 * The last line of a run.
 *
 * @param {Tally} tally
 */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
