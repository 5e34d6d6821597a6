import { appendFile, readdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogRecord } from '@facet/kafka';
import { isAppError } from '@facet/platform';
import { expect, it } from 'vitest';
import { openSpool } from '../../src/ingest/spool/spool.ts';
import type { Spool } from '../../src/ingest/spool/spool.ts';
import { forTest, temporaryFolder } from '@facet/testing';

const bytesMax = 1 << 20;

function batchOf(...values: string[]): LogRecord[] {
  return values.map((value) => ({ topic: 'events', key: 'ada', value, timestamp: 1_000 }));
}

/** Reads and releases everything, a chunk of about `bytes` at a time. */
async function drain(spool: Spool, bytes = 1): Promise<(string | null)[]> {
  const values: (string | null)[] = [];
  for (let chunk = await spool.read(bytes); chunk !== undefined; chunk = await spool.read(bytes)) {
    values.push(...chunk.batches.flat().map(({ value }) => value));
    await spool.release(chunk);
  }
  return values;
}

async function segments(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /\.(spool|refusing|refused)$/.test(name)).sort();
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined || isAppError(error)) return error?.code;
  throw error;
}

it('returns appended batches unchanged and in order', async () => {
  const folder = await temporaryFolder();
  const spool = forTest(await openSpool(folder, { bytesMax, segmentBytesMax: 200 }));
  const odd: LogRecord = { topic: 'users', key: 'line\nend "ü" \u2028', value: null, timestamp: 1_234 };
  await spool.append([batchOf('a', 'b'), batchOf('c')]);
  await spool.append([[odd]]);
  expect(spool.state).toMatchObject({ records: 4, oldestAt: 1_000 });
  const chunk = await spool.read(1 << 20);
  expect(chunk?.batches).toEqual([batchOf('a', 'b'), batchOf('c')]);
  await spool.release(chunk!);
  expect((await spool.read(1 << 20))?.batches).toEqual([[odd]]);
});

it('continues after released batches on restart, and leaves no files when empty', async () => {
  const folder = await temporaryFolder();
  const options = { bytesMax, segmentBytesMax: 150 };
  const first = await openSpool(folder, options);
  for (const value of ['a', 'b', 'c', 'd', 'e']) await first.append([batchOf(value)]);
  expect((await segments(folder)).length).toBeGreaterThan(2);
  const chunk = await first.read(1);
  await first.release(chunk!);
  await first.close();

  const second = await openSpool(folder, options);
  expect(second.state).toMatchObject({ records: 4, oldestAt: 1_000 });
  await second.append([batchOf('f')]);
  expect(await drain(second)).toEqual(['b', 'c', 'd', 'e', 'f']);
  expect(second.isEmpty).toBe(true);
  expect(second.state).toMatchObject({ records: 0, bytes: 0, oldestAt: undefined });
  expect(await segments(folder)).toEqual([]);
  await second.append([batchOf('g')]);
  await second.close();

  const third = forTest(await openSpool(folder, options));
  expect(await drain(third)).toEqual(['g']);
});

it('truncates exactly a torn last write, wherever it tore', async () => {
  const folder = await temporaryFolder();
  const spool = await openSpool(folder, { bytesMax });
  await spool.append([batchOf('safe')]);
  const path = join(folder, (await segments(folder))[0]!);
  const { size } = await stat(path);
  await spool.append([batchOf('torn')]);
  await spool.close();
  const whole = await readFile(path);
  for (const end of [size + 1, size + 9, size + 18, whole.length - 2, whole.length - 1]) {
    await writeFile(path, whole.subarray(0, end));
    const opened = await openSpool(folder, { bytesMax });
    expect(opened.truncatedBytes).toBe(end - size);
    expect(opened.state.records).toBe(1);
    await opened.close();
    expect((await stat(path)).size).toBe(size);
  }
  // A file system may grow a file without writing it.
  await appendFile(path, Buffer.alloc(100));
  const opened = await openSpool(folder, { bytesMax });
  expect(opened.truncatedBytes).toBe(100);
  await opened.append([batchOf('after')]);
  expect(await drain(opened)).toEqual(['safe', 'after']);
  await opened.close();
});

