/** @module-tag full */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openFileEventLogReader } from '@facet/event-log';
import { listLakeFiles, readLake } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { importFolders } from './import-folders.ts';

const child = fileURLToPath(new URL('import-in-child.ts', import.meta.url));

/** Runs an import in a child process and kills it at the given line of its progress. Returns whether the import finished. */
async function runAndKill(
  homeFolder: string,
  events: string,
  kill: { stage: string; line: number } | undefined,
): Promise<boolean> {
  const importing = spawn(process.execPath, ['--conditions=@facet/source', '--import=tsx', child, homeFolder, events], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = 0;
  let isDone = false;
  for await (const line of createInterface({ input: importing.stdout })) {
    if (line === 'done') isDone = true;
    if (line === kill?.stage && ++seen === kill.line) importing.kill('SIGKILL');
  }
  return isDone;
}

it('imports every event once although the process is killed repeatedly', async () => {
  const folder = await temporaryFolder();
  const count = 100_000;
  const rows = Array.from({ length: count }, (_, row) => {
    const time = 1.5e9 + ((row * 7919) % 100) * 86_400 + row;
    return `user-${row % 997},item-${row % 4999},${time},some text to make the file longer`;
  });
  const events = join(folder, 'events.csv');
  await writeFile(events, `user,item,timestamp,note\n${rows.join('\n')}\n`);
  const homeFolder = join(folder, 'home');
  const kills = [
    { stage: 'events', line: 4 },
    { stage: 'lake', line: 1 },
    { stage: 'lake', line: 5 },
  ];
  for (const kill of kills) expect(await runAndKill(homeFolder, events, kill), JSON.stringify(kill)).toBe(false);
  expect(await runAndKill(homeFolder, events, undefined)).toBe(true);

  const { logFolder, lakeFolder } = importFolders(homeFolder);
  expect(await (await openFileEventLogReader(logFolder)).end()).toBe(count);
  const files = await listLakeFiles(lakeFolder);
  expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(count);
  const lake = await readLake(lakeFolder);
  expect(new Set(lake.map(({ eventId }) => eventId)).size).toBe(count);
}, 180_000);
