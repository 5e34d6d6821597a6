import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileEventLog } from '@facet/event-log';
import type { EventLog, FileEventLog } from '@facet/event-log';
import { dayMs, utcDay } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import { forTest, makeEvent, noon, temporaryFolder } from '@facet/testing';
import { selectRows, withDuckDb } from '../../src/duckdb.ts';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { listErasures, verifyErasure } from '../../src/maintenance/erasures.ts';
import { rebuildLake } from '../../src/maintenance/rebuild-lake.ts';
import { verifyLake } from '../../src/maintenance/verify-lake.ts';
import { lakeStatus, listLakeFiles } from '../../src/read/lake-status.ts';
import { readLake } from '../../src/read/read-lake.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import { sinkLog } from '../../src/write/sink-log.ts';
import { eventsOfThreeDays } from '../events-of-three-days.ts';
import { strictLog } from '../strict-log.ts';

const count = 900;

const events = eventsOfThreeDays(count);

/** Creates a lake with the events of two logs, one of them partly compacted. */
async function lakeOf(): Promise<{ lake: string; log: FileEventLog }> {
  const folder = await temporaryFolder();
  const lake = join(folder, 'lake');
  const log = forTest(await openFileEventLog(join(folder, 'log'), { topic: 'a' }));
  const writer = await openLakeWriter(lake);
  writer.add('other-0', [{ offset: 0, event: makeEvent({ eventId: 'of another log' }) }], 1);
  await writer.commit();
  await writer.close();
  await log.append(events.slice(0, 600));
  await sinkLog(log, lake, { batchEventsMax: 200 });
  await compactLake(lake);
  await log.append(events.slice(600));
  await sinkLog(log, lake, { batchEventsMax: 200 });
  return { lake, log };
}

it.each([0, noon + 350_000, noon + 700_000])('restores the same rows from %i on', async (from) => {
  const { lake, log } = await lakeOf();
  const before = await readLake(lake);
  const replaced = Math.min(count, Math.max(0, count - (from - noon) / 1000));
  expect(await rebuildLake(log, lake, { from })).toEqual({ rows: replaced, days: 3, kept: 0, lost: [] });
  expect(await readLake(lake)).toEqual(before);
  expect(await verifyLake(lake)).toMatchObject({
    isSound: true,
    sources: [
      { source: 'a-0', committed: count, rows: count },
      { source: 'other-0', rows: 1 },
    ],
  });
});

