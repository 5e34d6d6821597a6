import { rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openFileEventLog } from '@facet/event-log';
import { ExposureWriter } from '@facet/exposures';
import { lakeStatus, readLake, upsertUsers } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { countInFiles } from '../src/erasures/scan-files.ts';
import { run } from './run.ts';

interface Verified {
  /** Null if a place was not searched. */
  readonly isErased: boolean | null;
  readonly traces: readonly { readonly place: string; readonly name: string; readonly count: number }[];
  readonly unchecked: readonly { readonly place: string; readonly reason: string }[];
}

/** Other tests leave temporary files of Facet, which verify lists. */
beforeEach(async () => {
  vi.stubEnv('TMPDIR', await temporaryFolder());
  onTestFinished(() => void vi.unstubAllEnvs());
});

/** A home with clicks of seven users, a dataset, and the attributes of two users. */
async function createHome(): Promise<string> {
  const home = await temporaryFolder();
  const source = await temporaryFolder();
  const events = join(source, 'events.csv');
  const users = join(source, 'users.csv');
  const rows = Array.from({ length: 70 }, (_, row) => `u${row % 7},i${row % 5},click,${1_700_000_000 + row * 3_600}`);
  await writeFile(events, ['user_id,item_id,type,timestamp', ...rows].join('\n'));
  await writeFile(users, 'user_id,age\nu1,36\nu2,41\n');
  expect((await run(['import', '--home', home, '--events', events, '--users', users])).code).toBe(0);
  expect((await run(['dataset', '--home', home])).code).toBe(0);
  return home;
}

async function logExposures(home: string): Promise<void> {
  const exposures = new ExposureWriter({ folder: join(home, 'exposures') });
  for (const userId of ['u1', 'u2', 'u1']) {
    exposures.append({
      recommendationId: `to-${userId}`,
      respondedAt: Date.now() - 1_000,
      bundleId: 'b',
      userId,
      arms: {},
      source: { kind: 'model' },
      merge: { by: 'max' },
      items: ['a'],
      interests: [0],
      offset: 0,
    });
  }
  await exposures.close();
}

/** Returns the files that contain a text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const contents = await Promise.all(paths.map((path) => readFile(path)));
  return paths.filter((_, position) => contents[position]!.includes(text));
}

/** Every place that this process cannot search. */
const alone = ['--without', 'exposures', 'kafka', 'machines', 'profiles', 'spool'];

async function verify(home: string, ...more: string[]): Promise<Verified & { readonly code: number }> {
  const { code, out } = await run(['erasures', 'verify', 'u1', '--home', home, '--json', ...more]);
  return { code, ...(JSON.parse(out) as Verified) };
}

const placesOf = ({ traces }: Verified): Record<string, number> =>
  traces.reduce<Record<string, number>>(
    (counts, { place, count }) => ({ ...counts, [place]: (counts[place] ?? 0) + count }),
    {},
  );

