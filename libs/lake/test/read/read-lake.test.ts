import fc from 'fast-check';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openFileEventLog } from '@facet/event-log';
import type { EventLog } from '@facet/event-log';
import { dayMs, hourMs } from '@facet/platform';
import { keyOf } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { forTest, makeEvent, noon, temporaryFolder } from '@facet/testing';
import { withDuckDb } from '../../src/duckdb.ts';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { listLakeFiles } from '../../src/read/lake-status.ts';
import { readLake, streamLake } from '../../src/read/read-lake.ts';
import { sinkLog } from '../../src/write/sink-log.ts';

interface Home {
  readonly log: EventLog;
  readonly lake: string;
}

async function homeWith(events: readonly Event[]): Promise<Home> {
  const folder = await temporaryFolder();
  const log = forTest(await openFileEventLog(join(folder, 'log')));
  await log.append(events);
  return { log, lake: join(folder, 'lake') };
}

const idsOf = (events: readonly { readonly eventId: string }[]): string[] => events.map(({ eventId }) => eventId);

const numbered = (count: number, fields: (index: number) => Partial<Event>): Event[] =>
  Array.from({ length: count }, (_, index) =>
    makeEvent({ eventId: `e${String(index).padStart(6, '0')}`, ...fields(index) }),
  );

