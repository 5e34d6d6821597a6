import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lakeStatus, listLakeFiles, readLake } from '@facet/lake';
import { ExposureWriter } from '@facet/exposures';
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
  expect(out).toMatch(/4 events in 2 days, 2 files/);
  expect(out).toMatch(/2023-11-14 +2 +1/);
  expect(await json(['lake', 'verify', '--home', home])).toMatchObject({ isSound: true, files: [] });
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

it('facet erasures request hides the rows of a user, and lake compact removes them', async () => {
  const home = await importedHome();
  const verify = () => run(['erasures', 'verify', '--user', 'ada', '--home', home]);
  expect((await verify()).out).toContain('2 rows');
  expect((await run(['erasures', 'list', '--home', home])).out).toContain('No erasures');

  expect((await run(['erasures', 'request', '--user', 'ada', '--home', home])).code).toBe(0);
  expect((await readLake(join(home, 'lake'))).map(({ userId }) => userId)).toEqual(['bob', 'bob']);
  const open = await verify();
  expect(open.code).toBe(3);
  expect(open.err).toContain('lake compact');
  expect((await run(['erasures', 'list', '--home', home])).out).toContain('pending: run lake compact');

  const compacted = await json<{ erased: { rows: number }[] }>(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(compacted.erased).toMatchObject([{ rows: 2 }]);
  expect((await verify()).code).toBe(0);
  expect((await run(['erasures', 'list', '--home', home])).out).toMatch(/done +2/);
  expect((await lakeStatus(join(home, 'lake'))).rows).toBe(2);
});

it('facet erasures and lake compact cover the exposure log', async () => {
  const home = await importedHome();
  const exposures = new ExposureWriter({ folder: join(home, 'exposures') });
  for (const userId of ['ada', 'bob', 'ada']) {
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
  const verify = () => run(['erasures', 'verify', '--user', 'ada', '--home', home]);
  expect((await verify()).out).toContain('2 logged responses');
  await run(['erasures', 'request', '--user', 'ada', '--home', home]);
  expect(await verify()).toMatchObject({ code: 3, err: expect.stringContaining('2 logged responses') as string });
  const { out } = await run(['lake', 'compact', '--grace', '0', '--home', home]);
  expect(out).toContain('2 responses to erased users removed');
  expect(await verify()).toMatchObject({ code: 0, out: expect.stringContaining('0 logged responses') as string });
});