it('facet lake compact erases a user from every place in a data home that facet erasures verify finds', async () => {
  const home = await createHome();
  await logExposures(home);
  const before = await verify(home);
  expect(placesOf(before)).toEqual({ lake: 10, 'event log': 10, exposures: 2, catalog: 1, dataset: 1 });
  expect(before).toMatchObject({ code: 3, isErased: false });
  expect(before.unchecked.map(({ place }) => place)).toEqual(['other machines', 'spool', 'profiles', 'Kafka']);
  expect((await run(['erasures', 'verify', 'u1', '--home', home])).err).toContain('erasures request');
  expect((await run(['erasures', 'list', '--home', home])).out).toContain('No erasures');

  expect((await run(['erasures', 'request', 'u1', '--home', home])).code).toBe(0);
  expect((await readLake(join(home, 'lake'))).map(({ userId }) => userId)).not.toContain('u1');
  expect((await run(['erasures', 'list', '--home', home])).out).toContain('pending: run lake compact');
  const open = await run(['erasures', 'verify', 'u1', '--home', home]);
  expect(open.code).toBe(3);
  expect(open.out).toMatch(/event log +log\/0{20}\.jsonl +10 +.*lake compact/);
  expect(open.err).toContain('lake compact');

  const compacted = await run(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(compacted.code).toBe(0);
  expect(compacted.out).toContain('2 responses to erased users removed');
  expect(compacted.out).toContain('10 events removed from the event log');
  expect(compacted.out).toMatch(/1 user id removed from dataset [0-9a-f]{32}/);
  expect(await verify(home)).toMatchObject({ code: 5, isErased: null, traces: [] });
  const unproven = await run(['erasures', 'verify', 'u1', '--home', home, '--without', 'kafka', 'machines', 'spool']);
  expect(unproven).toMatchObject({ code: 5, err: expect.stringContaining('--without profiles') as string });
  expect(unproven.out).toContain('Not searched: profiles (no Redis');
  expect(await verify(home, ...alone)).toMatchObject({ code: 0, isErased: true, traces: [], unchecked: [] });
  expect((await run(['erasures', 'list', '--home', home])).out).toMatch(/done +10/);
  expect((await lakeStatus(join(home, 'lake'))).rows).toBe(60);

  // The event log still has every other event.
  expect((await run(['lake', 'rebuild', '--from', '2020-01-01', '--home', home])).code).toBe(0);
  expect(await readLake(join(home, 'lake'))).toHaveLength(60);
  expect((await run(['dataset', '--home', home])).code).toBe(0);
});

it('facet lake compact leaves no file in the data home that contains the id of an erased user', async () => {
  const home = await createHome();
  const source = await temporaryFolder();
  const userId = 'ada@example.org';
  const rows = Array.from({ length: 300 }, (_, row) => `${userId},i${row % 5},${1_700_000_000 + row},${userId}`);
  await writeFile(join(source, 'bot.csv'), ['user_id,item_id,timestamp,value', ...rows].join('\n'));
  await writeFile(join(source, 'users.csv'), `user_id,friend\nu1,${userId}\n`);
  const files = ['--events', join(source, 'bot.csv'), '--users', join(source, 'users.csv')];
  const imported = await run(['import', '--home', home, '--json', ...files]);
  expect(imported.out.split(userId).length).toBeGreaterThan(5);
  expect((await run(['dataset', '--home', home])).code).toBe(0);
  expect(await filesWith(home, userId)).not.toEqual([]);
  for (const erased of [userId, 'u1']) await run(['erasures', 'request', erased, '--home', home]);
  await run(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(await filesWith(home, userId)).toEqual([]);
});

it('facet erasures verify finds files of killed processes, which facet lake compact removes', async () => {
  const home = await createHome();
  await logExposures(home);
  const copies = [];
  for (const folder of ['log', 'exposures']) {
    const names = await readdir(join(home, folder), { recursive: true });
    const path = join(
      home,
      folder,
      names.find((name) => name.endsWith('.jsonl'))!,
    );
    const copy = `${path}.0ef5cf18-44b6-4ea6-ae2c-8cb2c4b4f7c0.tmp`;
    copies.push({ copy, content: await readFile(path) });
  }
  await run(['erasures', 'request', 'u1', '--home', home]);
  await run(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(await verify(home, ...alone)).toMatchObject({ code: 0 });

  for (const { copy, content } of copies) {
    await writeFile(copy, content);
    await utimes(copy, 1, 1);
  }
  const left = await verify(home, ...alone);
  expect(placesOf(left)).toEqual({ 'event log': 10, exposures: 2 });
  await run(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(await verify(home, ...alone)).toMatchObject({ code: 0, isErased: true });
});

it('facet erasures verify lists files of killed imports, damaged records and other files, which do not stop facet lake compact', async () => {
  const home = await createHome();
  const imports = join(home, 'imports');
  const [name = ''] = await readdir(imports);
  const record = await readFile(join(imports, name), 'utf8');
  const withExamples = record.replace('"samples":[]', '"samples":["u1,i1"]');
  const left = `${name}.0ef5cf18-44b6-4ea6-ae2c-8cb2c4b4f7c0.tmp`;
  const incomplete = `${name}.1ef5cf18-44b6-4ea6-ae2c-8cb2c4b4f7c0.tmp`;
  const damaged = `${'0'.repeat(32)}.json`;
  const unredacted = `${'1'.repeat(32)}.json`;
  await writeFile(join(imports, left), withExamples);
  await writeFile(join(imports, incomplete), withExamples.slice(0, 99));
  await writeFile(join(imports, `${name}.2ef5cf18-44b6-4ea6-ae2c-8cb2c4b4f7c0.tmp`), record);
  await writeFile(join(imports, damaged), '');
  await writeFile(join(imports, unredacted), withExamples);
  await writeFile(join(imports, 'rows.json'), '{"user":"u1"}');
  await utimes(join(imports, left), 1, 1);
  await run(['erasures', 'request', 'u1', '--home', home]);
  const listed = ({ unchecked }: Verified) =>
    unchecked.map(({ place, reason }) => [place, reason.slice(imports.length + 1).split(' ')[0]]).toSorted();
  const byName = (...names: string[]) => names.map((one) => ['imports', one]).toSorted();
  const before = await verify(home, ...alone);
  expect(listed(before)).toEqual(byName(left, incomplete, damaged, unredacted, 'rows.json'));

  // A file that a running import may write stays for an hour.
  const { code, out } = await run(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(code).toBe(0);
  expect(out).toContain('1 file of killed imports deleted.');
  expect(out).toContain(`${join(imports, damaged)} is not a readable record`);
  expect(out).toContain(`${join(imports, unredacted)} is not a readable record`);
  expect(out).toContain(`${join(imports, 'rows.json')} is not a readable record`);
  const after = await verify(home, ...alone);
  expect(after).toMatchObject({ code: 5, isErased: null, traces: [] });
  expect(listed(after)).toEqual(byName(incomplete, damaged, unredacted, 'rows.json'));
});

it('facet erasures verify lists temporary folders with spilled rows and standard input', async () => {
  const home = await createHome();
  await run(['erasures', 'request', 'u1', '--home', home]);
  await run(['lake', 'compact', '--grace', '0', '--home', home]);
  for (const purpose of ['input', 'duckdb', 'other']) {
    const folder = join(tmpdir(), `facet-${purpose}-host-1-1-x`);
    await mkdir(folder);
    await writeFile(join(folder, 'rows'), 'u1');
  }
  const { code, unchecked } = await verify(home, ...alone);
  expect(code).toBe(5);
  expect(unchecked.map((one) => /facet-(\w+)-host/.exec(one.reason)?.[1])).toEqual(['duckdb', 'input']);
});

it('facet erasures verify searches spools and outputs, and ignores what a user sent after the erasure', async () => {
  const home = await createHome();
  await run(['erasures', 'request', 'u1', '--home', home]);
  await run(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(await verify(home, ...alone)).toMatchObject({ code: 0, isErased: true });

  await upsertUsers(join(home, 'catalog'), [{ userId: 'u1', attributes: { age: 37 } }]);
  expect(await verify(home, ...alone)).toMatchObject({ code: 0, isErased: true });

  const spool = await temporaryFolder();
  const recordOf = (topic: string, timestamp: number) => ({
    topic: `facet.${topic}.v1`,
    key: 'u1',
    value: JSON.stringify({ userId: 'u1', itemId: 'i1' }),
    timestamp,
  });
  const frame = (...records: object[]): string => `0123abcd 0000000${records.length} ${JSON.stringify(records)}\n`;
  const earlier = Date.now() - 3_600_000;
  await writeFile(join(spool, '1.spool'), frame(recordOf('events', earlier), recordOf('events', Date.now() + 1_000)));
  const write = async (path: string, text: string, at = earlier): Promise<void> => {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), text);
    await utimes(join(home, path), at / 1_000, at / 1_000);
  };
  await write('gates/b.json', JSON.stringify({ users: [{ userId: 'u1' }] }, null, 2));
  await write('gates/newer.json', '{"userId":"u1"}', Date.now() + 1_000);
  await write('stages/list.json', '["u1",null]\n');
  await write('stages/other.json', JSON.stringify({ users: [{ userId: 'u11' }], items: ['u1'] }));
  await write('artifacts/staging/host~1~token~random/users.jsonl', '{"userId":"u1"}\n{"userId":"u2"}\n{"user');
  await write('artifacts/staging/host~1~token~random/items.jsonl', '{"itemId":"u1"}\n');
  await write('artifacts/staging/host~1~token~other', '["u0","u1","u2"]\n');
  await write('artifacts/dataset/unlisted/users.jsonl', '{"userId":"u1"}\n');
  const found = await verify(home, '--spool', spool, '--without', 'exposures');
  expect(found.traces.map(({ place, name, count }) => [place, name, count])).toEqual([
    ['artifacts', 'artifacts/staging/host~1~token~other', 1],
    ['artifacts', 'artifacts/staging/host~1~token~random/users.jsonl', 1],
    ['artifacts', 'artifacts/dataset/unlisted/users.jsonl', 1],
    ['outputs', 'gates/b.json', 1],
    ['spool', join(spool, '1.spool'), 1],
  ]);
  expect(found.unchecked.map(({ place }) => place)).toEqual(['other machines', 'outputs', 'profiles', 'Kafka']);
});

it('countInFiles skips a file that is deleted before it is read', async () => {
  const folder = await temporaryFolder();
  const [first, second] = [join(folder, '1.json'), join(folder, '2.json')];
  for (const path of [first, second]) await writeFile(path, '{"userId":"u1"}\n');
  const { signal } = new AbortController();
  const found = await countInFiles([folder], 'u1', { signal, onProgress: () => rmSync(second, { force: true }) });
  expect(found).toMatchObject([{ path: first, count: 1 }]);
});

it('facet lake compact leaves an event log alone that an import is writing, and erases from it later', async () => {
  const home = await createHome();
  await run(['erasures', 'request', 'u1', '--home', home]);
  const log = await openFileEventLog(join(home, 'log'));
  const { out } = await run(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(out).toContain('the next compaction erases from it');
  expect(placesOf(await verify(home))).toEqual({ 'event log': 10 });
  await log.close();
  await run(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(await verify(home, ...alone)).toMatchObject({ code: 0, isErased: true });
});

it('facet erasures and facet lake compact reach folders on another disk, and name a missing folder', async () => {
  const home = await createHome();
  await logExposures(home);
  const disk = await temporaryFolder();
  const folders = ['lake', 'catalog', 'artifacts', 'exposures'];
  for (const name of folders) await rename(join(home, name), join(disk, name));
  const missing = await verify(home, ...alone);
  expect(missing).toMatchObject({ code: 3, isErased: false });
  expect(missing.unchecked.map(({ place }) => place)).toEqual(['lake', 'artifacts', 'catalog']);

  for (const name of folders) await symlink(join(disk, name), join(home, name));
  const before = await verify(home);
  expect(placesOf(before)).toEqual({ lake: 10, 'event log': 10, exposures: 2, catalog: 1, dataset: 1 });
  expect((await run(['erasures', 'request', 'u1', '--home', home])).code).toBe(0);
  expect((await run(['lake', 'compact', '--grace', '0', '--home', home])).code).toBe(0);
  expect((await run(['lake', 'status', '--home', home, '--json'])).out).toContain('"rows":60,');
  expect(await verify(home, ...alone)).toMatchObject({ code: 0, isErased: true, traces: [], unchecked: [] });
});
