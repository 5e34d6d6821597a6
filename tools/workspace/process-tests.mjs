import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Patterns of code that starts a process, a server or a browser, or uses the broker of the global setup. */
const starts = [
  /^import (?!type )[^;]*? from 'node:(?:child_process|cluster|http|https|http2|net|worker_threads)';/m,
  /^import (?!type )[^;]*? from '(?:playwright-core|@facet\/local-services)';/m,
  /\.listen\(|\bserveForTest\(|\bcopyWorkspace\(|\bstart(?!Of)[A-Z]\w*\(|\binject\('/,
];

/** Test files that `npm test` leaves out, and that are the first to fail on a busy machine. */
const always = ['apps/serving/test/processes.test.ts'];

/**
 * Returns whether only `npm run test:full` runs the tests of the file.
 *
 * @param {string} file
 */
export function isTaggedFull(file) {
  return readFileSync(file, 'utf8').startsWith('/** @module-tag full */');
}

/**
 * Lists the test files of `npm test` that start a process, a server or a browser, directly or through a helper in their test folder.
 * Adds the tests of several serving processes, which are tagged `full`.
 *
 * @param {string} root The folder of the workspace.
 * @returns {string[]} Paths below the root.
 */
export function findProcessTests(root) {
  const projects = ['apps', 'libs', 'tools'].flatMap((parent) =>
    readdirSync(path.join(root, parent)).map((name) => path.join(parent, name)),
  );
  /** @type {Map<string, boolean>} */
  const known = new Map();
  return ['e2e', ...projects].flatMap((project) => {
    const folder = path.join(root, project, 'test');
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => path.join(folder, name))
      .filter((file) => always.includes(path.relative(root, file)) || !isTaggedFull(file))
      .filter((file) => startsProcess(file, folder, known))
      .map((file) => path.relative(root, file));
  });
}

/**
 * @param {string} file
 * @param {string} folder
 * @param {Map<string, boolean>} known
 * @returns {boolean}
 */
function startsProcess(file, folder, known) {
  const before = known.get(file);
  if (before !== undefined) return before;
  // Ends the recursion at an import cycle.
  known.set(file, false);
  const text = readFileSync(file, 'utf8');
  const helpers = [
    ...text.matchAll(/^(?:import|export|\}) (?!type )[^;]*?from '(\.[^']+\.ts)';|^import '(\.[^']+\.ts)';/gm),
  ]
    .map(([, from, only = '']) => path.resolve(path.dirname(file), from ?? only))
    .filter((helper) => helper.startsWith(folder + path.sep));
  const result =
    starts.some((pattern) => pattern.test(text)) || helpers.some((helper) => startsProcess(helper, folder, known));
  known.set(file, result);
  return result;
}
