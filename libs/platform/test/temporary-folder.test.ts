import { spawnSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { temporaryFolder } from '@facet/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createTemporaryFolder } from '../src/temporary-folder.ts';

test('deletes the folders of ended processes of this host, and no others', async () => {
  const parent = await temporaryFolder();
  vi.stubEnv('TMPDIR', parent);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { pid } = spawnSync(process.execPath, ['--eval', '']);
  const ofParent = `facet-spill-${hostname()}-${process.ppid}-a`;
  const ofOtherHost = `facet-spill-elsewhere-${pid}-a`;
  const left = `facet-spill-${hostname()}-${pid}-a`;
  for (const name of [ofParent, ofOtherHost, left]) await mkdir(join(parent, name, 'spill'), { recursive: true });
  const created = await createTemporaryFolder('spill');
  expect(new Set(await readdir(parent))).toEqual(
    new Set([ofParent, ofOtherHost, created.path.slice(parent.length + 1)]),
  );
  await created.remove();
  expect(await readdir(parent)).toHaveLength(2);
});
