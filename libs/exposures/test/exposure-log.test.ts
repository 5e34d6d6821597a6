import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { dayMs } from '@facet/platform';
import { forTest, temporaryFolder } from '@facet/testing';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ExposureWriter, findExposure, isSampled, readExposures } from '../src/index.ts';
import type { ExposureRecord } from '../src/index.ts';
import { exposure, noon } from './exposure.ts';
import type { ReadExposuresOptions } from '../src/log/read-exposures.ts';

const run = promisify(execFile);
const now = (): number => noon;

async function readAll(folder: string, options?: ReadExposuresOptions): Promise<ExposureRecord[]> {
  const records: ExposureRecord[] = [];
  for await (const chunk of readExposures(folder, options)) records.push(...chunk);
  return records;
}

const idsOf = (records: readonly ExposureRecord[]): string[] => records.map(({ recommendationId }) => recommendationId);

async function filesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => name.includes('.jsonl')).sort();
}

describe('ExposureWriter', () => {
  it('writes records that readers return unchanged, with any texts', async () => {
    const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(id, fc.array(id)), { minLength: 1, maxLength: 20 }), async (responses) => {
        const folder = await temporaryFolder();
        const records = responses.map(([userId, items], index) =>
          exposure({
            recommendationId: `r-${index}-${userId}`,
            userId,
            items,
            interests: items.map(() => null),
            sampled: { request: { userId }, now: noon, response: JSON.stringify({ items }) },
          }),
        );
        const writer = new ExposureWriter({ folder, now });
        for (const record of records) expect(writer.append(record)).toBe(true);
        await writer.close();
        expect(await readAll(folder)).toEqual(records);
        for (const record of records) expect(await findExposure(folder, record.recommendationId)).toEqual(record);
      }),
      { numRuns: 20 },
    );
  });

  it('flushes records automatically', async () => {
    const folder = await temporaryFolder();
    const writer = forTest(new ExposureWriter({ folder, now, flushMs: 20 }));
    writer.append(exposure({ recommendationId: 'a' }));
    while ((await readAll(folder)).length === 0) await setTimeout(5);
    expect(writer.counts).toEqual({ written: 1, dropped: 0, waitingBytes: 0 });
  });

  it('writes one file per day, and starts another when it is full', async () => {
    const folder = await temporaryFolder();
    const writer = new ExposureWriter({ folder, now, fileBytesMax: 1 });
    for (const [id, respondedAt] of Object.entries({ a: noon, b: noon + dayMs, c: noon, d: noon + dayMs })) {
      writer.append(exposure({ recommendationId: id, respondedAt }));
    }
    await writer.flush();
    writer.append(exposure({ recommendationId: 'e' }));
    await writer.flush();
    const files = await filesOf(folder);
    expect(files.map((name) => name.slice(0, 13))).toEqual(['dt=2026-01-10', 'dt=2026-01-10', 'dt=2026-01-11']);
    expect(files.filter((name) => name.endsWith('.open'))).toHaveLength(1);
    await writer.close();
    expect((await filesOf(folder)).filter((name) => name.endsWith('.open'))).toEqual([]);
    expect(idsOf(await readAll(folder)).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(idsOf(await readAll(folder, { from: noon + 1 }))).toEqual(['b', 'd']);
    expect(idsOf(await readAll(folder, { before: noon + 1 })).sort()).toEqual(['a', 'c', 'e']);
  });

  it('drops and counts records beyond its buffer', async () => {
    const folder = await temporaryFolder();
    const writer = new ExposureWriter({ folder, now, bufferBytesMax: 1_000, flushMs: 60_000 });
    const taken = Array.from({ length: 20 }, (_, index) => writer.append(exposure({ recommendationId: `r${index}` })));
    expect(taken.filter((isTaken) => isTaken).length).toBeGreaterThan(2);
    expect(writer.counts.dropped).toBe(taken.filter((isTaken) => !isTaken).length);
    expect(writer.counts.dropped).toBeGreaterThan(5);
    await writer.flush();
    expect(writer.append(exposure({ recommendationId: 'later' }))).toBe(true);
    await writer.close();
    expect(await readAll(folder)).toHaveLength(writer.counts.written);
    expect(writer.append(exposure({ recommendationId: 'too late' }))).toBe(false);
  });

  it('drops, counts and reports records while the folder is unusable, and recovers', async () => {
    const folder = join(await temporaryFolder(), 'exposures');
    await writeFile(folder, 'a file');
    const failures: unknown[] = [];
    const writer = new ExposureWriter({
      folder,
      now,
      onFailure: (error, dropped) => void failures.push([error, dropped]),
    });
    writer.append(exposure({ recommendationId: 'lost' }));
    await writer.flush();
    expect(failures).toContainEqual([expect.objectContaining({ code: expect.stringMatching(/ENOTDIR|EEXIST/) }), 1]);
    expect(writer.counts).toEqual({ written: 0, dropped: 1, waitingBytes: 0 });
    await rename(folder, `${folder}-gone`);
    writer.append(exposure({ recommendationId: 'kept' }));
    await writer.close();
    expect(idsOf(await readAll(folder))).toEqual(['kept']);
  });

  it('loses and counts whole records on a full disk; earlier records stay readable', async (context) => {
    const disk = await temporaryFolder();
    await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]).catch((error: unknown) =>
      context.skip(`a small disk cannot be mounted: ${String((error as Error).message)}`),
    );
    onTestFinished(async () => void (await run('umount', ['--lazy', disk])));
    const folder = join(disk, 'exposures');
    const writer = new ExposureWriter({ folder, now });
    const items = Array.from({ length: 200 }, (_, index) => `item-${index}`);
    for (let round = 0; round < 40; round++) {
      for (let index = 0; index < 10; index++) {
        writer.append(exposure({ recommendationId: `r${round}-${index}`, items, interests: items.map(() => 0) }));
      }
      await writer.flush();
    }
    const { written, dropped } = writer.counts;
    expect(written + dropped).toBe(400);
    expect(written).toBeGreaterThan(20);
    expect(dropped).toBeGreaterThan(20);
    expect(await readAll(folder)).toHaveLength(written);
    await rm(join(folder, (await filesOf(folder))[0]!));
    writer.append(exposure({ recommendationId: 'room again' }));
    await writer.close();
    expect(await findExposure(folder, 'room again')).toBeDefined();
  });

  it('removes days older than the retention', async () => {
    const folder = await temporaryFolder();
    for (const day of ['2026-01-02', '2026-01-03', '2026-01-10']) {
      await mkdir(join(folder, `dt=${day}`));
      await writeFile(join(folder, `dt=${day}`, 'host-1-0.jsonl'), '');
    }
    const writer = new ExposureWriter({ folder, now, retentionDays: 7 });
    await writer.close();
    expect((await readdir(folder)).sort()).toEqual(['dt=2026-01-03', 'dt=2026-01-10']);
  });
});

