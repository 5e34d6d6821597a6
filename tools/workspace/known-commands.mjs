import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './runner.mjs';

/** @param {string} file */
const read = (file) => readFileSync(path.join(root, file), 'utf8');
/** @param {string} file */
const helpOf = (file) => execFileSync(process.execPath, [path.join(root, file), '--help'], { encoding: 'utf8' });
/** @param {string} text @param {RegExp} pattern */
const matches = (text, pattern) => [...text.matchAll(pattern)].map(([, match = '']) => match);

const known = {
  'npm run': Object.keys(JSON.parse(read('package.json')).scripts),
  'npm run bench --': matches(helpOf('tools/workspace/bench.mjs'), /^ {2}([a-z-]+) {2}/gm),
  'npm run test:faults --': matches(helpOf('tools/workspace/faults.mjs'), /^ {2}([a-z-]+) {2}/gm),
  'npm run facet --': matches(read('apps/cli/src/program.ts'), /^ {4}'?([a-z-]+)'?: entry\(/gm),
};

/**
 * Finds the commands in a text. Returns their programs, scripts, subcommands and files that do not exist. Skips placeholders in capitals.
 *
 * @param {string} text
 */
export function findMissingCommands(text) {
  const missing = Object.entries(known).flatMap(([prefix, names]) =>
    matches(text, new RegExp(`${prefix} ([a-z][a-z:-]*)`, 'g'))
      .filter((name) => !names.includes(name))
      .map((name) => `${prefix} ${name}`),
  );
  const files = [
    ...matches(text, /(?:python|node|torchrun .*?) ((?:tools|apps|libs)\/\S+)/g),
    ...[...text.matchAll(/vitest run --root (\S+) (\S+)/g)].map(([, folder, file]) => `${folder}/${file}`),
  ];
  return [...missing, ...files.filter((file) => !existsSync(path.join(root, file)))];
}

/** @param {string} text @returns Whether the text contains a command. */
export function hasCommand(text) {
  return /\bnpm (?:run|test|start)\b|\bvitest run\b|\bpython \S+\.py\b/.test(text);
}
