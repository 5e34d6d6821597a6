import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

/** Creates a clone that has only the build, without packages. */
function createBareClone(): string {
  const clone = mkdtempSync(path.join(tmpdir(), 'facet-bare-'));
  onTestFinished(() => rmSync(clone, { recursive: true }));
  const workspace = fileURLToPath(new URL('../../..', import.meta.url));
  for (const name of ['package.json', 'tools/setup/build.mjs', 'tools/setup/kit']) {
    cpSync(path.join(workspace, name), path.join(clone, name), { recursive: true });
  }
  return clone;
}

/** Writes files with their folders. */
function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

it('commands of a clone without packages name the command that installs them', () => {
  const clone = createBareClone();

  const { status, stderr } = spawnSync('npm', ['run', 'facet', '--', '--help'], { cwd: clone, encoding: 'utf8' });

  expect(stderr).toBe('This clone has no packages yet. Run "npm run setup", then the same command again.\n');
  expect(status).toBe(1);
  expect(readdirSync(clone)).toEqual(['package.json', 'tools']);
});

it('keeps its lock fresh while the compiler runs', () => {
  const clone = createBareClone();
  // A compiler that makes the lock old, and exits with 7 as soon as the lock is fresh again.
  const compiler = `
    const { statSync, utimesSync } = require('node:fs');
    const lock = 'node_modules/.cache/facet-build.lock';
    utimesSync(lock, 1, 1);
    setInterval(() => statSync(lock).mtimeMs > 1_000 && process.exit(7), 50);
    setTimeout(() => process.exit(1), 20_000);`;
  writeFiles(clone, { 'node_modules/typescript-7/bin/tsc': compiler, 'apps/a/x': '', 'libs/b/x': '' });

  expect(spawnSync('node', ['tools/setup/build.mjs'], { cwd: clone }).status).toBe(7);
  expect(readdirSync(path.join(clone, 'node_modules/.cache'))).toEqual([]);
});
