#!/usr/bin/env node
// Counts the source lines of apps, libs and tools, without tests and generated files, and fails above the budget.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './runner.mjs';

const linesMax = 105_000;

const files = execFileSync('git', ['ls-files', 'apps', 'libs', 'tools'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => /\.(ts|tsx|mts|mjs|h|py)$/.test(file) && !/\/test\/|\.test\./.test(file));
/** @type {Map<string, number>} */
const perProject = new Map();
let lines = 0;
for (const file of files) {
  const count = readFileSync(path.join(root, file), 'utf8').split('\n').length - 1;
  const project = file.split('/').slice(0, 2).join('/');
  perProject.set(project, (perProject.get(project) ?? 0) + count);
  lines += count;
}
console.log(`${lines} source lines in ${files.length} files; the budget is ${linesMax}`);
if (lines > linesMax) {
  const sorted = [...perProject].sort((a, b) => b[1] - a[1]);
  console.log(sorted.map(([project, count]) => `${String(count).padStart(7)}  ${project}`).join('\n'));
  console.log('Remove or join code before you add more.');
  process.exitCode = 1;
}