it('refuses to open if a segment lost acknowledged events', async () => {
  const folder = await temporaryFolder();
  const spool = await openSpool(folder, { bytesMax, segmentBytesMax: 1 });
  await spool.append([batchOf('a')]);
  await spool.append([batchOf('b')]);
  await spool.close();
  await truncate(join(folder, (await segments(folder))[0]!), 10);
  expect(await codeOf(openSpool(folder, { bytesMax }))).toBe('COLLECTOR_SPOOL_DAMAGED');
  // The refusal released the lock.
  expect(await codeOf(openSpool(folder, { bytesMax }))).toBe('COLLECTOR_SPOOL_DAMAGED');
});

it('refuses to open if a damaged batch precedes others', async () => {
  const folder = await temporaryFolder();
  const spool = await openSpool(folder, { bytesMax });
  for (const value of ['a', 'b', 'c']) await spool.append([batchOf(value)]);
  await spool.close();
  const path = join(folder, (await segments(folder))[0]!);
  const whole = await readFile(path);
  for (const at of [5, 20, whole.indexOf('\n'), whole.length / 2]) {
    const damaged = Buffer.from(whole);
    damaged[Math.floor(at)]! ^= 1;
    await writeFile(path, damaged);
    expect(await codeOf(openSpool(folder, { bytesMax }))).toBe('COLLECTOR_SPOOL_DAMAGED');
  }
  await writeFile(path, whole);
  const opened = forTest(await openSpool(folder, { bytesMax }));
  expect(await drain(opened)).toEqual(['a', 'b', 'c']);
});

it('replays from the start if the cursor is unreadable', async () => {
  const folder = await temporaryFolder();
  const spool = await openSpool(folder, { bytesMax });
  await spool.append([batchOf('a')]);
  await spool.append([batchOf('b')]);
  await spool.release((await spool.read(1))!);
  await spool.close();
  await writeFile(join(folder, 'cursor'), 'garbage');
  const opened = forTest(await openSpool(folder, { bytesMax }));
  expect(await drain(opened)).toEqual(['a', 'b']);
});

it('keeps a segment with refused records wherever the process is killed, and reads it again without the cursor', async () => {
  const folder = await temporaryFolder();
  // Each segment has two batches.
  const options = { bytesMax, segmentBytesMax: 150 };
  const names = ['0000000000000001', '0000000000000002', '0000000000000003'];
  const first = await openSpool(folder, options);
  for (const value of ['a', 'b', 'c', 'd', 'e', 'f']) await first.append([batchOf(value)]);
  const spooled = names.map((name) => `${name}.spool`);
  expect(await segments(folder)).toEqual(spooled);
  const { size } = await stat(join(folder, spooled[1]!));
  await first.release((await first.read(1))!);
  await first.release((await first.read(1))!);
  const cursor = await readFile(join(folder, 'cursor'));
  await first.release((await first.read(1))!, { hasRefused: true });
  await first.close();
  expect(first.state.refusedBytes).toBe(size);

  // As if the process was killed between the new name and the cursor: the chunk is read again, and the log may accept it now.
  const afterRefusal = await readFile(join(folder, 'cursor'));
  await writeFile(join(folder, 'cursor'), cursor);
  const killed = await openSpool(folder, options);
  expect(killed.state).toMatchObject({ records: 4, refusedBytes: 0 });
  expect(await segments(folder)).toEqual(spooled.slice(1));
  await killed.release((await killed.read(1))!, { hasRefused: true });
  await killed.close();
  expect(await readFile(join(folder, 'cursor'))).toEqual(afterRefusal);

  // As if the process was killed in the middle of the segment.
  const second = await openSpool(folder, options);
  expect(second.state).toMatchObject({ records: 3, refusedBytes: size });
  expect(await drain(second)).toEqual(['d', 'e', 'f']);
  expect(second.state).toMatchObject({ records: 0, bytes: size, refusedBytes: size });
  await second.append([batchOf('g')]);
  await second.close();

  const third = await openSpool(folder, options);
  expect(third.state).toMatchObject({ records: 1, refusedBytes: size });
  expect(await drain(third)).toEqual(['g']);
  await third.close();
  expect(await segments(folder)).toEqual([`${names[1]}.refused`]);

  await rm(join(folder, 'cursor'));
  const again = forTest(await openSpool(folder, options));
  expect(await drain(again)).toEqual(['c', 'd']);
  expect(again.state).toMatchObject({ bytes: 0, refusedBytes: 0 });
  expect(await segments(folder)).toEqual([]);
});