it('does not read the files that it replaces', { tags: 'full' }, async () => {
  const { lake, log } = await lakeOf();
  const before = await readLake(lake);
  const parts = (await listLakeFiles(lake)).filter(({ path }) => path.includes('/part-a-0-600-800'));
  expect(parts).toHaveLength(3);
  await writeFile(join(lake, parts[0]!.path), 'damaged');
  await rm(join(lake, parts[1]!.path));
  await expect(readLake(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_DAMAGED' });
  expect(await verifyLake(lake)).toMatchObject({
    isSound: false,
    files: expect.arrayContaining([
      { path: parts[0]!.path, problem: `has 7 bytes instead of ${parts[0]!.bytes}` },
      { path: parts[1]!.path, problem: 'missing' },
    ]) as unknown,
  });
  await rebuildLake(log, lake, { from: noon + 600_000 });
  expect(await readLake(lake)).toEqual(before);
});

it('adds missing rows and removes wrong rows', async () => {
  const { lake, log } = await lakeOf();
  const before = await readLake(lake);
  // A lake with other rows than the log.
  const other = join(await temporaryFolder(), 'lake');
  const writer = await openLakeWriter(other);
  writer.add('a-0', [{ offset: 5, event: makeEvent({ eventId: 'invented', occurredAt: noon + 9 * dayMs }) }], count);
  writer.add('other-0', [{ offset: 0, event: makeEvent({ eventId: 'of another log' }) }], 1);
  await writer.commit();
  await writer.close();
  expect(await rebuildLake(log, other, { from: 0 })).toEqual({ rows: count, days: 4, kept: 0, lost: [] });
  expect(await readLake(other)).toEqual(before);
});

it('runs concurrently with a sink', { tags: 'full' }, async () => {
  const { lake, log } = await lakeOf();
  const more = Array.from({ length: 40 }, (_, index) => makeEvent({ eventId: `more ${index}` }));
  const sinking = (async () => {
    for (const event of more) {
      await log.append([event]);
      await sinkLog(log, lake);
    }
  })();
  for (let run = 0; run < 3; run++) await rebuildLake(log, lake, { from: noon + 500_000 });
  await sinking;
  expect(await verifyLake(lake)).toMatchObject({
    isSound: true,
    sources: [{ rows: count + 40, absent: 0 }, { rows: 1 }],
  });
});

it('does not restore erased events', async () => {
  const { lake, log } = await lakeOf();
  const requestedAt = noon + 400_000;
  const writer = await openLakeWriter(lake);
  const userHash = hashUser('u3');
  writer.addErasure({ erasureId: 'e', userHash, sessionHashes: [], requestedAt, requestedBy: 'test' });
  await writer.commit();
  await writer.close();
  await compactLake(lake, { graceMs: 0 });
  const before = await readLake(lake);
  const [{ rows } = { rows: 0 }] = await listErasures(lake);
  expect(rows).toBeGreaterThan(30);
  await rebuildLake(log, lake, { from: 0, graceMs: 0 });
  await compactLake(lake, { graceMs: 0 });
  expect(await readLake(lake)).toEqual(before);
  expect(await listErasures(lake)).toMatchObject([{ isPending: false }]);
  expect(await verifyErasure(lake, 'u3')).toMatchObject({ rows: 0 });
});

it('keeps the rows of batches that the log can no longer decode', { tags: 'full' }, async () => {
  const { lake, log } = await lakeOf();
  const before = await readLake(lake);
  const lasts = [199, 449, 450, count - 1];
  const refusals = lasts.map((offset) => ({ offset, reason: 'undecodable' as const }));
  const damaged = strictLog(log, refusals, (offset) => lasts.some((last) => offset > last - 10 && offset <= last));
  for (const from of [noon + 445_000, 0]) {
    await rebuildLake(damaged, lake, { from });
    expect(await readLake(lake)).toEqual(before);
  }
  expect(await verifyLake(lake)).toMatchObject({ isSound: true });
});

it(
  'keeps the rows of events that the log refuses now, such as events of an undeclared type',
  { tags: 'full' },
  async () => {
    const { lake, log } = await lakeOf();
    const before = await readLake(lake);
    const isWish = (offset: number): boolean => offset % 3 === 0 || offset > count - 10;
    const wishes = events.flatMap((_, offset) => (isWish(offset) ? [{ offset, reason: 'unknown-type' as const }] : []));
    for (const from of [noon + 445_000, 0]) {
      const kept = wishes.filter(({ offset }) => noon + offset * 1000 >= from).length;
      const rows = count - Math.max(0, (from - noon) / 1000) - kept;
      expect(await rebuildLake(strictLog(log, wishes, isWish), lake, { from })).toMatchObject({ rows, kept });
      expect(await readLake(lake)).toEqual(before);
    }
    expect(await verifyLake(lake)).toMatchObject({ isSound: true });
  },
);

/** Returns the first offset from 600 on of an event in the file. */
function offsetIn({ path }: { readonly path: string }): number {
  return events.findIndex(({ occurredAt }, offset) => offset >= 600 && path.startsWith(`dt=${utcDay(occurredAt)}`));
}

/** Overwrites the first page of a column. */
async function damageColumn(path: string, column: string): Promise<void> {
  const start = await withDuckDb({}, async (connection) => {
    const sql = `SELECT coalesce(dictionary_page_offset, data_page_offset)::DOUBLE AS start FROM parquet_metadata('${path}')`;
    const [row] = await selectRows<{ readonly start: number }>(connection, `${sql} WHERE path_in_schema = '${column}'`);
    return row!.start;
  });
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(16, 0xff), 0, 16, start);
  await file.close();
}

const damages: Record<string, (path: string) => Promise<void>> = {
  'a damaged file': (path) => writeFile(path, 'damaged'),
  'a missing file': (path) => rm(path),
  'a file with one damaged column': (path) => damageColumn(path, 'eventId'),
};

it.each(
  Object.keys(damages).flatMap((damage) =>
    (['unknown-type', 'undecodable'] as const).map((reason) => [damage, reason] as const),
  ),
)('repairs %s although the log refuses records of its offsets as %s', { tags: 'full' }, async (damage, reason) => {
  const { lake, log } = await lakeOf();
  const before = await readLake(lake);
  const [damaged, intact] = (await listLakeFiles(lake)).filter(({ path }) => path.includes('/part-a-0-600-800'));
  const lost = [damaged!, intact!].map(offsetIn);
  await damages[damage]!(join(lake, damaged!.path));
  const strict = strictLog(
    log,
    lost.map((offset) => ({ offset, reason })),
    (offset) => lost.includes(offset),
  );
  expect(await rebuildLake(strict, lake, { from: noon + 600_000 })).toEqual({
    rows: 298,
    days: 3,
    kept: 1,
    lost: [{ path: damaged!.path, rowsMax: 2, problem: expect.any(String) as string }],
  });
  expect(await readLake(lake)).toEqual(before.filter(({ eventId }) => eventId !== `e${lost[0]}`));
  expect(await verifyLake(lake)).toMatchObject({ isSound: true });
});

it('reads no replaced file without refused records, although the log refuses others', { tags: 'full' }, async () => {
  const { lake, log } = await lakeOf();
  const before = await readLake(lake);
  const files = await listLakeFiles(lake);
  for (const { path } of files.filter((file) => file.path.includes('/part-a-0-600-800'))) await rm(join(lake, path));
  const strict = strictLog(log, [{ offset: 850, reason: 'not-json' }], (offset) => offset === 850);
  expect(await rebuildLake(strict, lake, { from: noon + 600_000 })).toEqual({ rows: 299, days: 3, kept: 1, lost: [] });
  expect(await readLake(lake)).toEqual(before);
});

it('refuses when the log no longer contains all rows', { tags: 'full' }, async () => {
  const { lake, log } = await lakeOf();
  const before = await lakeStatus(lake);
  const truncated = (extent: { start: number; end: number }): EventLog => ({
    topic: log.topic,
    append: (added) => log.append(added),
    extents: async () => [{ partition: 0, ...extent }],
    offsetsAt: async (time) =>
      new Map([...(await log.offsetsAt(time))].map(([at, first]) => [at, Math.max(first, extent.start)])),
    stream: (ranges, options) => log.stream(ranges, options),
    close: () => log.close(),
  });
  const refused = { code: 'EVENTS_REBUILD_INCOMPLETE', retryable: false };
  const shortened = truncated({ start: 100, end: count });
  await expect(rebuildLake(shortened, lake, { from: noon + 99_000 })).rejects.toMatchObject(refused);
  await expect(rebuildLake(truncated({ start: 0, end: 899 }), lake, { from: 0 })).rejects.toMatchObject(refused);
  expect(await lakeStatus(lake)).toMatchObject({ files: before.files, rows: before.rows, maintenance: undefined });
  expect(await rebuildLake(shortened, lake, { from: noon + 100_000 })).toMatchObject({ rows: count - 100 });
});
