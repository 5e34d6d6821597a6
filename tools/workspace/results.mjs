import path from 'node:path';

/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

/**
 * Reads the tasks from the output of Nx: a line for each that passed, a list of those that failed at the end.
 *
 * @param {string} output
 * @returns {{ project: string, ok: boolean }[]}
 */
export function parseNxTasks(output) {
  const text = plain(output);
  const done = [...text.matchAll(/^\s*✔\s+nx run ([^:\s]+):/gm)];
  const list = /^Failed tasks:\n\n((?:- .*\n)+)/m.exec(text)?.[1] ?? '';
  const failed = [...list.matchAll(/^- ([^:\s]+):/gm)];
  const tasks = [...done.map((match) => ({ match, ok: true })), ...failed.map((match) => ({ match, ok: false }))];
  return tasks.map(({ match: [, project = ''], ok }) => ({ project, ok }));
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
/** @typedef {{ status: string, ms: number, title: string }} Test `title` is `file: name`. */

/**
 * Reads the JSON report of one vitest run, without the tests that their tag leaves to `npm run test:full`. A file that could not be
 * loaded counts as one failure.
 *
 * @param {{ testResults: { name: string, status: string, assertionResults: Assertion[] }[] }} report
 * @param {string} root
 */
export function readReport({ testResults }, root) {
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status, tags = [] }) => status !== 'skipped' || !tags.includes('full'))
      .map(({ status, fullName, duration: ms = 0 }) => ({
        status,
        ms,
        title: `${path.relative(root, name)}: ${fullName}`,
      })),
  );
  const titlesOf = (/** @type {string[]} */ ...statuses) =>
    tests.filter(({ status }) => statuses.includes(status)).map(({ title }) => title);
  const [failed, skipped] = [titlesOf('failed'), titlesOf('skipped', 'pending', 'todo')];
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.every((each) => each.status !== 'failed'),
  );
  /** @type {Tally} */
  const tally = {
    passed: titlesOf('passed').length,
    failed: failed.length + brokenFiles.length,
    skipped: skipped.length,
  };
  return { tally, failed, skipped, tests };
}

/** @param {readonly Test[]} tests @returns The ten slowest ones, slowest first. */
export function slowestOf(tests) {
  return [...tests].sort((a, b) => b.ms - a.ms).slice(0, 10);
}

/** @param {readonly Tally[]} tallies @returns {Tally} */
export function sum(tallies) {
  const total = (/** @type {keyof Tally} */ field) => tallies.reduce((count, tally) => count + tally[field], 0);
  return { passed: total('passed'), failed: total('failed'), skipped: total('skipped') };
}

/** @param {Tally} tally @returns The last line of a run. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
