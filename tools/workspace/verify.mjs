#!/usr/bin/env node
// Everything that must hold before a change is merged: `npm test` and CI run this. It is quiet about what is fine.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { countVitestReport, failuresIn, parseNxTasks, plain, sum, summaryLine } from './results.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const bin = path.join(root, 'node_modules', '.bin');
const cores = os.availableParallelism();
const reportFile = path.join('test-results', 'vitest.json');
/** @type {import('./results.mjs').Tally[]} */
const tallies = [];
/** @type {import('node:child_process').ChildProcess | undefined} */
let current;
let stoppedWith = 0;

for (const [name, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])) {
  process.on(name, () => {
    stoppedWith = code;
    if (current?.pid !== undefined) signalGroup(current.pid);
  });
}

await single('project references', 'nx', ['sync:check'], 'npx nx sync');
await single('format', 'prettier', ['--check', '--log-level', 'warn', '.'], 'npm run format');
await checks();
await tests();

if (stoppedWith === 0) console.log(summaryLine(sum(tallies)));
process.exitCode = stoppedWith || (sum(tallies).failed > 0 ? 1 : 0);

/**
 * A command that counts as one check.
 *
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 * @param {string} repair
 */
async function single(title, command, args, repair) {
  const startedAt = Date.now();
  const { ok, output } = await run(command, args);
  tell(ok, title, ok ? '' : `repair with: ${repair}`, startedAt);
  if (!ok) console.log(output.trimEnd());
  tallies.push({ passed: Number(ok), failed: Number(!ok), skipped: 0 });
}

/** Lint rules and types: each project counts as one check of each. */
async function checks() {
  const startedAt = Date.now();
  const { ok, output } = await run('nx', ['run-many', '-t', 'lint', 'typecheck', `--parallel=${cores}`, '--skipSync']);
  const tasks = parseNxTasks(output).filter((task) => !task.ok || task.target !== 'build');
  const failed = tasks.filter((task) => !task.ok);
  const tally = { passed: tasks.length - failed.length, failed: failed.length, skipped: 0 };
  // Nx itself has failed, or a task that it does not name.
  if (!ok && tally.failed === 0) tally.failed = 1;
  tell(tally.failed === 0, 'lint and types', summaryLine(tally), startedAt);
  if (tally.failed > 0) console.log(failuresIn(output));
  tallies.push(tally);
}

async function tests() {
  const startedAt = Date.now();
  const folders = projectFolders();
  for (const folder of folders.values()) rmSync(path.join(folder, reportFile), { force: true });

  /** @type {Set<string>} */
  const told = new Set();
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, '--passWithNoTests'];
  // One file at a time in each project, as many projects at a time as there are cores.
  const args = ['run-many', '-t', 'test', `--parallel=${cores}`, '--skipSync', '--', ...reporters, '--maxWorkers=1'];
  const { ok, output } = await run('nx', args, (text) => {
    for (const task of parseNxTasks(text)) {
      if (told.has(task.project)) continue;
      told.add(task.project);
      const file = path.join(folders.get(task.project) ?? root, reportFile);
      const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
      const tally = report ? countVitestReport(report) : { passed: 0, failed: 0, skipped: 0 };
      // It crashed, or something failed outside of any test.
      if (!task.ok && tally.failed === 0) tally.failed = 1;
      tallies.push(tally);
      const isCached = report !== undefined && report.startTime < startedAt;
      const detail = `${summaryLine(tally)}${isCached ? ', as before' : ''}`;
      tell(task.ok, `test ${task.project}`, detail, isCached ? undefined : report?.startTime);
    }
  });
  if (!ok && sum(tallies).failed === 0) tallies.push({ passed: 0, failed: 1, skipped: 0 });
  if (!ok) console.log(failuresIn(output));
}

/** Project name → folder. */
function projectFolders() {
  const parents = ['apps', 'libs', 'tools'].filter((name) => existsSync(path.join(root, name)));
  const candidates = [
    'e2e',
    ...parents.flatMap((name) => readdirSync(path.join(root, name)).map((x) => path.join(name, x))),
  ];
  /** @type {Map<string, string>} */
  const folders = new Map();
  for (const candidate of candidates) {
    const manifest = path.join(root, candidate, 'package.json');
    if (existsSync(manifest)) folders.set(JSON.parse(readFileSync(manifest, 'utf8')).name, path.join(root, candidate));
  }
  return folders;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {(output: string) => void} [onOutput] Sees all output so far, whenever there is more.
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
async function run(command, args, onOutput) {
  if (stoppedWith !== 0) return { ok: true, output: '' };
  const child = spawn(path.join(bin, command), args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: {
      ...process.env,
      NX_DAEMON: 'false',
      NX_TUI: 'false',
      NX_INTERACTIVE: 'false',
      FORCE_COLOR: '0',
      NO_COLOR: '1',
    },
  });
  current = child;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output += text;
      onOutput?.(plain(output));
    });
  }
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      output += String(error);
      resolve(1);
    });
    child.on('close', resolve);
  });
  current = undefined;
  return { ok: code === 0 || stoppedWith !== 0, output: plain(output) };
}

/** @param {number} pid */
function signalGroup(pid) {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended already.
  }
}

/**
 * @param {boolean} ok
 * @param {string} title
 * @param {string} detail
 * @param {number | undefined} startedAt
 */
function tell(ok, title, detail, startedAt) {
  if (stoppedWith !== 0) return;
  const time = startedAt === undefined ? '' : `  ${Math.round((Date.now() - startedAt) / 1_000)} s`;
  console.log(`${ok ? '✔' : '✖'} ${title}${detail === '' ? '' : `: ${detail}`}${time}`);
}
