#!/usr/bin/env node
// Checks the workspace. `npm test` and CI run all checks and the tests without the tag `full`. `npm run test:full` runs all tests. `npm run lint` runs the
// checks. `npm run check` runs the checks and the tests of what differs from main.
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { failuresIn, parseNxTasks, readReport, slowestOf, sum, summaryLine } from './results.mjs';
import { createRunner, root } from './runner.mjs';

/**
 * Projects whose tests start processes and browsers. Each list runs one project after the other, at the same time as the other list
 * and the libraries, so that all end at about the same time. Nx alone would start these last, because no other project depends on them.
 */
const longest = [
  ['@facet/console', '@facet/e2e', '@facet/serving', '@facet/cli', '@facet/workspace', '@facet/pack'],
  [
    '@facet/stages',
    '@facet/gate',
    '@facet/benchmark',
    '@facet/refresh',
    '@facet/collector',
    '@facet/artifacts',
    '@facet/trainer',
    '@facet/kafka',
    '@facet/indexer',
    '@facet/bench',
  ],
];
/** A change of one of these, or of a project below it, also runs the tests with the tag `full`, such as its kill tests. */
const fullWhenChanged = [
  '@facet/artifacts',
  '@facet/benchmark',
  '@facet/collector',
  '@facet/console',
  '@facet/gate',
  '@facet/import',
  '@facet/kafka',
  '@facet/lake',
  '@facet/refresh',
  '@facet/runs',
  '@facet/serving',
  '@facet/stages',
  '@facet/trainer',
  '@facet/workspace',
];
/** CI fails above this time. `npm test` aims at 10 minutes. */
const ciMinutesMax = 15;
const reportFile = path.join('test-results', 'vitest.json');
const cores = os.availableParallelism();
const mode = process.argv[2] ?? 'test';
const startedAt = Date.now();
const unknown = [...longest.flat(), ...fullWhenChanged].filter((name) => !projectFolders().has(name));
if (unknown.length > 0) throw new Error(`Not a project: ${unknown.join(', ')}. Correct the lists in verify.mjs.`);
const runner = createRunner();
/** @type {import('./results.mjs').Tally[]} */
const tallies = [];

/** @typedef {[title: string, command: string, remedy?: string]} Check `node FILE`, or a program of an installed package. */
/** @type {Check[]} */
const checks = [
  // TypeScript 7: several times faster than the TypeScript 6 that typescript-eslint needs.
  ['types', 'node node_modules/typescript-7/bin/tsc -b . libs/client apps/console/page'],
  // A rule about types can find an error in a file whose own text is unchanged, so Nx caches the result of all files, not of each.
  ['code rules', 'nx run @facet/workspace:code-rules'],
  ['format', 'prettier --check --cache --cache-strategy content --log-level warn .', 'npm run format'],
  ['import cycles', 'depcruise --output-type err apps libs tools e2e'],
  ['unused code', 'knip --no-progress --tsConfig tsconfig.build.json'],
  ['links', 'remark --quiet --frail --use remark-validate-links .'],
  ['spelling', 'cspell --no-progress --no-summary .', 'cspell-words.txt'],
  ['plain English', 'node tools/workspace/prose.mjs'],
  ['size', 'node tools/workspace/lines.mjs'],
  ['settings', 'node tools/workspace/configuration.mjs --check'],
  ['benchmarks', 'node tools/workspace/benchmarks.mjs --check'],
];

// Writes the project graph, which the code rules read.
const projects = await check(['projects', `nx show projects${mode === 'check' ? ' --affected' : ''}`]);
// Before the projects start their tests in parallel: none may load a file that another one is compiling.
await check(['build', 'node tools/setup/build.mjs']);
await Promise.all(Array.from({ length: cores }, takeChecks));
if (mode === 'check') {
  const changed = projects.split('\n');
  const isFull = (/** @type {string} */ name) => fullWhenChanged.includes(name);
  await tests(new Set(changed.filter((name) => !isFull(name))), 'default');
  await tests(new Set(changed.filter(isFull)), 'all');
} else if (mode !== 'lint') {
  await tests(new Set(projectFolders().keys()), mode === 'full' ? 'all' : 'default');
}

const minutes = (Date.now() - startedAt) / 60_000;
if (process.env['CI'] === 'true' && mode === 'test' && minutes > ciMinutesMax) {
  console.log(
    `✖ npm test took ${minutes.toFixed(1)} minutes; at most ${ciMinutesMax} are allowed. Tag slow tests with 'full'.`,
  );
  tallies.push({ passed: 0, failed: 1, skipped: 0 });
}
if (runner.exitCode === undefined) console.log(summaryLine(sum(tallies)));
process.exitCode = runner.exitCode ?? (sum(tallies).failed > 0 ? 1 : 0);

