#!/usr/bin/env node
// Repeats the tests that start processes on a busy machine: `npm run test:repeat -- 10 --minutes 20`. Exit code 1: a repetition failed.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { findProcessTests, isTaggedFull } from './process-tests.mjs';
import { failuresIn } from './results.mjs';
import { createRunner, root } from './runner.mjs';

/** The number of threads that run or wait for a core: the tests of three projects, and busy loops for the rest. */
const load = 8;
const projectsAtATime = 3;

const usage = 'Usage: npm run test:repeat -- REPETITIONS [--minutes MINUTES] [FILE …]   (whole numbers of at least 1)';
const { repetitions, minutes, chosen } = readArguments();
const endsAt = Date.now() + minutes * 60_000;
const runner = createRunner();
const tasks = createTasks(chosen.length > 0 ? chosen : findProcessTests(root));

/** @type {import('node:child_process').ChildProcess[]} */
const busyLoops = [];
process.on('exit', () => setBusyLoops(0));

let [done, failed] = [0, 0];
while (done < repetitions && runner.exitCode === undefined && Date.now() < endsAt) {
  const startedAt = Date.now();
  const { failures, loads } = await repeat();
  done++;
  if (failures.length > 0) failed++;
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  const mean = loads.reduce((total, each) => total + each, 0) / loads.length;
  const isOk = failures.length === 0;
  console.log(`${isOk ? '✔' : '✖'} repetition ${done} of ${repetitions}  load ${mean.toFixed(1)}  ${seconds} s`);
  if (!isOk) console.log(failures.join('\n'));
}
setBusyLoops(0);
const rest = done < repetitions ? `, ${repetitions - done} not started` : '';
console.log(`${done} of ${repetitions} repetitions: ${done - failed} passed, ${failed} failed${rest}`);
process.exitCode = runner.exitCode ?? (failed > 0 || done === 0 ? 1 : 0);

/** Runs all tests once. Returns the failures, and the number of running threads of the machine, sampled twice a second. */
async function repeat() {
  const waiting = [...tasks];
  /** @type {string[]} */
  const failures = [];
  const loads = [0];
  const timer = setInterval(() => {
    const current = countRunning();
    loads.push(current);
    setBusyLoops(Math.min(load, Math.max(0, busyLoops.length + Math.sign(load - current))));
  }, 500);
  const takeTasks = async () => {
    for (let task = waiting.shift(); task !== undefined && runner.exitCode === undefined; task = waiting.shift()) {
      const { ok, output } = await runner.run('vitest', task.args);
      if (!ok) failures.push(`${task.project}\n${failuresIn(output)}`);
    }
  };
  await Promise.all(Array.from({ length: projectsAtATime }, takeTasks));
  clearInterval(timer);
  return { failures, loads };
}

/** Returns the number of threads that run or wait for a core, without the current thread. */
function countRunning() {
  const [, running = '1'] = /(\d+)\/\d+/.exec(readFileSync('/proc/loadavg', 'utf8')) ?? [];
  return Number(running) - 1;
}

/** @param {number} count */
function setBusyLoops(count) {
  while (busyLoops.length < count) {
    busyLoops.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  }
  for (const child of busyLoops.splice(count)) child.kill('SIGKILL');
}

/**
 * Returns one run of Vitest per project, those with the most files first.
 *
 * @param {readonly string[]} files
 */
function createTasks(files) {
  /** @type {Map<string, { project: string, args: string[] }>} */
  const found = new Map();
  for (const file of files) {
    const project = file.slice(0, file.indexOf('/test/'));
    const isFull = isTaggedFull(path.join(root, file));
    const args = ['run', '--root', project, ...(isFull ? [] : ['--tags-filter=!full'])];
    const key = args.join(' ');
    if (!found.has(key)) found.set(key, { project, args });
    found.get(key)?.args.push(path.relative(project, file));
  }
  return [...found.values()].sort((a, b) => b.args.length - a.args.length);
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { minutes: { type: 'string' } } });
    const [first = '10', ...chosen] = positionals;
    const [repetitions, minutes] = [Number(first), Number(values.minutes ?? Infinity)];
    const isValid = Number.isInteger(repetitions) && repetitions >= 1 && minutes >= 1;
    if (isValid) return { repetitions, minutes, chosen };
  } catch {
    // `parseArgs` throws for an unknown option.
  }
  console.error(usage);
  process.exit(2);
}
