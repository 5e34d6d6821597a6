/** @module-tag full */
import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFacetProcess, startS3 } from '@facet/local-services';
import { folderOfFile, forFile, temporaryFolder } from '@facet/testing';
import { expect, it, onTestFinished, vi } from 'vitest';
import { run } from './run.ts';
import { eventsFile, settings, start } from './shop-files.ts';

const folder = folderOfFile();
const training = (seed: number): string => `training: { batchSize: 64, epochs: 1, windowDays: 3, seed: ${seed} }\n`;

const s3 = forFile(await startS3());
Object.assign(process.env, s3.env);
const home = join(folder, 'home');
const configFile = join(folder, 'facet.yaml');
await writeFile(configFile, settings + training(1));

async function succeed(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await run([...args, '--home', home]);
  expect(code, `${args.join(' ')}: ${err}`).toBe(0);
  return out;
}

it('moves a home to S3', { tags: 'full' }, async () => {
  const events = join(folder, 'events.csv');
  await writeFile(events, eventsFile(20));
  await succeed('import', '--events', events);
  await succeed('index', '--config', configFile);
  const artifacts = join(home, 'artifacts');
  await s3.writeConfig(artifacts, 'shop');
  const refused = await run(['bundles', '--home', home]);
  expect([refused.code, refused.err]).toEqual([3, expect.stringContaining('facet artifacts upload')]);
  expect(await succeed('artifacts', 'upload')).toContain('3 artifacts in the bucket.');
  expect((await readdir(artifacts)).sort()).toEqual(['s3.yaml', 'staging', 'uploaded']);
  const lake = join(home, 'lake');
  await s3.writeConfig(lake, 'shop');
  const refusedLake = await run(['lake', 'status', '--home', home]);
  expect([refusedLake.code, refusedLake.err]).toEqual([3, expect.stringContaining('facet lake upload')]);
  expect(await succeed('lake', 'upload')).toContain('800 rows, 20 files');
  expect((await readdir(lake)).filter((name) => name.startsWith('dt='))).toEqual([]);
});

it('trains, promotes and rolls back on S3', { tags: 'full' }, async () => {
  await writeFile(configFile, settings + training(2));
  const more = join(folder, 'more.csv');
  await writeFile(more, `user_id,item_id,timestamp\nperson1,thing2,${start / 1000 + 1}\n`);
  await succeed('import', '--events', more);
  expect(await succeed('lake', 'verify')).toContain('801');
  await succeed('index', '--config', configFile);
  await succeed('rollback', '--reason', 'to the first training');
  const { promotions } = JSON.parse(await succeed('promotions', '--json')) as { promotions: { kind: string }[] };
  expect(promotions.map(({ kind }) => kind)).toEqual(['rollback', 'promote', 'promote']);
});

it('serves on a machine that has only the bucket', { tags: 'full' }, async () => {
  const elsewhere = join(folder, 'elsewhere');
  const artifacts = join(elsewhere, 'artifacts');
  await s3.writeConfig(artifacts, 'shop');
  const serving = await startFacetProcess({
    app: 'serving',
    env: {
      ...s3.env,
      FACET_HOME: elsewhere,
      FACET_CONFIG: configFile,
      FACET_INSECURE: 'true',
    },
    readySeconds: 240,
  });
  try {
    const response = await fetch(`${serving.url}/v1/recommendations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId: 'person1', limit: 5 }),
    });
    expect(((await response.json()) as { items: unknown[] }).items).toHaveLength(5);
  } finally {
    await serving.stop();
  }
  expect(await readdir(join(artifacts, 's3-copies'))).toContain('bundle');
});

it('erases a user from the bucket', { tags: 'full' }, async () => {
  // Other tests leave temporary files of Facet, which verify lists.
  vi.stubEnv('TMPDIR', await temporaryFolder());
  onTestFinished(() => void vi.unstubAllEnvs());
  await succeed('erasures', 'request', 'person1');
  await succeed('lake', 'compact', '--grace', '0');
  const objects = (await readdir(s3.folder, { recursive: true })).filter((name) => name.endsWith('users.jsonl'));
  expect(objects).not.toEqual([]);
  for (const name of objects) {
    expect(await readFile(join(s3.folder, name), 'utf8')).not.toContain('"person1"');
  }
  // Erasures do not reach the copies that were moved aside.
  const verify = ['erasures', 'verify', 'person1', '--home', home, '--without'];
  const absent = ['exposures', 'kafka', 'machines', 'profiles', 'spool'];
  const copied = await run([...verify, ...absent]);
  expect([copied.code, copied.out]).toEqual([3, expect.stringContaining('artifacts/uploaded/1/dataset/')]);
  await rm(join(home, 'artifacts', 'uploaded'), { recursive: true });
  const incomplete = await run([...verify, ...absent]);
  expect([incomplete.code, incomplete.out]).toEqual([5, expect.stringContaining('lake/uploaded')]);
  // As after a kill of the upload.
  const day = join(home, 'lake', 'dt=2024-01-15');
  await rename(join(home, 'lake', 'uploaded'), day);
  const left = await run([...verify, ...absent]);
  expect([left.code, left.out]).toEqual([5, expect.stringContaining('lake/dt=2024-01-15')]);
  await rm(day, { recursive: true });
  expect(await run([...verify, ...absent])).toMatchObject({ code: 0 });
  // A copy of an artifact that the bucket does not have any more.
  const copy = join(home, 'artifacts', 's3-copies', 'dataset', '0'.repeat(32), 'files');
  await mkdir(copy, { recursive: true });
  await writeFile(join(copy, 'users.jsonl'), '{"userId":"person1"}\n');
  await utimes(join(copy, 'users.jsonl'), 1, 1);
  expect(await run([...verify, ...absent])).toMatchObject({ code: 3 });
});
