import fc from 'fast-check';
import { appendFile, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Event } from '@facet/schemas';
import { forTest, makeEvent, temporaryFolder } from '@facet/testing';
import { openFileEventLog, openFileEventLogReader } from '../src/file-event-log.ts';

const numbered = (from: number, count: number): Event[] =>
  Array.from({ length: count }, (_, index) => makeEvent({ eventId: `e${from + index}`, itemId: 'é\n"😀"' }));

describe('a file event log', () => {
  it('assigns offsets without gaps and reads from any offset', async () => {
    const folder = await temporaryFolder();
    const log = await openFileEventLog(folder, { segmentBytesMax: 1000 });
    expect(await log.append([])).toEqual({ from: 0, to: 0 });
    expect(await log.append(numbered(0, 10))).toEqual({ from: 0, to: 10 });
    const ranges = await Promise.all([10, 25, 40].map((from) => log.append(numbered(from, 15))));
    expect(ranges).toEqual([
      { from: 10, to: 25 },
      { from: 25, to: 40 },
      { from: 40, to: 55 },
    ]);
    expect((await readdir(folder)).filter((name) => name.endsWith('.jsonl')).length).toBeGreaterThan(2);

    for (const [from, limit] of [
      [0, 100],
      [7, 3],
      [54, 5],
      [12, 30],
      [3, 1],
      [55, 5],
      [0, 0],
    ] as const) {
      const read = await log.read({ from, limit });
      expect(read.map(({ offset }) => offset)).toEqual(
        Array.from({ length: Math.min(limit, 55 - from) }, (_, index) => from + index),
      );
      for (const { offset, event } of read) expect(event).toEqual(numbered(offset, 1)[0]);
    }
    await log.close();
    const again = forTest(await openFileEventLog(folder));
    expect(await again.end()).toBe(55);
    expect(await again.append(numbered(55, 1))).toEqual({ from: 55, to: 56 });
    expect(await again.read({ from: 53, limit: 9 })).toHaveLength(3);
  });

  it('restores every event unchanged', async () => {
    const log = forTest(await openFileEventLog(await temporaryFolder()));
    const event = fc.record(
      {
        eventId: fc.string({ minLength: 1, unit: 'grapheme' }),
        userId: fc.string({ minLength: 1, unit: 'grapheme' }),
        value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
        extra: fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: false })),
      },
      { requiredKeys: ['eventId', 'userId'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 5 }), async (fields) => {
        const events = fields.map((field) => makeEvent(JSON.parse(JSON.stringify(field)) as Partial<Event>));
        const { from, to } = await log.append(events);
        expect((await log.read({ from, limit: to - from })).map((logged) => logged.event)).toEqual(events);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['a truncated line', '{"eventId":"e9","type":"pur'],
    ['unwritten blocks', '\0'.repeat(100)],
    ['an unwritten block before a line', `${'\0'.repeat(9)}\n{"eventId":"e9"}\n`],
  ])('truncates %s and keeps all complete events', async (_, tail) => {
    const folder = await temporaryFolder();
    const log = await openFileEventLog(folder);
    await log.append(numbered(0, 3));
    await log.close();
    const segment = join(folder, '00000000000000000000.jsonl');
    const whole = await readFile(segment);
    await appendFile(segment, tail);

    const reader = await openFileEventLogReader(folder);
    expect(await reader.read({ from: 0, limit: 10 })).toHaveLength(3);

    const again = await openFileEventLog(folder);
    expect(await readFile(segment)).toEqual(whole);
    expect(await again.append(numbered(3, 1))).toEqual({ from: 3, to: 4 });
    expect((await again.read({ from: 0, limit: 10 })).map(({ event }) => event.eventId)).toEqual([
      'e0',
      'e1',
      'e2',
      'e3',
    ]);
    await again.close();
  });

  it('lets a reader follow the writer across segments', async () => {
    const folder = await temporaryFolder();
    const reader = await openFileEventLogReader(join(folder, 'log'));
    expect(await reader.end()).toBe(0);
    expect(await reader.read({ from: 0, limit: 5 })).toEqual([]);
    const log = forTest(await openFileEventLog(join(folder, 'log'), { segmentBytesMax: 500 }));
    for (let offset = 0; offset < 20; offset += 4) {
      await log.append(numbered(offset, 4));
      expect(await reader.end()).toBe(offset + 4);
      expect(await reader.read({ from: offset, limit: 10 })).toHaveLength(4);
    }
    await expect(reader.append(numbered(0, 1))).rejects.toMatchObject({ code: 'EVENTS_LOG_UNWRITABLE' });
  });

  it('allows one writer at a time and replaces a dead writer', async () => {
    const folder = await temporaryFolder();
    const log = await openFileEventLog(folder);
    await expect(openFileEventLog(folder)).rejects.toMatchObject({ code: 'EVENTS_LOG_LOCKED' });
    await log.close();
    await expect(log.append(numbered(0, 1))).rejects.toMatchObject({ code: 'EVENTS_LOG_UNWRITABLE' });
    // No process has the highest possible id.
    await symlink('4194304 1', join(folder, 'lock.1'));
    await (await openFileEventLog(folder)).close();
    expect(await readdir(folder)).toEqual(['00000000000000000000.jsonl']);
  });

  it('reports a missing segment', async () => {
    const folder = await temporaryFolder();
    const log = await openFileEventLog(folder, { segmentBytesMax: 1 });
    await log.append(numbered(0, 2));
    await log.append(numbered(2, 2));
    await log.append(numbered(4, 2));
    await rm(join(folder, '00000000000000000002.jsonl'));
    await log.close();
    const again = forTest(await openFileEventLog(folder));
    await expect(again.read({ from: 0, limit: 9 })).rejects.toMatchObject({ code: 'EVENTS_LOG_DAMAGED' });
  });

  it('names the offset of a damaged line', async () => {
    const folder = await temporaryFolder();
    const log = await openFileEventLog(folder);
    await log.append(numbered(0, 3));
    await log.close();
    const path = join(folder, '00000000000000000000.jsonl');
    const lines = (await readFile(path, 'utf8')).split('\n');
    await writeFile(path, lines.with(1, '{"eventId').join('\n'));
    const again = forTest(await openFileEventLog(folder));
    await expect(again.read({ from: 0, limit: 9 })).rejects.toMatchObject({
      code: 'EVENTS_LOG_DAMAGED',
      message: expect.stringContaining('offset 1') as string,
    });
  });
});
