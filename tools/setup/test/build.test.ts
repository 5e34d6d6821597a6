import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

it('commands of a clone without packages name the command that installs them', () => {
  const clone = mkdtempSync(path.join(tmpdir(), 'facet-bare-'));
  onTestFinished(() => rmSync(clone, { recursive: true }));
  const workspace = fileURLToPath(new URL('../../..', import.meta.url));
  for (const name of ['package.json', 'tools/setup/build.mjs', 'tools/setup/kit']) {
    cpSync(path.join(workspace, name), path.join(clone, name), { recursive: true });
  }

  const { status, stderr } = spawnSync('npm', ['run', 'facet', '--', '--help'], { cwd: clone, encoding: 'utf8' });

  expect(stderr).toBe('This clone has no packages yet. Run "npm run setup", then the same command again.\n');
  expect(status).toBe(1);
  expect(readdirSync(clone)).toEqual(['package.json', 'tools']);
});
