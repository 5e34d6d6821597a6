import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LoggedEvent } from '@facet/event-log';
import { forTest, makeEvent, noon, temporaryFolder } from '@facet/testing';
import { lakeStatus, listLakeFiles } from '../../src/read/lake-status.ts';
import { readLake } from '../../src/read/read-lake.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import type { LakeWriter } from '../../src/write/lake-writer.ts';

async function writerOf(lake: string): Promise<LakeWriter> {
  return forTest(await openLakeWriter(lake));
}

/** Returns events of a source at the given offsets, with ids of both. */
function logged(source: string, ...offsets: readonly number[]): LoggedEvent[] {
  return offsets.map((offset) => ({
    offset,
    event: makeEvent({ eventId: `${source}@${offset}`, occurredAt: noon + offset }),
  }));
}

const idsIn = async (lake: string): Promise<string[]> => (await readLake(lake)).map(({ eventId }) => eventId);

describe('a lake writer', () => {
  it('commits many sources in one transaction, with gaps in offsets and sources without events', async () => {
    const lake = await temporaryFolder();
    const writer = await writerOf(lake);
    expect(writer.committed('a-0')).toBe(0);
    expect(await writer.commit()).toMatchObject({ version: 0, files: 0 });
    writer.add('a-0', logged('a-0', 3, 7), 9);
    writer.add('a-1', logged('a-1', 0), 1);
    writer.add('a-0', logged('a-0', 9), 10);
    writer.add('refused-0', [], 5);
    writer.add('idle-0', [], 0);
    expect(writer.pending).toEqual({ events: 4, sources: ['a-0', 'a-1', 'refused-0'] });
    expect(await idsIn(lake)).toEqual([]);

    const offsets = { 'a-0': { from: 0, to: 10 }, 'a-1': { from: 0, to: 1 }, 'refused-0': { from: 0, to: 5 } };
    expect(await writer.commit()).toEqual({ version: 1, files: 2, rows: 4, bytes: expect.any(Number), offsets });
    expect(writer.pending).toEqual({ events: 0, sources: [] });
    expect(await idsIn(lake)).toEqual(['a-1@0', 'a-0@3', 'a-0@7', 'a-0@9']);
    expect((await listLakeFiles(lake)).map(({ path }) => path)).toEqual([
      'dt=2024-01-15/part-a-0-0-10.parquet',
      'dt=2024-01-15/part-a-1-0-1.parquet',
    ]);
    expect((await writerOf(lake)).committed('refused-0')).toBe(5);
    expect((await writer.commit()).version).toBe(1);
  });

  it('refuses descending offsets', async () => {
    const writer = await writerOf(await temporaryFolder());
    writer.add('a-0', logged('a-0', 3), 4);
    expect(() => writer.add('a-0', logged('a-0', 3), 4)).toThrow('offset 3 of a-0');
    expect(() => writer.add('a-0', [], 3)).toThrow('cannot advance to 3');
  });

  it('refuses the second of two writers of a source and removes its files', async () => {
    const lake = await temporaryFolder();
    const zombie = await writerOf(lake);
    zombie.add('a-0', logged('a-0', 0, 1, 2), 3);
    zombie.add('a-1', logged('a-1', 0), 1);
    const successor = await writerOf(lake);
    successor.add('a-0', logged('a-0', 0, 1), 2);
    await successor.commit();

    const refused = { code: 'EVENTS_LAKE_SUPERSEDED', retryable: false, context: { sources: ['a-0'] } };
    await expect(zombie.commit()).rejects.toMatchObject(refused);
    await expect(zombie.commit()).rejects.toMatchObject(refused);
    expect(await idsIn(lake)).toEqual(['a-0@0', 'a-0@1']);
    await zombie.discard();
    expect(zombie.pending).toEqual({ events: 0, sources: [] });
    expect(zombie.committed('a-0')).toBe(2);
    zombie.add('a-1', logged('a-1', 0), 1);
    await zombie.commit();
    expect((await idsIn(lake)).sort()).toEqual(['a-0@0', 'a-0@1', 'a-1@0']);
    expect(await readdir(join(lake, 'dt=2024-01-15'))).toHaveLength(2);
  });

  it('resumes a source after a discard', async () => {
    const lake = await temporaryFolder();
    const writer = await writerOf(lake);
    writer.add('a-0', logged('a-0', 0, 1), 2);
    await writer.discard();
    writer.add('a-0', logged('a-0', 0), 1);
    await writer.commit();
    expect(await idsIn(lake)).toEqual(['a-0@0']);
    writer.add('a-0', logged('a-0', 1), 2);
    await writer.discard();
    expect(writer.pending).toEqual({ events: 0, sources: [] });
    expect((await writer.commit()).version).toBe(1);
  });

  it('neither loses nor doubles counts of its sources when another writer commits a part of them first', async () => {
    const lake = await temporaryFolder();
    const [first, second] = [await writerOf(lake), await writerOf(lake)];
    // One message per source, with one count.
    const read = (writer: LakeWriter, source: string): void => {
      writer.addIntake([{ day: '2024-01-15', producer: source, outcome: 'refused', field: '', reason: '', count: 1 }]);
      writer.add(source, [], 1);
    };
    read(first, 'a-0');
    read(first, 'a-1');
    read(second, 'a-0');
    await second.commit();
    await expect(first.commit()).rejects.toMatchObject({ code: 'EVENTS_LAKE_SUPERSEDED' });
    await first.discard();
    for (const source of ['a-0', 'a-1']) if (first.committed(source) === 0) read(first, source);
    await first.commit();
    const { intake } = await lakeStatus(lake);
    expect(intake.map(({ producer, count }) => [producer, count])).toEqual([
      ['a-0', 1],
      ['a-1', 1],
    ]);
  });

  it('stores each offset once when writers race for the same batches', { tags: 'full' }, async () => {
    const lake = await temporaryFolder();
    const writers = await Promise.all(Array.from({ length: 4 }, () => writerOf(lake)));
    const end = 40;
    const run = async (writer: LakeWriter, index: number): Promise<number> => {
      let refusals = 0;
      for (let at = writer.committed('a-0'); at < end; at = writer.committed('a-0')) {
        const to = Math.min(end, at + 1 + (index % 2));
        const offsets = Array.from({ length: to - at }, (_, step) => at + step);
        writer.add('a-0', logged('a-0', ...offsets), to);
        await writer.commit().catch(async (error: unknown) => {
          expect(error).toMatchObject({ code: 'EVENTS_LAKE_SUPERSEDED' });
          refusals++;
          await writer.discard();
        });
      }
      return refusals;
    };
    const refusals = await Promise.all(writers.map(run));
    expect(Math.max(...refusals)).toBeGreaterThan(0);
    const expected = Array.from({ length: end }, (_, offset) => `a-0@${offset}`);
    expect(await idsIn(lake)).toEqual(expected);
    const files = await listLakeFiles(lake);
    expect(files.reduce((rows, file) => rows + file.rows, 0)).toBe(end);
    expect(await readdir(join(lake, 'dt=2024-01-15'))).toHaveLength(files.length);
    expect(await readdir(join(lake, '_tmp'))).toEqual([]);
  });
});
