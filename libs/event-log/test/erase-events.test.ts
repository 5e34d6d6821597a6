import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { forTest, makeEvent, temporaryFolder } from '@facet/testing';
import { eraseFromFileEventLog, openFileEventLog, openFileEventLogReader } from '../src/file-event-log.ts';
import type { FileEventLog } from '../src/file-event-log.ts';

const eventsOf = (users: readonly string[]) =>
  users.map((userId, index) => makeEvent({ eventId: `e${index}`, userId, itemId: 'é' }));

async function readAll(log: FileEventLog) {
  const batches = [];
  for await (const batch of log.stream([{ partition: 0, from: 0, to: await log.end() }])) batches.push(batch);
  return { offsets: batches.flatMap(({ events }) => events.map(({ offset }) => offset)), next: batches.at(-1)?.next };
}

it('erases events and keeps the offsets of the others', async () => {
  const folder = await temporaryFolder();
  const log = await openFileEventLog(folder, { segmentBytesMax: 400 });
  const users = ['ada', 'bob', 'ada', 'ada', 'bob', 'ada', 'eve', 'ada'];
  for (const event of eventsOf(users)) await log.append([event]);
  await log.close();

  expect(await eraseFromFileEventLog(folder, ({ userId }) => userId === 'ada')).toMatchObject({ events: 5 });
  const again = await openFileEventLog(folder, { segmentBytesMax: 400 });
  expect(await again.end()).toBe(8);
  expect((await again.read({ from: 1, limit: 2 })).map(({ offset }) => offset)).toEqual([1, 4]);
  expect(await readAll(again)).toEqual({ offsets: [1, 4, 6], next: 8 });
  expect(await again.append(eventsOf(['bob']))).toEqual({ from: 8, to: 9 });
  await again.close();
  expect(await eraseFromFileEventLog(folder, ({ userId }) => userId === 'ada')).toEqual({ events: 0, files: 0 });
});

it('continues a read that an erasure interrupts', async () => {
  const folder = await temporaryFolder();
  const log = await openFileEventLog(folder);
  await log.append(eventsOf(['bob', 'ada', 'ada', 'bob']));
  await log.close();
  const reader = await openFileEventLogReader(folder);
  expect((await reader.read({ from: 0, limit: 2 })).map(({ offset }) => offset)).toEqual([0, 1]);
  await eraseFromFileEventLog(folder, ({ userId }) => userId === 'ada');
  expect((await reader.read({ from: 2, limit: 2 })).map(({ offset }) => offset)).toEqual([3]);
});

it('leaves a torn line and a missing folder alone, and refuses a log that is being written', async () => {
  const folder = await temporaryFolder();
  const isErased = (): boolean => true;
  expect(await eraseFromFileEventLog(join(folder, 'none'), isErased)).toEqual({ events: 0, files: 0 });
  const path = join(folder, '00000000000000000000.jsonl');
  const [event] = eventsOf(['ada']);
  await writeFile(path, `${JSON.stringify(event)}\n{"eventId":"e9","us`);
  expect(await eraseFromFileEventLog(folder, isErased)).toEqual({ events: 1, files: 1 });
  expect(await readFile(path, 'utf8')).toMatch(/^null +\n\{"eventId":"e9","us$/);
  forTest(await openFileEventLog(folder));
  await expect(eraseFromFileEventLog(folder, isErased)).rejects.toMatchObject({ code: 'EVENTS_LOG_LOCKED' });
});
