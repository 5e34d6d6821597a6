import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createTemporaryFolder } from '../src/folders.ts';

test('deletes the folders of ended processes, and no others', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'facet-test-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  vi.stubEnv('TMPDIR', parent);
  onTestFinished(() => void vi.unstubAllEnvs());
  const own = await createTemporaryFolder('spill');
  expect(dirname(own.path)).toBe(parent);
  const { pid: ended } = spawnSync(process.execPath, ['--eval', '']);
  const nameOf = (pid: number): string => basename(own.path).replace(`-${process.pid}-`, `-${pid}-`);
  const ofParent = nameOf(process.ppid);
  const ofEarlier = `${basename(own.path)}earlier`;
  const [recent, old] = ['facet-spill-elsewhere-1-a', 'facet-spill-elsewhere-1-b'];
  for (const name of [ofParent, ofEarlier, nameOf(ended), recent, old]) {
    await mkdir(join(parent, name, 'files'), { recursive: true });
  }
  for (const path of [join(parent, old, 'files'), join(parent, old)]) await utimes(path, 1, 1);

  const created = await createTemporaryFolder('spill');
  const kept = [own.path, created.path].map((path) => basename(path));
  expect(new Set(await readdir(parent))).toEqual(new Set([...kept, ofParent, recent]));
  await Promise.all([own.remove(), created.remove()]);
  expect(new Set(await readdir(parent))).toEqual(new Set([ofParent, recent]));
});
