import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { dayMs } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { forTest, makeEvent, noon, temporaryFolder } from '@facet/testing';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { listErasures, verifyErasure } from '../../src/maintenance/erasures.ts';
import type { LakeErasure } from '../../src/maintenance/erasures.ts';
import { maintainLake } from '../../src/maintenance/maintain-lake.ts';
import { verifyLake } from '../../src/maintenance/verify-lake.ts';
import { lakeStatus, listLakeFiles } from '../../src/read/lake-status.ts';
import { readLake, streamLake, streamLakeByOwner } from '../../src/read/read-lake.ts';
import { openLakeSnapshot } from '../../src/transaction-log/snapshot.ts';
import { openLakeLog, readLakeState } from '../../src/transaction-log/lake-log.ts';
import type { Erasure } from '../../src/transaction-log/state.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import { listPlacedFiles } from '../../src/storage/place-files.ts';
import type { LakeWriter } from '../../src/write/lake-writer.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Creates a lake with one part per batch. Returns the lake and its writer. */
async function lakeOf(
  ...batches: readonly (readonly Partial<Event>[])[]
): Promise<{ lake: string; writer: LakeWriter }> {
  const lake = await temporaryFolder();
  const writer = forTest(await openLakeWriter(lake));
  for (const batch of batches) await append(writer, batch);
  return { lake, writer };
}

async function append(writer: LakeWriter, batch: readonly Partial<Event>[], source = 'a-0'): Promise<void> {
  const from = writer.committed(source);
  const events = batch.map((fields, index) => ({
    offset: from + index,
    event: makeEvent({ eventId: `${source}@${from + index}`, ...fields }),
  }));
  writer.add(source, events, from + events.length);
  await writer.commit();
}

/** Removes the default user of `makeEvent`. */
const anonymous = (fields: Partial<Event>): Partial<Event> => ({ ...fields, userId: undefined as never });
const identify = (fields: Partial<Event>): Partial<Event> => ({
  ...fields,
  type: 'identify',
  itemId: undefined as never,
});

const erasureOf = (userId: string, requestedAt: number, erasureId = `erase ${userId}`): Erasure => ({
  erasureId,
  userHash: hashUser(userId),
  sessionHashes: [],
  requestedAt,
  requestedBy: 'test',
});

async function request(writer: LakeWriter, ...erasures: readonly Erasure[]): Promise<void> {
  for (const erasure of erasures) writer.addErasure(erasure);
  await writer.commit();
}