it('keeps waiting records when an operator deletes the refused segments', async () => {
  const folder = await temporaryFolder();
  const deleteRefused = async () => {
    const refused = (await segments(folder)).filter((name) => name.endsWith('.refused'));
    await Promise.all(refused.map((name) => rm(join(folder, name))));
  };
  const first = await openSpool(folder, { bytesMax });
  for (const value of ['a', 'b', 'c']) await first.append([batchOf(value)]);
  await first.release((await first.read(1))!, { hasRefused: true });
  await deleteRefused();
  // The running process still reads the segment.
  await first.release((await first.read(1))!);
  await first.close();
  await deleteRefused();

  const second = await openSpool(folder, { bytesMax });
  expect(await drain(second)).toEqual(['c']);
  expect(await segments(folder)).toEqual(['0000000000000001.refused']);
  await second.close();
  await deleteRefused();

  const third = forTest(await openSpool(folder, { bytesMax }));
  expect(third.state).toMatchObject({ records: 0, bytes: 0, refusedBytes: 0 });
});

it('names a replayed segment with refused records after a kill before the new name', async () => {
  const folder = await temporaryFolder();
  const first = await openSpool(folder, { bytesMax });
  await first.append([batchOf('a')]);
  await first.release((await first.read(1))!, { hasRefused: true });
  await first.close();
  const name = '0000000000000001';
  await rename(join(folder, `${name}.refused`), join(folder, `${name}.refusing`));
  const second = forTest(await openSpool(folder, { bytesMax }));
  expect(second.state.refusedBytes).toBeGreaterThan(0);
  expect(await segments(folder)).toEqual([`${name}.refused`]);
});

it('counts segments with refused records towards its size limit', async () => {
  const folder = await temporaryFolder();
  const spool = forTest(await openSpool(folder, { bytesMax: 1_000, segmentBytesMax: 100 }));
  while ((await codeOf(spool.append([batchOf('x'.repeat(50))]))) === undefined);
  for (let chunk = await spool.read(1); chunk !== undefined; chunk = await spool.read(1)) {
    await spool.release(chunk, { hasRefused: true });
  }
  expect(spool.isEmpty).toBe(true);
  expect(await codeOf(spool.append([batchOf('x'.repeat(50))]))).toBe('COLLECTOR_SPOOL_FULL');
});

it('enforces its size limit, and accepts batches again after a release', async () => {
  const folder = await temporaryFolder();
  const spool = forTest(await openSpool(folder, { bytesMax: 1_000, segmentBytesMax: 100 }));
  let taken = 0;
  let code: string | undefined;
  while (code === undefined) {
    code = await codeOf(spool.append([batchOf('x'.repeat(50))]));
    if (code === undefined) taken++;
  }
  expect(code).toBe('COLLECTOR_SPOOL_FULL');
  expect(taken).toBeGreaterThan(3);
  expect(spool.state.bytes).toBeLessThanOrEqual(1_000);
  await spool.release((await spool.read(1))!);
  await spool.append([batchOf('x'.repeat(50))]);
  expect(await drain(spool)).toHaveLength(taken);
});

it('loses no batch that is appended during a release', async () => {
  const folder = await temporaryFolder();
  const spool = forTest(await openSpool(folder, { bytesMax, segmentBytesMax: 300 }));
  const values: (string | null)[] = [];
  const written = Array.from({ length: 300 }, (_, index) => String(index));
  let done = false;
  const reading = (async () => {
    while (!done || !spool.isEmpty) {
      values.push(...(await drain(spool, 200)));
      await new Promise(setImmediate);
    }
  })();
  for (const value of written) await spool.append([batchOf(value)]);
  done = true;
  await reading;
  expect(values).toEqual(written);
});

it('belongs to one process until it ends', async () => {
  const folder = await temporaryFolder();
  const spool = await openSpool(folder, { bytesMax });
  expect(await codeOf(openSpool(folder, { bytesMax }))).toBe('COLLECTOR_SPOOL_LOCKED');
  await spool.close();

  // No process has the highest possible id.
  await symlink('4194304 1', join(folder, 'lock.1'));
  await (await openSpool(folder, { bytesMax })).close();
});

it('reports an unusable folder', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'file'), '');
  expect(await codeOf(openSpool(join(folder, 'file'), { bytesMax }))).toBe('COLLECTOR_SPOOL_UNWRITABLE');
});
