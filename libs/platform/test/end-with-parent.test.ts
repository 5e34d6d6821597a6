/** @module-tag full */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { endWithParent } from '../src/child-process.ts';

/** A child that writes its process id to a file and then blocks its thread forever. */
const child = `
  require('node:fs').writeFileSync(process.argv[3], String(process.pid));
  for (;;);
`;
const parent = `
  const { fork } = require('node:child_process');
  const [, , file, pidFile, execArgv] = process.argv;
  fork(file, [String(process.pid), pidFile], { execArgv: JSON.parse(execArgv) });
`;

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('ends a process soon after its parent is killed, even if its thread is blocked', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'facet-parent-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [parentFile, childFile, pidFile] = ['parent.cjs', 'child.cjs', 'pid'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(parentFile, parent);
  await writeFile(childFile, child);
  const started = spawn(process.execPath, [parentFile, childFile, pidFile, JSON.stringify(endWithParent)], {
    stdio: 'ignore',
  });
  await expect.poll(() => readFile(pidFile, 'utf8').catch(() => ''), { timeout: 30_000 }).toMatch(/^\d+$/);
  const pid = Number(await readFile(pidFile, 'utf8'));
  onTestFinished(() => void (isAlive(pid) && process.kill(pid, 'SIGKILL')));
  // The child lives as long as its parent.
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(isAlive(pid)).toBe(true);
  started.kill('SIGKILL');
  await once(started, 'exit');
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
});
