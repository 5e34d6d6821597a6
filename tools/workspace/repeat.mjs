#!/usr/bin/env node
// Runs the tests of processes N times on a busy machine: `npm run test:repeat -- 20`. It ends with the number of failed runs.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { failuresIn } from './results.mjs';
import { createRunner, root } from './runner.mjs';

const { positionals } = parseArgs({ allowPositionals: true });
const runs = Number(positionals[0] ?? 20);
const filter = positionals.slice(1);
if (!Number.isInteger(runs) || runs < 1) {
  console.error('Usage: npm run test:repeat -- RUNS [FILE …]   (RUNS is a whole number of at least 1)');
  process.exit(2);
}

/** Two busy loops per core, next to the tests and what they start. */
const busyLoops = Array.from({ length: 2 * os.availableParallelism() }, () =>
  spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
);
process.on('exit', () => busyLoops.forEach((child) => child.kill('SIGKILL')));

const runner = createRunner();
const files = filter.length > 0 ? filter : findProcessTests();
const projects = new Map(files.map((file) => [file, file.slice(0, file.indexOf('/test/'))]));
let failed = 0;
for (let run = 1; run <= runs && runner.exitCode === undefined; run++) {
  const startedAt = Date.now();
  /** @type {string[]} */
  const failures = [];
  for (const project of new Set(projects.values())) {
    const own = files.filter((file) => projects.get(file) === project).map((file) => path.relative(project, file));
    const args = ['run', '--root', project, '--tags-filter=!full', ...own];
    const { ok, output } = await runner.run('vitest', args);
    if (!ok) failures.push(`${project}\n${failuresIn(output)}`);
  }
  if (failures.length > 0) failed++;
  const load = os.loadavg()[0]?.toFixed(1);
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(`${failures.length === 0 ? '✔' : '✖'} run ${run} of ${runs}  load ${load}  ${seconds} s`);
  if (failures.length > 0) console.log(failures.join('\n'));
}
console.log(`${runs - failed} passed, ${failed} failed`);
process.exit(runner.exitCode ?? (failed > 0 ? 1 : 0));

/** Lists the test files that start an app or a server as a process, without those that `npm test` leaves out. */
function findProcessTests() {
  const starts = /\bstartProcess\(|\bstartFacetProcess\(|\brunFacetProcess\(|\bfork\(/;
  const folders = ['apps', 'libs'].flatMap((parent) =>
    readdirSync(path.join(root, parent)).map((name) => path.join(parent, name, 'test')),
  );
  const names = folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name)),
  );
  return names.filter((file) => {
    if (!/process[^/]*\.test\.ts$/.test(file)) return false;
    const text = readFileSync(path.join(root, file), 'utf8');
    return starts.test(text) && !text.startsWith('/** @module-tag full */');
  });
}
