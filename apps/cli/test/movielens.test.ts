import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ensureMovieLens } from '../src/demo/movielens.ts';
import { temporaryFolder } from '@facet/testing';

/** Puts a `python3` that does as the script says before the real one, for this test file's process. */
async function withPython(script: string): Promise<void> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin', 'python3'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'bin', 'python3'), 0o755);
  process.env['PATH'] = `${join(folder, 'bin')}:/usr/bin:/bin`;
}

const never = new AbortController().signal;

it('reports the attempt, the reason and the remedy, and leaves no files behind', async () => {
  const printed = [
    'WARNING: Retrying (Retry(total=0)) after connection broken',
    'ERROR: No matching distribution found',
  ];
  await withPython(`printf '%s\\n' '${printed.join("' '")}' >&2; exit 1`);
  const cache = await temporaryFolder();
  const failure = await ensureMovieLens(cache, never).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'DOWNLOAD_FAILED' });
  const { message, remedy } = failure as { message: string; remedy: string };
  expect(message).toContain('python3 -m pip download recbole==1.2.1');
  expect(message).toContain('No matching distribution found (the package index cannot be reached)');
  expect(remedy).toContain('--events');
  expect(await readdir(cache)).toEqual([]);
});

it('stops its child process when aborted', async () => {
  await withPython('exec sleep 30');
  const cache = await temporaryFolder();
  const stop = new AbortController();
  const fetching = ensureMovieLens(cache, stop.signal);
  setTimeout(() => stop.abort(new Error('enough')), 100);
  await expect(fetching).rejects.toThrow('enough');
  expect(await readdir(cache)).toEqual([]);
});
