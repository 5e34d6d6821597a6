#!/usr/bin/env node
// Checks the workspace. `npm test` and CI run all checks and all tests; `npm run lint` runs the checks; `npm run check` runs the checks and the tests of
// what differs from main.
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { countVitestReport, failuresIn, parseNxTasks, sum, summaryLine, testsToName } from './results.mjs';
import { createRunner, root } from './runner.mjs';

/**
 * The projects whose tests take longest, because they start processes and browsers. Nx starts a project last if no other project
 * depends on it. So these would run alone at the end.
 */
const longest = ['@facet/e2e', '@facet/console', '@facet/pack', '@facet/workspace'];
const reportFile = path.join('test-results', 'vitest.json');
const cores = os.availableParallelism();
const mode = process.argv[2] ?? 'test';
/** TypeScript 7: several times faster than the TypeScript 6 that typescript-eslint needs. */
const typeChecker = path.join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
const runner = createRunner();
/** @type {import('./results.mjs').Tally[]} */
const tallies = [];

/** @type {{ title: string, command: string, args: string[], remedy?: string }[]} */
const checks = [
  { title: 'format', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'], remedy: 'npm run format' },
  { title: 'types', command: typeChecker, args: ['-b', '.', 'libs/client', 'apps/console/page'] },
  { title: 'code rules', command: 'eslint', args: ['.'] },
  { title: 'import cycles', command: 'depcruise', args: ['--output-type', 'err', 'apps', 'libs', 'tools', 'e2e'] },
  { title: 'unused code', command: 'knip', args: ['--no-progress', '--tsConfig', 'tsconfig.build.json'] },
  { title: 'links', command: 'remark', args: ['--quiet', '--frail', '--use', 'remark-validate-links', '.'] },
  { title: 'spelling', command: 'cspell', args: ['--no-progress', '--no-summary', '.'], remedy: 'cspell-words.txt' },
  { title: 'plain English', command: process.execPath, args: [path.join('tools', 'workspace', 'prose.mjs')] },
  { title: 'settings', command: process.execPath, args: ['tools/workspace/configuration.mjs', '--check'] },
  { title: 'benchmarks', command: process.execPath, args: ['tools/workspace/benchmarks.mjs', '--check'] },
];

// Writes the project graph, which the code rules read.
const selection = mode === 'check' ? ['--affected'] : [];
const projects = await check({ title: 'projects', command: 'nx', args: ['show', 'projects', ...selection] });
// Before the projects start their tests in parallel: none may load a file that another one is compiling.
await check({ title: 'build', command: process.execPath, args: [path.join('tools', 'setup', 'build.mjs')] });
await Promise.all(Array.from({ length: cores }, takeChecks));
if (mode !== 'lint') await tests(new Set(mode === 'check' ? projects.split('\n') : projectFolders().keys()));

if (runner.exitCode === undefined) console.log(summaryLine(sum(tallies)));
process.exitCode = runner.exitCode ?? (sum(tallies).failed > 0 ? 1 : 0);

async function takeChecks() {
  for (let next = checks.shift(); next !== undefined; next = checks.shift()) await check(next);
}

/**
 * @param {{ title: string, command: string, args: string[], remedy?: string }} check
 * @returns {Promise<string>} The output.
 */
async function check({ title, command, args, remedy }) {
  const startedAt = Date.now();
  const { ok, output } = await runner.run(command, args);
  report(ok, title, ok || remedy === undefined ? '' : `to fix: ${remedy}`, startedAt);
  if (!ok) console.log(output.trimEnd());
  tallies.push({ passed: Number(ok), failed: Number(!ok), skipped: 0 });
  return output;
}

/**
 * Runs the tests of `cores` + 1 projects at a time, because tests also wait. One slot runs the longest projects. Nx restores results of
 * unchanged projects.
 *
 * @param {ReadonlySet<string>} names
 */
async function tests(names) {
  const startedAt = Date.now();
  const folders = projectFolders();
  for (const folder of folders.values()) rmSync(path.join(folder, reportFile), { force: true });

  /** @type {Set<string>} */
  const reported = new Set();
  const named = { failed: /** @type {string[]} */ ([]), skipped: /** @type {string[]} */ ([]) };
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, '--passWithNoTests'];
  /** @param {string} text */
  const reportTasks = (text) => {
    for (const task of parseNxTasks(text)) {
      if (reported.has(task.project)) continue;
      reported.add(task.project);
      const file = path.join(folders.get(task.project) ?? root, reportFile);
      const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
      const tally = result ? countVitestReport(result) : { passed: 0, failed: 0, skipped: 0 };
      // The process crashed, or something failed outside of any test.
      if (!task.ok && tally.failed === 0) tally.failed = 1;
      tallies.push(tally);
      if (result) {
        const { failed, skipped } = testsToName(result, root);
        named.failed.push(...failed);
        named.skipped.push(...skipped);
      }
      const isCached = result !== undefined && result.startTime < startedAt;
      const detail = `${summaryLine(tally)}${isCached ? ', unchanged' : ''}`;
      report(task.ok, `test ${task.project}`, detail, isCached ? undefined : result?.startTime);
    }
  };
  /**
   * @param {string[]} projects
   * @param {number} parallel
   */
  const run = async (projects, parallel) => {
    if (projects.length === 0) return;
    const args = ['run-many', '-t', 'test', '-p', projects.join(','), `--parallel=${parallel}`, '--', ...reporters];
    const { ok, output } = await runner.run('nx', args, reportTasks);
    if (!ok && sum(tallies).failed === 0) tallies.push({ passed: 0, failed: 1, skipped: 0 });
    if (!ok) console.log(failuresIn(output));
  };
  const others = [...folders.keys()].filter((name) => !longest.includes(name));
  const isChosen = (/** @type {string} */ name) => names.has(name);
  await Promise.all([run(longest.filter(isChosen), 1), run(others.filter(isChosen), cores)]);
  printList('SKIPPED, not verified by this run', named.skipped);
  printList('FAILED', named.failed);
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
