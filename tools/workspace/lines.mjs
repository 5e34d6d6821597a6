#!/usr/bin/env node
// Counts the source lines of apps, libs and tools, without tests and generated files. Fails if a project is above its bound.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compareWithBudgets, linesMaxOfAll } from './budgets.mjs';
import { root } from './runner.mjs';

const files = execFileSync('git', ['ls-files', 'apps', 'libs', 'tools'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => /\.(ts|tsx|mts|mjs|h|py)$/.test(file) && !/\/test\/|\.test\./.test(file));
/** @type {Map<string, number>} */
const sizes = new Map();
for (const file of files) {
  const project = file.split('/').slice(0, 2).join('/');
  sizes.set(project, (sizes.get(project) ?? 0) + readFileSync(path.join(root, file), 'utf8').split('\n').length - 1);
}
const { problems, grown, lines } = compareWithBudgets(sizes);
console.log(`${lines} source lines in ${files.length} files; the limit for the sum of all bounds is ${linesMaxOfAll}`);
if (grown.length > 0) console.log(`Grown since the bounds were set:\n${grown.map((line) => `  ${line}`).join('\n')}`);
if (problems.length > 0) console.log(problems.join('\n'));
process.exitCode = problems.length === 0 ? 0 : 1;