describe('compactLake', () => {
  it('merges each day into one sorted file and keeps days that have one file', async () => {
    const { lake, writer } = await lakeOf(
      [{ userId: 'u2' }, { userId: 'u1', occurredAt: noon + 1 }, { userId: 'u3', occurredAt: noon + dayMs }],
      [{ userId: 'u1' }, { userId: 'u1', occurredAt: noon + 1, eventId: 'Z' }],
    );
    await append(writer, [{ userId: 'u0' }], 'b-3');
    const before = await readLake(lake);
    const single = (await listLakeFiles(lake)).find(({ path }) => path.startsWith('dt=2024-01-16'));

    expect(await compactLake(lake)).toEqual({ days: 1, filesBefore: 3, filesAfter: 1, erased: [] });
    expect(await readLake(lake)).toEqual(before);
    const [merged, other, ...more] = await listLakeFiles(lake);
    expect(merged).toMatchObject({
      path: expect.stringMatching(/^dt=2024-01-15\/merged-[0-9a-f]{12}\.parquet$/),
      rows: 5,
    });
    expect(other).toEqual(single);
    expect(more).toEqual([]);
    expect(await verifyLake(lake)).toMatchObject({
      isSound: true,
      sources: [
        { source: 'a-0', committed: 5, rows: 5, repeated: 0, beyond: 0, absent: 0 },
        { source: 'b-3', committed: 1, rows: 1, repeated: 0, beyond: 0, absent: 0 },
      ],
    });
    expect(await compactLake(lake)).toMatchObject({ days: 0 });
    expect((await openLakeSnapshot(lake)).files[0]).toMatchObject({
      sources: { 'a-0': { from: 0, to: 5 }, 'b-3': { from: 0, to: 1 } },
    });
  });

  it('keeps replaced files for earlier readers and deletes them after the grace period', async () => {
    const { lake } = await lakeOf([{}], [{}]);
    const before = await openLakeSnapshot(lake);
    const rows = await readLake(lake);
    await compactLake(lake);
    expect(await readLake(before)).toEqual(rows);
    expect(await lakeStatus(lake)).toMatchObject({ files: 1, replacedFiles: 2, maintenance: undefined });
    expect(await readdir(join(lake, 'dt=2024-01-15'))).toHaveLength(3);

    await compactLake(lake, { now: () => Date.now() + 3_000_000 });
    expect(await readdir(join(lake, 'dt=2024-01-15'))).toHaveLength(3);
    await compactLake(lake, { now: () => Date.now() + 4_000_000 });
    expect(await readdir(join(lake, 'dt=2024-01-15'))).toHaveLength(1);
    expect(await lakeStatus(lake)).toMatchObject({ files: 1, replacedFiles: 0 });
    expect(await readLake(lake)).toEqual(rows);
    await expect(readLake(before)).rejects.toMatchObject({ code: 'EVENTS_LAKE_SNAPSHOT_EXPIRED', retryable: true });
  });

  it('deletes only files that no transaction can name any more', async () => {
    const { lake } = await lakeOf([{}], [{}]);
    const day = join(lake, 'dt=2024-01-15');
    await writeFile(join(day, 'merged-0123456789ab.parquet'), 'of a killed compaction');
    await writeFile(join(day, 'part-a-0-1-9.parquet'), 'of a killed writer');
    await writeFile(join(day, 'part-a-0-2-9.parquet'), 'of a writer before its commit');
    await writeFile(join(day, 'foreign.parquet'), 'of another program');
    await compactLake(lake, { graceMs: 0 });
    expect(await readdir(day)).toEqual([
      expect.stringMatching(/^foreign/),
      expect.stringMatching(/^merged/),
      'part-a-0-2-9.parquet',
    ]);
  });

  it('refuses a second compaction and takes over from a dead one', async () => {
    const { lake } = await lakeOf([{}], [{}]);
    const rows = await readLake(lake);
    await maintainLake(lake, {}, async ({ commit }) => {
      await expect(compactLake(lake)).rejects.toMatchObject({
        code: 'EVENTS_LAKE_BUSY',
        message: expect.stringContaining(`Process ${process.pid} on`),
        retryable: true,
      });
      // A successor takes over an hour later. Then the first process is refused.
      await compactLake(lake, { now: () => Date.now() + 4_000_000 });
      await expect(commit({ remove: ['dt=2024-01-15/part-a-0-0-1.parquet'] })).rejects.toMatchObject({
        code: 'EVENTS_LAKE_BUSY',
      });
    });
    expect(await readLake(lake)).toEqual(rows);
    expect(await lakeStatus(lake)).toMatchObject({ files: 1, maintenance: undefined });
  });

  it('deletes nothing after another process has taken over', async () => {
    const { lake } = await lakeOf([{}], [{}]);
    const rows = await readLake(lake);
    const suspended = maintainLake(lake, {}, async () => {
      await compactLake(lake, { now: () => Date.now() + 4_000_000 });
    });
    await expect(suspended).rejects.toMatchObject({ code: 'EVENTS_LAKE_BUSY' });
    expect(await readLake(lake)).toEqual(rows);
  });

  it('renews its claim while it works', async () => {
    const { lake } = await lakeOf([{}], [{}]);
    let now = Date.now();
    const options = { now: () => now, renewMs: 5 };
    await maintainLake(lake, options, async ({ commit }) => {
      now += 4_000_000;
      await expect.poll(async () => (await readLakeState(lake)).claim?.at).toBe(now);
      await expect(compactLake(lake, options)).rejects.toMatchObject({ code: 'EVENTS_LAKE_BUSY' });
      await commit({});
    });
    expect(await lakeStatus(lake)).toMatchObject({ files: 2, maintenance: undefined });
  });

  it('runs concurrently with writers and readers without lost, repeated or partial rows', async () => {
    const { lake, writer } = await lakeOf();
    const batches = 25;
    let isWriting = true;
    const writing = (async () => {
      for (let batch = 0; batch < batches; batch++) {
        await append(writer, [{ occurredAt: noon }, { occurredAt: noon + dayMs }, { occurredAt: noon - dayMs }]);
      }
      isWriting = false;
    })();
    let compactions = 0;
    const compacting = (async () => {
      while (isWriting) {
        await compactLake(lake);
        compactions++;
      }
    })();
    const reading = (async () => {
      let seen = 0;
      while (isWriting) {
        let rows = 0;
        for await (const chunk of streamLake(lake)) rows += chunk.length;
        expect(rows % 3).toBe(0);
        expect(rows).toBeGreaterThanOrEqual(seen);
        seen = rows;
      }
    })();
    await Promise.all([writing, compacting, reading]);
    expect(compactions).toBeGreaterThan(1);
    await compactLake(lake);
    expect(await verifyLake(lake)).toMatchObject({ isSound: true, sources: [{ rows: 3 * batches, absent: 0 }] });
    expect(await lakeStatus(lake)).toMatchObject({ files: 3, rows: 3 * batches });
  });

  it('stops between days when aborted', async () => {
    const { lake } = await lakeOf([{}, { occurredAt: noon + dayMs }], [{}, { occurredAt: noon + dayMs }]);
    const abort = new AbortController();
    const compacting = compactLake(lake, { signal: abort.signal, onProgress: () => abort.abort(new Error('stop')) });
    await expect(compacting).rejects.toThrow('stop');
    expect(await lakeStatus(lake)).toMatchObject({ files: 3, maintenance: undefined });
    expect(await compactLake(lake)).toMatchObject({ days: 1 });
  });

  it('names an unreadable file', async () => {
    const { lake } = await lakeOf([{}], [{}]);
    await writeFile(join(lake, 'dt=2024-01-15', 'part-a-0-0-1.parquet'), 'damaged');
    await expect(compactLake(lake)).rejects.toMatchObject({
      code: 'EVENTS_LAKE_DAMAGED',
      message: expect.stringContaining('part-a-0-0-1.parquet'),
    });
    expect(await lakeStatus(lake)).toMatchObject({ files: 2, maintenance: undefined });
  });
});