describe('readExposures', () => {
  it('skips and counts the truncated last line of a killed process', { tags: 'full' }, async () => {
    const folder = await temporaryFolder();
    const script = `
      const { ExposureWriter } = await import(${JSON.stringify(new URL('../src/log/exposure-writer.ts', import.meta.url).href)});
      const writer = new ExposureWriter({ folder: ${JSON.stringify(folder)} });
      const record = { respondedAt: Date.now(), bundleId: 'b', arms: {}, source: { kind: 'model' }, merge: { by: 'max' },
        items: ['a'], interests: [0], offset: 0 };
      writer.append({ recommendationId: 'whole', ...record });
      await writer.flush();
      process.stdout.write('written');
      setInterval(() => {}, 1000);
    `;
    const args = ['--conditions=@facet/source', '--import', 'tsx', '--input-type=module', '--eval', script];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const [file] = await filesOf(folder);
    expect(file).toMatch(/-\d+-[0-9a-f]{12}\.jsonl\.open$/);
    await appendFile(join(folder, file!), '{"recommendationId":"torn","respondedAt":17');
    const damaged: string[] = [];
    const records = await readAll(folder, { onDamaged: (path) => void damaged.push(path) });
    expect(idsOf(records)).toEqual(['whole']);
    expect(damaged).toEqual([join(folder, file!)]);
    expect(await findExposure(folder, 'torn')).toBeUndefined();
  });

  it('returns nothing without a log', async () => {
    expect(await readAll(join(await temporaryFolder(), 'absent'))).toEqual([]);
  });

  it('finds the newest record of an id, and does not mistake text inside a record for an id', async () => {
    const folder = await temporaryFolder();
    for (const [day, text] of [
      ['2026-01-09', 'old'],
      ['2026-01-10', 'new'],
    ] as const) {
      const record = exposure({ recommendationId: 'twice', respondedAt: Date.parse(day), bundleId: text });
      const decoy = exposure({
        recommendationId: 'decoy',
        respondedAt: Date.parse(day),
        items: ['"recommendationId":"twice"', '{"recommendationId":"inside"'],
        sampled: { request: { recommendationId: 'inside' }, now: 0, response: '' },
      });
      await mkdir(join(folder, `dt=${day}`));
      const lines = [decoy, record].map((line) => `${JSON.stringify(line)}\n`);
      await writeFile(join(folder, `dt=${day}`, 'host-1-0.jsonl'), lines.join(''));
    }
    expect((await findExposure(folder, 'twice'))?.bundleId).toBe('new');
    expect((await findExposure(folder, 'twice', { before: Date.parse('2026-01-10') }))?.bundleId).toBe('old');
    expect(await findExposure(folder, 'inside')).toBeUndefined();
  });

  it('finds the first page of a list, in any order of the pages', async () => {
    const folder = await temporaryFolder();
    for (const [day, ids] of [
      ['2026-01-09', ['paged']],
      ['2026-01-10', ['paged', 'lost']],
    ] as const) {
      const respondedAt = Date.parse(day);
      const offset = day === '2026-01-09' ? 0 : 3;
      const lines = ids.map((recommendationId) => JSON.stringify(exposure({ recommendationId, respondedAt, offset })));
      await mkdir(join(folder, `dt=${day}`));
      await writeFile(join(folder, `dt=${day}`, 'host-1-0.jsonl'), `${lines.join('\n')}\n`);
    }
    expect(await findExposure(folder, 'paged')).toMatchObject({ offset: 0 });
    expect(await findExposure(folder, 'lost')).toMatchObject({ offset: 3 });
  });
});

it('isSampled selects the share of responses, the same ones each time', () => {
  const ids = Array.from({ length: 50_000 }, (_, index) => `r-${index}`);
  const sampled = ids.filter((id) => isSampled(id, 0.1));
  expect(sampled.length / ids.length).toBeCloseTo(0.1, 2);
  expect(ids.filter((id) => isSampled(id, 0.1))).toEqual(sampled);
  const more = new Set(ids.filter((id) => isSampled(id, 0.2)));
  expect(sampled.every((id) => more.has(id))).toBe(true);
  expect(ids.filter((id) => isSampled(id, 0))).toEqual([]);
  expect(ids.every((id) => isSampled(id, 1))).toBe(true);
});
