/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

/**
 * What Nx printed about its tasks. It shows the output of failed tasks only.
 *
 * @param {string} output
 * @returns {{ project: string, target: string, ok: boolean }[]}
 */
export function parseNxTasks(output) {
  const tasks = new Map();
  for (const [, mark, project, target] of plain(output).matchAll(/^\s*([✔✖])\s+nx run ([^:\s]+):([^:\s]+)/gm)) {
    tasks.set(`${project}:${target}`, { project, target, ok: mark === '✔' });
  }
  return [...tasks.values()];
}

/** @param {string} text */
export function plain(text) {
  return text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '');
}

/**
 * Counts the JSON report of one vitest run. A file that could not even be loaded counts as one failure.
 *
 * @param {unknown} report
 * @returns {Tally}
 */
export function countVitestReport(report) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } =
    /** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number, testResults: { status: string, assertionResults: { status: string }[] }[] }} */ (
      report
    );
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  );
  return {
    passed: numPassedTests,
    failed: numFailedTests + brokenFiles.length,
    skipped: numPendingTests + numTodoTests,
  };
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
