import { execFileSync } from 'node:child_process';
import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError } from '@facet/platform';
import { expect, inject, it, onTestFinished } from 'vitest';
import { openSpool } from '../../src/ingest/spool/spool.ts';
import type { Spool } from '../../src/ingest/spool/spool.ts';
import { forTest, temporaryFolder } from '@facet/testing';
import { createTestIngest, eventOf, keyOf, textOf } from './fixtures.ts';
import { readTopic } from './read-topic.ts';

/** Mounts a file system of some megabytes. Returns undefined if this machine does not permit it. */
async function mountSmallDisk(megabytes: number): Promise<string | undefined> {
  const folder = await temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]));
  return folder;
}

const bytesMax = 1 << 30;
const batchOf = (value: number) => [
  { topic: 'events', key: 'ada', value: `${value}`.padEnd(10_000, '.'), timestamp: value },
];

/** Appends until the disk is full, and returns the number of stored batches. */
async function fill(spool: Spool, from: number): Promise<number> {
  for (let value = from; ; value++) {
    try {
      await spool.append([batchOf(value)]);
    } catch (error) {
      expect(isAppError(error, 'COLLECTOR_SPOOL_UNWRITABLE') && error.context['cause']).toBe('ENOSPC');
      return value - from;
    }
  }
}

it('keeps its batches on a full disk, restarts, and accepts batches again after a replay', async (context) => {
  const disk = await mountSmallDisk(1);
  if (disk === undefined) return context.skip('this machine cannot mount a file system');
  const folder = join(disk, 'spool');
  const options = { bytesMax, segmentBytesMax: 100_000 };
  const first = await openSpool(folder, options);
  let stored = await fill(first, 0);
  expect(stored).toBeGreaterThan(50);
  // Failed appends use no further space.
  for (let again = 0; again < 20; again++) expect(await fill(first, stored)).toBe(0);
  await first.close();

  const second = forTest(await openSpool(folder, options));
  expect(second.state.records).toBe(stored);
  const seen: number[] = [];
  const replay = async (bytes: number): Promise<boolean> => {
    const chunk = await second.read(bytes);
    if (chunk === undefined) return false;
    seen.push(...chunk.batches.flat().map(({ timestamp }) => timestamp));
    await second.release(chunk);
    return true;
  };
  await replay(150_000);
  const more = await fill(second, stored);
  expect(more).toBeGreaterThan(5);
  stored += more;
  while (await replay(1));
  expect(seen).toEqual(Array.from({ length: stored }, (_, value) => value));
});

it('keeps refused records on a full disk, and forwards all others once', async (context) => {
  const disk = await mountSmallDisk(6);
  if (disk === undefined) return context.skip('this machine cannot mount a file system');
  const options = {
    spoolFolder: join(disk, 'spool'),
    ingest: { access: { kind: 'keys', keys: [keyOf('all', ['ingest', 'admin'])] } },
    // One segment takes the whole disk, so deleting segments frees no space.
    spoolBytesMax: 1 << 30,
  } as const;
  const headers = { 'x-api-key': textOf('all') };
  const away = await createTestIngest({ ...options, brokers: ['127.0.0.1:9'], ackTimeoutMs: 200 });
  const sent: string[] = [];
  for (let request = 0; ; request++) {
    const payload = Array.from({ length: 100 }, (_, at) =>
      eventOf(`${request}-${at}`, at % 4 === 0 ? {} : { note: 'x'.repeat(2_000) }),
    );
    const response = await away.app.inject({ method: 'POST', url: '/v1/events', headers, payload });
    if (response.statusCode === 503) break;
    expect(response.json()).toMatchObject({ accepted: 100, stored: 'spool' });
    sent.push(...payload.map(({ eventId }) => eventId));
  }
  expect(sent.length).toBeGreaterThan(2_000);
  await away.close();

  const { bavail, bsize } = await statfs(disk);
  expect(bavail * bsize).toBeLessThan(300_000);
  const back = forTest(await createTestIngest({ ...options, topics: away.topics, recordBytesMax: 1_000 }));
  const readStatus = async () => (await back.app.inject({ url: '/v1/status', headers })).json<unknown>();
  await expect.poll(readStatus, { timeout: 20_000 }).toMatchObject({ log: 'reachable', spool: { records: 0 } });
  const records = await readTopic(inject('kafkaBrokers'), back.topics.events);
  const ids = records.map(({ value }) => (JSON.parse(value!) as { eventId: string }).eventId);
  const small = sent.filter((id) => Number(id.split('-')[1]) % 4 === 0);
  expect(ids.toSorted()).toEqual(small.toSorted());
  const kept = (await readdir(options.spoolFolder)).filter((name) => name.endsWith('.refused'));
  const texts = await Promise.all(kept.map((name) => readFile(join(options.spoolFolder, name), 'utf8')));
  const keptIds = texts.flatMap((text) => [...text.matchAll(/\\"eventId\\":\\"([^"\\]+)/g)].map(([, id]) => id));
  expect(keptIds).toEqual(sent);
}, 60_000);
