#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Compiles the changed files of each project from `src` to `dist`, without a type check. Node runs only `dist`.
 *
 * @returns {number} The exit code of the compiler.
 */
export function build() {
  const folders = ['apps', 'libs', 'tools'].flatMap((parent) =>
    readdirSync(path.join(root, parent)).map((name) => path.join(root, parent, name, 'tsconfig.build.json')),
  );
  const compiler = path.join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-b', ...folders.filter((file) => existsSync(file))], {
    stdio: 'inherit',
  });
  return status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = build();
