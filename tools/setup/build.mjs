#!/usr/bin/env node
// Compiles the changed files of each project from `src` to `dist`, without a type check. Node runs only `dist`.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './kit/lock.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * Compiles the workspace while no other process does: none may start a file that another one is writing.
 *
 * @returns {Promise<number>} The exit code of the compiler.
 */
export function build() {
  const lock = path.join(root, 'node_modules', '.cache', 'facet-build.lock');
  return withLock(lock, { signal: new AbortController().signal, pollMs: 100 }, async () => {
    const projects = ['apps', 'libs', 'tools']
      .flatMap((parent) => readdirSync(path.join(root, parent)).map((name) => path.join(root, parent, name)))
      .filter((folder) => existsSync(path.join(folder, 'tsconfig.build.json')));
    projects.forEach(removeStaleOutput);
    const compiler = path.join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
    const files = projects.map((folder) => path.join(folder, 'tsconfig.build.json'));
    return spawnSync(process.execPath, [compiler, '-b', ...files], { stdio: 'inherit' }).status ?? 1;
  });
}

/**
 * Deletes compiled files whose source is gone, so that a wrong import fails.
 *
 * @param {string} project
 */
function removeStaleOutput(project) {
  const dist = path.join(project, 'dist');
  if (!existsSync(dist)) return;
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.js')) continue;
    const source = name.replace(/\.js$/, '.ts');
    // A project that also compiles another folder has `src` in `dist`.
    if (existsSync(path.join(project, 'src', source)) || existsSync(path.join(project, source))) continue;
    rmSync(path.join(dist, name));
  }
}

if (realpathSync(process.argv[1] ?? '') === realpathSync(fileURLToPath(import.meta.url))) {
  process.exitCode = await build();
}