describe('an anonymous event', () => {
  it('belongs to the next user of its session, or else to the last', async () => {
    const { lake } = await lakeOf(
      [
        anonymous({ eventId: '1', sessionId: 's', occurredAt: noon + 1 }),
        anonymous({ eventId: '3', sessionId: 's', occurredAt: noon + 3 }),
        anonymous({ eventId: '4', sessionId: 's', occurredAt: noon + 4 }),
        anonymous({ eventId: '9', sessionId: 's', occurredAt: noon + dayMs }),
        anonymous({ eventId: 'alone', sessionId: 't', occurredAt: noon }),
        { eventId: 'named', sessionId: 's', userId: 'C', occurredAt: noon },
      ],
      [
        identify({ eventId: '2', sessionId: 's', userId: 'A', occurredAt: noon + 2 }),
        identify({ eventId: '4b', sessionId: 's', userId: 'B', occurredAt: noon + 4 }),
      ],
    );
    const owners = async (window = {}): Promise<Record<string, string>> =>
      Object.fromEntries((await readLake(lake, window)).map(({ eventId, userId }) => [eventId, userId]));
    const all = { '1': 'A', '3': 'B', '4': 'B', '9': 'B', alone: 'session:t', named: 'C' };
    expect(await owners()).toEqual(all);
    await compactLake(lake);
    expect(await owners()).toEqual(all);
    // Only identify events known at the end of the window count.
    expect(await owners({ occurredBefore: noon + 4 })).toEqual({ '1': 'A', '3': 'A', alone: 'session:t', named: 'C' });
    expect(await owners({ occurredFrom: noon + dayMs })).toEqual({ '9': 'B' });
    expect(await owners({ occurredFrom: noon + 1, occurredBefore: noon + 2 })).toEqual({ '1': 'session:s' });
    const late = { receivedBefore: noon + 1001 };
    expect(Object.keys(await owners(late))).toHaveLength(6);
  });
});

