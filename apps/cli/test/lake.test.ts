import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listLakeFiles, readLake } from '@facet/lake';
import { expect, it } from 'vitest';
import { run } from './run.ts';
import { temporaryFolder } from '@facet/testing';

/** A home with four events of two users on two days, and what one of them is. */
async function importedHome(): Promise<string> {
  const home = await temporaryFolder();
  const events = join(home, 'events.csv');
  const users = join(home, 'users.csv');
  await writeFile(
    events,
    'user_id,item_id,timestamp\nada,a,1700000000\nbob,b,1700000100\nada,c,1700090000\nbob,c,1700090100\n',
  );
  await writeFile(users, 'user_id,age\nada,36\nbob,41\n');
  expect((await run(['import', '--home', home, '--events', events, '--users', users])).code).toBe(0);
  return home;
}

const json = async <Document>(args: readonly string[]): Promise<Document> => {
  const { code, out, err } = await run([...args, '--json']);
  expect({ code, err }).toMatchObject({ code: 0 });
  return JSON.parse(out) as Document;
};

it('facet lake status and verify report the contents', async () => {
  const home = await importedHome();
  const { code, out } = await run(['lake', 'status', '--home', home]);
  expect(code).toBe(0);
  expect(out).toMatch(/4 rows in 2 days, 2 files/);
  expect(out).toMatch(/2023-11-14 +2 +1/);
  expect(await json(['lake', 'verify', '--home', home])).toMatchObject({ isSound: true, files: [] });
});

it('facet lake status --files lists the files that count, without those that a compaction replaced', async () => {
  const home = await importedHome();
  const later = join(home, 'later.csv');
  await writeFile(later, 'user_id,item_id,timestamp\nada,b,1700000300\n');
  expect((await run(['import', '--home', home, '--events', later])).code).toBe(0);
  expect((await run(['lake', 'compact', '--home', home])).code).toBe(0);
  const lake = join(home, 'lake');
  const { liveFiles } = await json<{ liveFiles: { path: string; rows: number; bytes: number }[] }>([
    ...['lake', 'status', '--files', '--home', home],
  ]);
  const live = await listLakeFiles(lake);
  expect(liveFiles).toEqual(live.map(({ path, rows, bytes }) => ({ path, rows, bytes })));
  expect((await run(['lake', 'status', '--files', '--home', home])).out).toContain(live[0]!.path);
  expect((await readdir(lake, { recursive: true })).filter((name) => name.endsWith('.parquet')).length).toBeGreaterThan(
    liveFiles.length,
  );
});

it('facet lake status gives a remedy for a home without a lake', async () => {
  const { code, out } = await run(['lake', 'status', '--home', await temporaryFolder()]);
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('no lake yet') as string });
});

it('facet lake verify exits with 4 for a missing file, and rebuild repairs the lake', async () => {
  const home = await importedHome();
  const [file] = await listLakeFiles(join(home, 'lake'));
  await rm(join(home, 'lake', file!.path));
  const { code, out, err } = await run(['lake', 'verify', '--home', home]);
  expect(code).toBe(4);
  expect(out).toContain(`${file!.path}: missing`);
  expect(err).toContain('lake rebuild');

  const rebuilt = await run(['lake', 'rebuild', '--from', '2020-01-01', '--home', home]);
  expect(rebuilt).toMatchObject({ code: 0, out: expect.stringContaining('4 events of 2 days') as string });
  expect((await run(['lake', 'verify', '--home', home])).code).toBe(0);
  expect(await readLake(join(home, 'lake'))).toHaveLength(4);
});

it.each(['yesterday', '2026-13-01', '1700000000'])('facet lake rebuild --from %s is wrong usage', async (time) => {
  expect((await run(['lake', 'rebuild', '--from', time, '--home', await temporaryFolder()])).code).toBe(2);
});

it('refuses a lake with another log format', async () => {
  const home = await temporaryFolder();
  const log = join(home, 'lake', '_log');
  await mkdir(log, { recursive: true });
  await writeFile(join(log, '00000000000000000001.json'), '{"format":1,"version":1,"id":"a","parent":"","at":1}');
  const { code, err } = await run(['lake', 'status', '--home', home]);
  expect(code).toBe(4);
  expect(err).toContain(`${log}: it has log format 1`);
  expect(err).toContain('Use the version of Facet that wrote it');
});