describe('the lake', () => {
  it('stores each event on its day, sorted by user and time', async () => {
    const { log, lake } = await homeWith([
      makeEvent({ eventId: 'b', userId: 'u2', occurredAt: noon, value: 4 }),
      makeEvent({ eventId: 'c', userId: 'u1', occurredAt: noon + dayMs }),
      makeEvent({ eventId: 'd', userId: 'u1', occurredAt: noon }),
      makeEvent({ eventId: 'a', userId: 'u1', occurredAt: noon, type: 'view' }),
    ]);
    expect(await sinkLog(log, lake)).toEqual({ events: 4, offsets: { 'local-0': { from: 0, to: 4 } } });
    const events = await readLake(lake);
    expect(idsOf(events)).toEqual(['a', 'd', 'c', 'b']);
    expect(events[0]).toEqual({
      eventId: 'a',
      type: 'view',
      userId: 'u1',
      itemId: 'item-1',
      occurredAt: noon,
      receivedAt: noon + 1000,
    });
    expect(events[3]).toMatchObject({ value: 4 });

    const files = await listLakeFiles(lake);
    expect(files.map(({ path, rows }) => [path, rows])).toEqual([
      ['dt=2024-01-15/part-local-0-0-4.parquet', 3],
      ['dt=2024-01-16/part-local-0-0-4.parquet', 1],
    ]);
    const bytes = await readFile(join(lake, files[0]?.path ?? ''));
    expect(files[0]).toMatchObject({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  });

  it('stores every field in a Parquet file that any engine can read', async () => {
    const event = makeEvent({
      sessionId: 's',
      recommendationId: 'r',
      position: 3,
      value: 2.5,
      context: { page: 1 },
      extra: { shop: 'ä' },
    });
    const { log, lake } = await homeWith([event]);
    await sinkLog(log, lake);
    const path = join(lake, 'dt=2024-01-15/part-local-0-0-1.parquet');
    const rows = await withDuckDb({}, async (connection) => {
      const result = await connection.run(`SELECT * FROM read_parquet('${path}', hive_partitioning = false)`);
      return result.getRowObjectsJson();
    });
    expect(rows).toEqual([
      {
        ...event,
        occurredAt: '2024-01-15 12:00:00+00',
        receivedAt: '2024-01-15 12:00:01+00',
        position: '3',
        context: '{"page":1}',
        extra: '{"shop":"ä"}',
        logSource: 'local-0',
        logOffset: '0',
      },
    ]);
  });

  it('reports a folder for temporary files that is missing as retryable', async () => {
    const { log, lake } = await homeWith([makeEvent({})]);
    await sinkLog(log, lake);
    vi.stubEnv('TMPDIR', join(lake, 'missing'));
    onTestFinished(() => void vi.unstubAllEnvs());
    const message = expect.stringContaining('mkdtemp') as string;
    const unreadable = { code: 'EVENTS_LAKE_UNREADABLE', message, category: 'unavailable', retryable: true };
    await expect(readLake(lake)).rejects.toMatchObject(unreadable);
    await expect(sinkLog(log, lake)).rejects.toMatchObject(unreadable);
    await expect(compactLake(lake)).rejects.toMatchObject(unreadable);
  });

  it('is empty before the first write', async () => {
    const lake = join(await temporaryFolder(), 'absent');
    expect(await readLake(lake)).toEqual([]);
    expect(await listLakeFiles(lake)).toEqual([]);
  });

  it('reads half-open windows, exact to the millisecond', async () => {
    const midnight = Date.UTC(2024, 0, 15);
    const times = [midnight - 1, midnight, midnight + 1, midnight + dayMs - 1, midnight + dayMs];
    const { log, lake } = await homeWith(
      times.map((occurredAt, index) => makeEvent({ eventId: `e${index}`, occurredAt, receivedAt: occurredAt + 10 })),
    );
    await sinkLog(log, lake);
    expect(idsOf(await readLake(lake, { occurredFrom: midnight, occurredBefore: midnight + dayMs }))).toEqual([
      'e1',
      'e2',
      'e3',
    ]);
    expect(idsOf(await readLake(lake, { occurredBefore: midnight + 1 }))).toEqual(['e0', 'e1']);
    expect(idsOf(await readLake(lake, { receivedBefore: midnight + 10 }))).toEqual(['e0']);
    expect(idsOf(await readLake(lake, { receivedBefore: midnight + 11 }))).toEqual(['e0', 'e1']);
    expect(idsOf(await readLake(lake, { occurredFrom: midnight + 2 * dayMs }))).toEqual([]);
    // Only files of the window are opened.
    const files = await listLakeFiles(lake, { occurredFrom: midnight, occurredBefore: midnight + dayMs });
    expect(files.map(({ path }) => path)).toEqual(['dt=2024-01-15/part-local-0-0-5.parquet']);
  });

  it('stores late events on their day and hides them from windows before their receipt', async () => {
    const { log, lake } = await homeWith([makeEvent({ eventId: 'punctual', receivedAt: noon })]);
    await sinkLog(log, lake);
    const cut = noon + hourMs;
    const before = await readLake(lake, { receivedBefore: cut });
    await log.append([makeEvent({ eventId: 'late', occurredAt: noon - hourMs, receivedAt: noon + 5 * dayMs })]);
    await sinkLog(log, lake);
    expect((await listLakeFiles(lake)).map(({ path }) => path)).toEqual([
      'dt=2024-01-15/part-local-0-0-1.parquet',
      'dt=2024-01-15/part-local-0-1-2.parquet',
    ]);
    expect(await readLake(lake, { receivedBefore: cut })).toEqual(before);
    expect(idsOf(await readLake(lake))).toEqual(['late', 'punctual']);
  });

  it('returns the first received event of each eventId', async () => {
    const { log, lake } = await homeWith([
      makeEvent({ eventId: 'x', itemId: 'second', receivedAt: noon + 2 }),
      makeEvent({ eventId: 'x', itemId: 'first', receivedAt: noon + 1 }),
      makeEvent({ eventId: 'y', itemId: 'first by offset', receivedAt: noon }),
      makeEvent({ eventId: 'y', itemId: 'second by offset', receivedAt: noon }),
    ]);
    await sinkLog(log, lake, { batchEventsMax: 1 });
    expect((await readLake(lake)).map(({ itemId }) => itemId)).toEqual(['first', 'first by offset']);
  });

  it('restores all events, for any ids', async () => {
    const id = fc
      .string({ minLength: 1, maxLength: 12, unit: 'binary' })
      .filter((text) => !/\p{Surrogate}/u.test(text));
    const event = fc.record({
      eventId: id,
      type: fc.constantFrom('view', 'purchase'),
      userId: id,
      itemId: id,
      occurredAt: fc.integer({ min: 0, max: 4e12 }),
      receivedAt: fc.integer({ min: 1e12, max: 2e12 }),
      value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
    });
    const batches = fc.array(fc.uniqueArray(event, { maxLength: 6, selector: ({ eventId }) => eventId }), {
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(batches, async (appended) => {
        const { log, lake } = await homeWith([]);
        const expected = new Map<string, Event>();
        for (const batch of appended) {
          await log.append(batch);
          await sinkLog(log, lake);
        }
        const received = appended.flat().map((entry, offset) => ({ entry, offset }));
        received.sort((a, b) => a.entry.receivedAt - b.entry.receivedAt || a.offset - b.offset);
        for (const { entry } of received) if (!expected.has(entry.eventId)) expected.set(entry.eventId, entry);
        const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
        const sorted = [...expected.values()].sort(
          (a, b) => byBytes(keyOf(a), keyOf(b)) || a.occurredAt - b.occurredAt || byBytes(a.eventId, b.eventId),
        );
        expect(await readLake(lake)).toEqual(sorted);
      }),
      { numRuns: 12 },
    );
  });

  // DuckDB writes at most 100 partitions at a time by default.
  it('writes one file per day and batch, for more than a hundred days', { tags: 'full' }, async () => {
    const { log, lake } = await homeWith(
      numbered(300, (index) => ({ occurredAt: (index % 150) * dayMs, userId: `u${index % 7}` })),
    );
    await sinkLog(log, lake, { batchEventsMax: 150 });
    const files = await listLakeFiles(lake);
    expect(files).toHaveLength(300);
    expect(new Set(files.map(({ rows }) => rows))).toEqual(new Set([1]));
  });

  it('streams the same rows in the same order', async () => {
    const { log, lake } = await homeWith(
      numbered(5000, (index) => ({ userId: `u${index % 13}`, occurredAt: noon + ((index * 7919) % 5000) })),
    );
    await sinkLog(log, lake);
    const streamed = [];
    let chunks = 0;
    for await (const chunk of streamLake(lake)) {
      chunks++;
      streamed.push(...chunk);
    }
    expect(chunks).toBeGreaterThan(1);
    expect(streamed).toEqual(await readLake(lake));
  });
});

describe('a damaged lake', () => {
  it('is refused with the name of the file and a remedy', async () => {
    const { log, lake } = await homeWith([makeEvent({ eventId: 'a' })]);
    await sinkLog(log, lake);
    const [file] = await listLakeFiles(lake);
    await writeFile(join(lake, file!.path), (await readFile(join(lake, file!.path))).subarray(0, 100));
    const refused = {
      code: 'EVENTS_LAKE_DAMAGED',
      message: expect.stringContaining(file!.path),
      remedy: expect.any(String),
    };
    await expect(readLake(lake)).rejects.toMatchObject(refused);
    await expect(listLakeFiles(lake)).rejects.toMatchObject(refused);
  });
});

describe('sinkLog', () => {
  it('resumes at the committed offsets', async () => {
    const { log, lake } = await homeWith(numbered(10, () => ({})));
    const progress: [number, number][] = [];
    await sinkLog(log, lake, { batchEventsMax: 4, onProgress: (done, total) => progress.push([done, total]) });
    expect(progress).toEqual([
      [4, 10],
      [8, 10],
      [10, 10],
    ]);
    await log.append(numbered(3, (index) => ({ eventId: `later${index}` })));
    expect(await sinkLog(log, lake)).toEqual({ events: 3, offsets: { 'local-0': { from: 10, to: 13 } } });
    expect(await sinkLog(log, lake)).toEqual({ events: 0, offsets: {} });
    expect((await listLakeFiles(lake)).map(({ path }) => path.split('/')[1])).toEqual([
      'part-local-0-0-4.parquet',
      'part-local-0-10-13.parquet',
      'part-local-0-4-8.parquet',
      'part-local-0-8-10.parquet',
    ]);
  });

  it('stops between batches when aborted, and resumes later', async () => {
    const { log, lake } = await homeWith(numbered(10, () => ({})));
    const abort = new AbortController();
    const sinking = sinkLog(log, lake, {
      batchEventsMax: 4,
      signal: abort.signal,
      onProgress: (done) => done === 8 && abort.abort(new Error('stop')),
    });
    await expect(sinking).rejects.toThrow('stop');
    expect(await readLake(lake)).toHaveLength(8);
    await sinkLog(log, lake);
    expect(await readLake(lake)).toHaveLength(10);
  });

  it('hides a batch until its commit and removes leftovers of a killed writer', async () => {
    const { log, lake } = await homeWith([
      makeEvent({ eventId: 'a' }),
      makeEvent({ eventId: 'b', occurredAt: noon + dayMs }),
    ]);
    await sinkLog(log, lake);
    // Simulates a kill before the commit: an unrecorded part and a temporary folder.
    const day = join(lake, 'dt=2024-01-15');
    await writeFile(join(day, 'part-local-0-2-9.parquet'), 'half a batch');
    const temporary = join(lake, '_tmp', `${hostname()}.${2 ** 22 + 1}.${randomUUID()}`);
    await mkdir(temporary, { recursive: true });
    expect(idsOf(await readLake(lake))).toEqual(['a', 'b']);

    await log.append([makeEvent({ eventId: 'c' })]);
    await sinkLog(log, lake);
    expect(idsOf(await readLake(lake))).toEqual(['a', 'c', 'b']);
    expect(await readdir(day)).toEqual(['part-local-0-0-2.parquet', 'part-local-0-2-3.parquet']);
    expect(await readdir(join(lake, '_tmp'))).toEqual([]);
  });

  it('reports an unwritable lake and recovers', async () => {
    const { log, lake } = await homeWith([makeEvent()]);
    await mkdir(lake);
    await writeFile(join(lake, 'dt=2024-01-15'), 'a file where a folder must be');
    await expect(sinkLog(log, lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_UNWRITABLE', retryable: true });
    await rename(join(lake, 'dt=2024-01-15'), join(lake, 'away'));
    await rm(join(lake, 'away'));
    expect(await sinkLog(log, lake)).toMatchObject({ events: 1 });
  });
});
