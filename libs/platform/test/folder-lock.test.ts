import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { takeFolderLock } from '../src/index.ts';

/** No process has the highest id. */
const nobody = '4194304 1';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-lock-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function take(folder: string) {
  const lock = await takeFolderLock(folder);
  if ('heldBy' in lock) throw new Error(`${folder} is held by ${lock.heldBy}`);
  return lock;
}

it('has one holder until its release', async () => {
  const folder = await temporaryFolder();
  const lock = await take(folder);
  expect(await takeFolderLock(folder)).toEqual({ heldBy: process.pid });
  await lock.release();
  await (await take(folder)).release();
  expect(await readdir(folder)).toEqual([]);
});

it.each([
  ['a process that is gone', [nobody]],
  ['an earlier process with the id of this one', [`${process.pid} 1`]],
  ['one that died while it took over from another', [nobody, `${nobody} again`]],
  ['an unnamed process', ['']],
])('is taken over from %s', async (_, holders) => {
  const folder = await temporaryFolder();
  for (const [index, holder] of holders.entries()) await symlink(holder || '-', join(folder, `lock.${index + 7}`));
  const lock = await take(folder);
  expect(await readdir(folder)).toEqual([`lock.${holders.length + 7}`]);
  await lock.release();
});

it('gives a stale lock to one of several concurrent processes', { tags: 'full' }, async () => {
  const folder = await temporaryFolder();
  const folders = Array.from({ length: 150 }, (_, index) => join(folder, String(index)));
  for (const path of folders) {
    await mkdir(path);
    await symlink(nobody, join(path, 'lock.1'));
  }
  const script = fileURLToPath(new URL('lock-in-child.ts', import.meta.url));
  const children = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, ['--conditions=@facet/source', '--import=tsx', script, ...folders], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return { input: child.stdin, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  for (const { lines } of children) await lines.next();
  for (const { input } of children) input.write('go');
  const held: string[] = [];
  for (const { lines } of children) held.push(...(JSON.parse((await lines.next()).value as string) as string[]));
  for (const { input } of children) input.end();
  expect(held.toSorted()).toEqual(folders.toSorted());
});