async function takeChecks() {
  for (let next = checks.shift(); next !== undefined; next = checks.shift()) await check(next);
}

/** @param {Check} check @returns {Promise<string>} The output. */
async function check([title, command, remedy]) {
  const startedAt = Date.now();
  const [program = '', ...args] = command.split(' ');
  const { ok, output } = await runner.run(program === 'node' ? process.execPath : program, args);
  report(ok, title, ok || remedy === undefined ? '' : `to fix: ${remedy}`, startedAt);
  if (!ok || (title === 'size' && mode === 'check')) console.log(output.trimEnd());
  tallies.push({ passed: Number(ok), failed: Number(!ok), skipped: 0 });
  return output;
}

/**
 * Runs the tests of three projects at a time, more than the cores of the machine, because tests also wait. Nx restores results of
 * unchanged projects.
 *
 * @param {ReadonlySet<string>} names
 * @param {'default' | 'all'} which
 */
async function tests(names, which) {
  const startedAt = Date.now();
  const folders = projectFolders();
  for (const folder of folders.values()) rmSync(path.join(folder, reportFile), { force: true });

  /** @type {Set<string>} */
  const reported = new Set();
  /** @type {ReturnType<typeof readReport>[]} */
  const reports = [];
  const options = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, '--passWithNoTests'];
  if (which === 'default') options.push('--tags-filter=!full');
  /** @param {string} text */
  const reportTasks = (text) => {
    for (const task of parseNxTasks(text)) {
      if (reported.has(task.project)) continue;
      reported.add(task.project);
      const file = path.join(folders.get(task.project) ?? root, reportFile);
      const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
      const read = result && readReport(result, root);
      const tally = read?.tally ?? { passed: 0, failed: 0, skipped: 0 };
      // The process crashed, or something failed outside of any test.
      if (!task.ok && tally.failed === 0) tally.failed = 1;
      tallies.push(tally);
      if (read) reports.push(read);
      const isCached = result !== undefined && result.startTime < startedAt;
      const detail = `${summaryLine(tally)}${isCached ? ', unchanged' : ''}`;
      report(task.ok, `test ${task.project}`, detail, isCached ? undefined : result?.startTime);
    }
  };
  /** @param {string[]} projects */
  const run = async (projects) => {
    if (projects.length === 0) return;
    const args = ['run-many', '-t', 'test', '-p', projects.join(','), '--parallel=1', '--', ...options];
    const { ok, output } = await runner.run('nx', args, reportTasks);
    if (!ok && sum(tallies).failed === 0) tallies.push({ passed: 0, failed: 1, skipped: 0 });
    if (!ok) console.log(failuresIn(output));
  };
  const others = [...folders.keys()].filter((name) => !longest.flat().includes(name));
  await Promise.all([...longest, others].map((list) => run(list.filter((name) => names.has(name)))));
  const slowest = slowestOf(reports.flatMap(({ tests }) => tests));
  printList(
    'The ten slowest tests',
    slowest.map(({ ms, title }) => `${(ms / 1_000).toFixed(1).padStart(6)} s  ${title}`),
  );
  printList(
    'SKIPPED, not verified by this run',
    reports.flatMap(({ skipped }) => skipped),
  );
  printList(
    'FAILED',
    reports.flatMap(({ failed }) => failed),
  );
}

/**
 * @param {string} title
 * @param {string[]} lines
 */
function printList(title, lines) {
  if (lines.length > 0) console.log(`\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}\n`);
}

/** Project name → folder. */
function projectFolders() {
  const parents = ['apps', 'libs', 'tools'];
  const candidates = parents.flatMap((name) => readdirSync(path.join(root, name)).map((x) => path.join(name, x)));
  /** @type {Map<string, string>} */
  const folders = new Map();
  for (const candidate of ['e2e', ...candidates]) {
    const manifest = path.join(root, candidate, 'package.json');
    if (existsSync(manifest)) folders.set(JSON.parse(readFileSync(manifest, 'utf8')).name, path.join(root, candidate));
  }
  return folders;
}

/**
 * @param {boolean} ok
 * @param {string} title
 * @param {string} detail
 * @param {number | undefined} startedAt
 */
function report(ok, title, detail, startedAt) {
  if (runner.exitCode !== undefined) return;
  const time = startedAt === undefined ? '' : `  ${Math.round((Date.now() - startedAt) / 1_000)} s`;
  console.log(`${ok ? '✔' : '✖'} ${title}${detail === '' ? '' : `: ${detail}`}${time}`);
}
