#!/usr/bin/env node
// Generates the types of the API clients, then compiles the changed files of each project from `src` to `dist`, without a type
// check. Node runs only `dist`.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { generateApiTypes } from './api-types.mjs';
import { withLock } from './kit/lock.mjs';

const root = path.resolve(import.meta.dirname, '..', '..');

/**
 * Compiles the workspace while no other process does: none may start a file that another one is writing.
 *
 * @returns {Promise<number>} The exit code of the compiler.
 */
export async function build() {
  const compiler = path.join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
  if (!existsSync(compiler)) {
    process.stderr.write('This clone has no packages yet. Run "npm run setup", then the same command again.\n');
    return 1;
  }
  const lock = path.join(root, 'node_modules', '.cache', 'facet-build.lock');
  return withLock(lock, { signal: new AbortController().signal, pollMs: 100 }, async () => {
    const projects = ['apps', 'libs', 'tools']
      .flatMap((parent) => readdirSync(path.join(root, parent)).map((name) => path.join(root, parent, name)))
      .filter((folder) => existsSync(path.join(folder, 'tsconfig.build.json')));
    projects.forEach(removeStaleOutput);
    await generateApiTypes();
    const files = projects.map((folder) => path.join(folder, 'tsconfig.build.json'));
    const status = await runNode([compiler, '-b', ...files]);
    return status === 0 ? buildPage(path.join(root, 'apps', 'console')) : status;
  });
}

/**
 * Runs a script without blocking this process, which keeps its lock fresh meanwhile.
 *
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>} The exit code of the script.
 */
async function runNode(args, options) {
  const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit', ...options }), 'close');
  return code ?? 1;
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
    // The page of the console is compiled by Vite.
    if (!name.endsWith('.js') || name.startsWith(`page${path.sep}`)) continue;
    const source = name.replace(/\.js$/, '.ts');
    // A project that also compiles another folder has `src` in `dist`.
    if (existsSync(path.join(project, 'src', source)) || existsSync(path.join(project, source))) continue;
    rmSync(path.join(dist, name));
  }
}

/** The only files outside of its folder that the page imports, with the folder of merge modes. Of other libraries, it imports types. */
const pageImports = [
  'apps/console/src/pages.ts',
  'libs/bundles/src/filters/filter-operators.ts',
  'libs/http/src/metrics-text.ts',
  'libs/runs/src/describe-fit.ts',
  'libs/platform/src/quantities.ts',
];

/**
 * Builds the page of the console with Vite if its sources or packages have changed. The page is complete or absent.
 *
 * @param {string} project
 * @returns {Promise<number>} The exit code of Vite.
 */
async function buildPage(project) {
  const stampFile = path.join(project, 'dist', 'page', '.stamp');
  const stamp = hashOf([
    ...listFiles(path.join(project, 'page')),
    ...['package.json', 'vite.config.mts'].map((name) => path.join(project, name)),
    path.join(root, 'package-lock.json'),
    ...pageImports.map((file) => path.join(root, file)),
    ...listFiles(path.join(root, 'libs', 'retrieval', 'src', 'merging')),
    // The page contains the documentation.
    ...listFiles(path.join(root, 'docs')).filter((file) => file.endsWith('.md')),
  ]);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return 0;
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const status = await runNode([vite, 'build', '--logLevel', 'warn'], {
    cwd: project,
    // Tests, which build as well, set another one. React would then be its slow development version.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (status === 0) writeFileSync(stampFile, stamp);
  return status;
}

/** @param {string} folder */
function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** @param {readonly string[]} files */
function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

if (realpathSync(process.argv[1] ?? '') === import.meta.filename) process.exitCode = await build();
