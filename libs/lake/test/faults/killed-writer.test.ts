import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { forTest, temporaryFolder } from '@facet/testing';
import { expect, it, onTestFinished } from 'vitest';
import { verifyLake } from '../../src/maintenance/verify-lake.ts';
import { listLakeFiles } from '../../src/read/lake-status.ts';
import { readLake } from '../../src/read/read-lake.ts';
import { openLakeStorage } from '../../src/storage/open-lake-storage.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import { eventsAt } from './events-at.ts';

const child = fileURLToPath(new URL('killed-before-log-entry.ts', import.meta.url));
const source = 'a-0';

it('ignores and then removes the data file of a writer that was killed before its log entry', async () => {
  const lake = join(await temporaryFolder(), 'lake');
  const idsIn = async (): Promise<string[]> => (await readLake(lake)).map(({ eventId }) => eventId);
  const stored = async (): Promise<string[]> => (await openLakeStorage(lake)).list();
  const listed = async (): Promise<string[]> => (await listLakeFiles(lake)).map(({ path }) => path);
  const first = await openLakeWriter(lake);
  first.add(source, eventsAt(source, 0, 2), 2);
  await first.commit();
  await first.close();
  const before = await listed();

  const killed = spawn(process.execPath, ['--conditions=@facet/source', '--import=tsx', child, lake, source], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  onTestFinished(() => void killed.kill('SIGKILL'));
  expect(await once(killed, 'exit')).toEqual([null, 'SIGKILL']);
  const [unlisted, ...others] = (await stored()).filter((path) => !before.includes(path));
  expect(unlisted).toContain('part-a-0-2-5');
  expect(others).toEqual([]);
  expect(await listed()).toEqual(before);
  expect(await idsIn()).toEqual(['a-0@0', 'a-0@1']);

  const next = forTest(await openLakeWriter(lake));
  expect(next.committed(source)).toBe(2);
  next.add(source, eventsAt(source, 2, 6), 6);
  await next.commit();
  expect(await idsIn()).toEqual(['a-0@0', 'a-0@1', 'a-0@2', 'a-0@3', 'a-0@4', 'a-0@5']);
  expect(await stored()).not.toContain(unlisted);
  expect((await stored()).toSorted()).toEqual((await listed()).toSorted());
  expect(await readdir(join(lake, '_tmp'))).toEqual([]);
  expect(await verifyLake(lake)).toMatchObject({ isSound: true });
});