describe('an erasure', () => {
  /** Returns the content of the transaction log. */
  async function logOf(lake: string): Promise<string> {
    const log = join(lake, '_delta_log');
    const names = await readdir(log);
    return (await Promise.all(names.map((name) => readFile(join(log, name), 'utf8')))).join('');
  }

  it('keeps hashes of the user and the sessions under a key that only the owner can read', async () => {
    const events = [
      { userId: 'A', receivedAt: noon },
      anonymous({ sessionId: 's', receivedAt: noon }),
      identify({ userId: 'A', sessionId: 's', receivedAt: noon }),
    ];
    const hashes: string[] = [];
    for (let lakes = 0; lakes < 2; lakes++) {
      const { lake, writer } = await lakeOf(events);
      await request(writer, erasureOf('A', noon));
      await compactLake(lake, { graceMs: 0 });
      const [{ userHash, sessionHashes }] = (await listErasures(lake)) as [LakeErasure];
      hashes.push(userHash, ...sessionHashes);
      const log = await logOf(lake);
      for (const plain of [hashUser('A'), sha256('s')]) expect(log).not.toContain(plain);
      const key = join(lake, '_erasures.key');
      expect((await stat(key)).mode & 0o777).toBe(0o600);
      const hmac = createHmac('sha256', Buffer.from((await readFile(key, 'utf8')).trim(), 'hex'));
      expect(userHash).toBe(hmac.update(hashUser('A')).digest('hex'));
      expect(await verifyErasure(lake, 'A')).toMatchObject({ userHash, rows: 0, erasures: [{ isPending: false }] });
      expect(await verifyErasure(lake, 'B')).toMatchObject({ erasures: [] });
    }
    expect(new Set(hashes).size).toBe(4);
  });

  it('hides the user from readers that opened the lake before it had a key', async () => {
    const { lake, writer } = await lakeOf([{ userId: 'A', receivedAt: noon }]);
    const early = forTest(await openLakeWriter(lake));
    await request(writer, erasureOf('A', noon));
    await append(early, [identify({ userId: 'A', sessionId: 's', receivedAt: noon })], 'b-0');
    expect(await readLake(lake)).toEqual([]);
    await compactLake(lake, { graceMs: 0 });
    expect(await verifyErasure(lake, 'A')).toMatchObject({ rows: 0, erasures: [{ isPending: false, rows: 2 }] });
  });

  it('does not read a lake whose key is lost, which would show erased users', async () => {
    const { lake, writer } = await lakeOf([{ userId: 'A', receivedAt: noon }]);
    await request(writer, erasureOf('A', noon));
    await rm(join(lake, '_erasures.key'));
    await expect(readLake(lake)).rejects.toMatchObject({
      code: 'EVENTS_LAKE_DAMAGED',
      message: expect.stringContaining('_erasures.key is missing') as string,
    });
  });

  it('removes the rows of the user and of the user sessions received until the request', async () => {
    const cut = noon + 10_000;
    const { lake, writer } = await lakeOf(
      [
        { eventId: 'own', userId: 'A', receivedAt: cut },
        { eventId: 'own on another day', userId: 'A', occurredAt: noon + dayMs, receivedAt: cut - 1 },
        anonymous({ eventId: 'session', sessionId: 's', occurredAt: noon - 5, receivedAt: cut }),
        identify({ eventId: 'login', userId: 'A', sessionId: 's', receivedAt: cut }),
        { eventId: 'B', userId: 'B', receivedAt: cut },
        anonymous({ eventId: 'other session', sessionId: 't', receivedAt: cut }),
        { eventId: 'after', userId: 'A', receivedAt: cut + 1 },
      ],
      [{ eventId: 'B2', userId: 'B', occurredAt: noon + 2 * dayMs, receivedAt: cut }],
    );
    const untouched = (await listLakeFiles(lake)).at(-1);
    await request(writer, erasureOf('A', cut));
    const left = ['after', 'B', 'B2', 'other session'];
    const idsIn = async (): Promise<string[]> => (await readLake(lake)).map(({ eventId }) => eventId);
    expect(await idsIn()).toEqual(left);
    expect(await listErasures(lake)).toMatchObject([{ erasureId: 'erase A', isPending: true, rows: 0 }]);
    expect(await verifyErasure(lake, 'A')).toMatchObject({
      erasures: [{ isPending: true }],
      rows: 4,
      files: [{ rows: 3 }, { rows: 1 }],
    });

    const { erased } = await compactLake(lake);
    const sessionHashes = [(await readLakeState(lake)).erasureKey.of(sha256('s'))];
    expect(erased).toMatchObject([{ erasureId: 'erase A', rows: 4, files: 2, sessionHashes }]);
    expect(await idsIn()).toEqual(left);
    expect(await listErasures(lake)).toMatchObject([{ isPending: false, rows: 4, files: 2, sessionHashes }]);
    expect((await listLakeFiles(lake)).at(-1)).toEqual(untouched);
    // Replaced files stay for earlier readers. After the grace period no row is left.
    expect(await verifyErasure(lake, 'A')).toMatchObject({
      rows: 4,
      files: [{ isReplaced: true }, { isReplaced: true }],
    });
    await compactLake(lake, { graceMs: 0 });
    expect(await verifyErasure(lake, 'A')).toMatchObject({ rows: 0, files: [] });
    expect(await verifyErasure(lake, 'B')).toMatchObject({ erasures: [], rows: 2 });
    expect(await verifyLake(lake)).toMatchObject({ isSound: true, sources: [{ committed: 8, rows: 4, absent: 4 }] });
  });

  it('finds rows in temporary files of killed processes, which a compaction deletes', async () => {
    const { lake, writer } = await lakeOf([
      { userId: 'A', receivedAt: noon },
      { userId: 'B', receivedAt: noon },
      { userId: 'A', receivedAt: noon + 1 },
    ]);
    const folder = '_tmp/another-host.1.00000000-0000-0000-0000-000000000000';
    const linked = `${folder}/input0/0.parquet`;
    const torn = `${folder}/part.parquet`;
    const [file] = await listLakeFiles(lake);
    await mkdir(join(lake, folder, 'input0'), { recursive: true });
    await link(join(lake, file!.path), join(lake, linked));
    await writeFile(join(lake, torn), (await readFile(join(lake, file!.path))).subarray(0, 500));
    await request(writer, erasureOf('A', noon));
    await compactLake(lake, { graceMs: 0 });
    expect(await verifyErasure(lake, 'A')).toMatchObject({
      rows: 1,
      files: [{ path: linked, rows: 1, isTemporary: true }],
      unreadable: [torn],
    });
    const hoursAgo = Date.now() / 1_000 - 2 * 3_600;
    await utimes(join(lake, folder), hoursAgo, hoursAgo);
    await compactLake(lake, { graceMs: 0 });
    expect(await verifyErasure(lake, 'A')).toMatchObject({ rows: 0, files: [], unreadable: [] });
  });

  it('removes rows of the user and the sessions that arrive after the erasure', async () => {
    const cut = noon + 10_000;
    const { lake, writer } = await lakeOf([identify({ userId: 'A', sessionId: 's', receivedAt: cut })]);
    await request(writer, erasureOf('A', cut));
    await compactLake(lake);
    expect(await listErasures(lake)).toMatchObject([{ isPending: false, rows: 1 }]);
    await append(writer, [
      { eventId: 'late', userId: 'A', receivedAt: cut },
      anonymous({ eventId: 'late session', sessionId: 's', receivedAt: cut }),
      { eventId: 'new', userId: 'A', receivedAt: cut + 1 },
    ]);
    const idsIn = async (): Promise<string[]> => (await readLake(lake)).map(({ eventId }) => eventId);
    expect(await listErasures(lake)).toMatchObject([{ isPending: true, rows: 1 }]);
    expect(await idsIn()).toEqual(['new']);
    await compactLake(lake, { graceMs: 0 });
    expect(await listErasures(lake)).toMatchObject([{ isPending: false, rows: 3, files: 2 }]);
    expect(await idsIn()).toEqual(['new']);
    expect(await verifyErasure(lake, 'A')).toMatchObject({ rows: 0 });
  });

  it('removes earlier events of a session that a later identify gives to the user', async () => {
    const cut = noon + 10_000;
    const { lake, writer } = await lakeOf([
      anonymous({ eventId: 'before', sessionId: 's', occurredAt: noon - 5, receivedAt: cut }),
      anonymous({ eventId: 'other', sessionId: 't', receivedAt: cut }),
    ]);
    await request(writer, erasureOf('A', cut));
    await compactLake(lake);
    const idsIn = async (): Promise<string[]> => (await readLake(lake)).map(({ eventId }) => eventId);
    expect((await idsIn()).sort()).toEqual(['before', 'other']);
    const others = forTest(await openLakeWriter(lake));
    await append(others, [identify({ userId: 'B', sessionId: 't', receivedAt: cut + 1 })], 'b-0');
    expect(await listErasures(lake)).toMatchObject([{ isPending: false }]);

    await append(others, [
      identify({ userId: 'A', sessionId: 's', receivedAt: cut + 1 }),
      anonymous({ eventId: 'after', sessionId: 's', receivedAt: cut + 2 }),
    ]);
    expect(await listErasures(lake)).toMatchObject([{ isPending: true }]);
    expect((await idsIn()).sort()).toEqual(['after', 'other']);
    expect(await verifyErasure(lake, 'A')).toMatchObject({ rows: 1 });
    await compactLake(lake, { graceMs: 0 });
    expect(await listErasures(lake)).toMatchObject([{ isPending: false, rows: 1 }]);
    expect(await verifyErasure(lake, 'A')).toMatchObject({ rows: 0 });
    expect((await idsIn()).sort()).toEqual(['after', 'other']);
  });

  it('stays open if the later identify arrives during its compaction', async () => {
    const cut = noon + 10_000;
    const { lake, writer } = await lakeOf([anonymous({ sessionId: 's', receivedAt: cut })]);
    await request(writer, erasureOf('A', cut));
    await maintainLake(lake, {}, async ({ snapshot, commit }) => {
      await append(writer, [identify({ userId: 'A', sessionId: 's', receivedAt: cut + 1 })]);
      const mark = { erasureId: 'erase A', through: snapshot.version, rows: 0, files: 0, sessionHashes: [] };
      await commit({ erased: [mark] });
    });
    expect(await listErasures(lake)).toMatchObject([{ isPending: true }]);
    expect(await compactLake(lake)).toMatchObject({ erased: [{ rows: 1 }] });
    expect(await listErasures(lake)).toMatchObject([{ isPending: false }]);
  });

  it('opens again if another process applies it while the later identify is committed', { tags: 'full' }, async () => {
    const cut = noon + 10_000;
    const { lake } = await lakeOf([anonymous({ sessionId: 's', receivedAt: cut })]);
    const child = fileURLToPath(new URL('erase-in-child.ts', import.meta.url));
    const node = ['--conditions=@facet/source', '--import=tsx', child, lake, 'A', String(cut)];
    let erase = (): unknown => execFileSync(process.execPath, node);
    // The writer reads the clock after it has read the state of the lake.
    const now = (): number => {
      erase();
      erase = () => undefined;
      return Date.now();
    };
    const writer = forTest(await openLakeWriter(lake, { now }));
    await append(writer, [identify({ userId: 'A', sessionId: 's', receivedAt: cut + 1 })], 'b-0');
    expect(await listErasures(lake)).toMatchObject([{ isPending: true }]);
    expect(await compactLake(lake)).toMatchObject({ erased: [{ rows: 1 }] });
  });

  it.each([
    { name: 'at the same time', compactBetween: false },
    { name: 'earlier', compactBetween: true },
  ])('removes events that an erased identify gives to a user who was erased $name', async ({ compactBetween }) => {
    const { lake, writer } = await lakeOf([
      identify({ userId: 'A', sessionId: 's', occurredAt: noon, receivedAt: noon + 9 }),
      identify({ userId: 'B', sessionId: 's', occurredAt: noon + 2, receivedAt: noon }),
      anonymous({ eventId: 'shared', sessionId: 's', occurredAt: noon + 1, receivedAt: noon + 5 }),
      anonymous({ eventId: 'other', sessionId: 't', receivedAt: noon + 5 }),
    ]);
    await request(writer, erasureOf('A', noon + 7));
    if (compactBetween) await compactLake(lake, { graceMs: 0 });
    await request(writer, erasureOf('B', noon + 1));
    const idsIn = async (): Promise<string[]> => (await readLake(lake)).map(({ eventId }) => eventId);
    const streamedIds = async (): Promise<string[]> => {
      const ids: string[] = [];
      for await (const chunk of streamLakeByOwner(lake)) {
        ids.push(...chunk.filter(({ event }) => event.type !== 'identify').map(({ event }) => event.eventId));
      }
      return ids;
    };
    expect(await idsIn()).toEqual(['other']);
    expect(await streamedIds()).toEqual(['other']);
    await compactLake(lake, { graceMs: 0 });
    expect(await idsIn()).toEqual(['other']);
    expect(await streamedIds()).toEqual(['other']);
    for (const userId of ['A', 'B']) expect(await verifyErasure(lake, userId)).toMatchObject({ rows: 0 });
    expect((await listErasures(lake)).map(({ isPending }) => isPending)).toEqual([false, false]);
  });

  it('of an unknown user is complete after the next compaction', async () => {
    const { lake, writer } = await lakeOf([{ userId: 'B' }]);
    const [file] = await listLakeFiles(lake);
    await request(writer, erasureOf('A', noon + dayMs), erasureOf('C', noon - dayMs));
    expect(await compactLake(lake)).toMatchObject({ days: 0, erased: [{ rows: 0 }, { rows: 0 }] });
    expect(await listErasures(lake)).toMatchObject([{ isPending: false }, { isPending: false }]);
    expect(await listLakeFiles(lake)).toEqual([file]);
    // A repeated request with the same id is ignored.
    await request(writer, erasureOf('A', noon + 9 * dayMs));
    expect(await listErasures(lake)).toHaveLength(2);
  });

  it('removes a day without other rows', async () => {
    const { lake, writer } = await lakeOf([{ userId: 'A' }]);
    await request(writer, erasureOf('A', noon + dayMs));
    expect(await compactLake(lake, { graceMs: 0 })).toMatchObject({ filesBefore: 1, filesAfter: 0 });
    expect(await lakeStatus(lake)).toMatchObject({ files: 0, rows: 0, replacedFiles: 0 });
    expect(await readLake(lake)).toEqual([]);
    await expect(stat(join(lake, 'dt=2024-01-15', 'part-a-0-0-1.parquet'))).rejects.toThrow('ENOENT');
  });

  it('gives readers the same rows before and after its compaction, for any events', { tags: 'full' }, async () => {
    const row = fc.record({
      kind: fc.constantFrom('named', 'anonymous', 'identify'),
      eventId: fc.constantFrom(...'abcdefghijklmnop'),
      userId: fc.constantFrom('A', 'B', 'C'),
      sessionId: fc.constantFrom('s', 't'),
      occurredAt: fc.integer({ min: 0, max: 6 }).map((step) => noon + step * (dayMs / 3)),
      receivedAt: fc.integer({ min: 0, max: 5 }).map((step) => noon + step),
    });
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ rows: fc.array(row, { minLength: 1, maxLength: 6 }) }) },
      { weight: 1, arbitrary: fc.record({ erase: fc.constantFrom('A', 'B'), at: fc.integer({ min: 0, max: 5 }) }) },
      { weight: 1, arbitrary: fc.constant('compact' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 7 }), async (steps) => {
        const { lake, writer } = await lakeOf();
        for (const [index, what] of steps.entries()) {
          if (what === 'compact') {
            const before = await readLake(lake);
            await compactLake(lake);
            expect(await readLake(lake)).toEqual(before);
          } else if ('erase' in what) {
            await request(writer, erasureOf(what.erase, noon + what.at, `erasure ${index}`));
          } else {
            await append(
              writer,
              what.rows.map(({ kind, userId, ...fields }) =>
                kind === 'anonymous'
                  ? anonymous(fields)
                  : kind === 'identify'
                    ? identify({ ...fields, userId })
                    : { ...fields, userId },
              ),
            );
          }
        }
        const before = await readLake(lake);
        await compactLake(lake, { graceMs: 0 });
        expect(await readLake(lake)).toEqual(before);
        expect(await verifyLake(lake)).toMatchObject({ isSound: true });
        expect((await listErasures(lake)).filter(({ isPending }) => isPending)).toEqual([]);
        for (const userId of ['A', 'B']) {
          const { erasures, rows } = await verifyErasure(lake, userId);
          if (erasures.length > 0) expect(rows).toBe(0);
        }
      }),
      // A failure must be reported before the time limit of the test ends the search for a smaller one.
      { numRuns: 12, interruptAfterTimeLimit: 120_000 },
    );
  });
});

it('lists replaced files in checkpoints until a compaction deletes them', async () => {
  const { lake } = await lakeOf([{}], [{}]);
  const [replaced] = (await openLakeSnapshot(lake)).files;
  await compactLake(lake);
  const now = (): number => Date.now() + 8 * dayMs;
  const log = await openLakeLog(lake, { now });
  const checkpoint = async (): Promise<void> => {
    for (let count = 0; count < 33; count++) await log.commit(() => ({}));
  };
  await checkpoint();
  await compactLake(lake, { now, graceMs: 30 * dayMs });
  expect(await listPlacedFiles(lake)).toContain(replaced!.path);
  await compactLake(lake, { now });
  expect(await listPlacedFiles(lake)).not.toContain(replaced!.path);
  await checkpoint();
  expect(log.state.removed.size).toBe(0);
  expect((await readLakeState(lake)).removed.size).toBe(0);
});
