import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  addApiKey,
  createApiKey,
  findApiKey,
  hashApiKey,
  isAppError,
  readApiKeys,
  removeApiKey,
  replaceApiKey,
  rotateApiKey,
  scopes,
} from '../src/index.ts';
import type { ApiKey, AppError } from '../src/index.ts';

async function temporaryFile(text?: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'home', 'keys.yaml');
  if (text === undefined) return path;
  await writeFile(join(folder, 'keys.yaml'), text);
  return join(folder, 'keys.yaml');
}

async function refusal(reading: Promise<unknown>): Promise<AppError> {
  const error: unknown = await reading.catch((reason: unknown) => reason);
  if (!isAppError(error)) throw new Error('it was not refused');
  return error;
}

const hash = hashApiKey(createApiKey());
const web: ApiKey = {
  name: 'web',
  scopes: ['ingest'],
  sha256: hash,
  origins: ['https://shop.example', 'http://localhost:3000'],
  eventsPerSecondMax: 500,
  bodyBytesMax: 65_536,
};
const ops: ApiKey = { name: 'ops', scopes: ['admin', 'serve'], sha256: hashApiKey(createApiKey()) };

describe('reading', () => {
  test('reads the keys with their limits', async () => {
    const path = await temporaryFile(
      `keys:\n  - name: web\n    scopes: [ingest]\n    sha256: ${hash}\n    origins: [https://shop.example]\n    eventsPerSecondMax: 500\n`,
    );
    expect(await readApiKeys(path)).toEqual([
      {
        name: 'web',
        scopes: ['ingest'],
        sha256: hash,
        origins: ['https://shop.example'],
        eventsPerSecondMax: 500,
      },
    ]);
  });

  test.each([undefined, '', '# none yet\n', 'keys: []\n'])('finds no keys in %j', async (text) => {
    expect(await readApiKeys(await temporaryFile(text))).toEqual([]);
  });

  test.each<[string, string, RegExp]>([
    ['a scope that is none', `[{name: a, scopes: [root], sha256: ${hash}}]`, /keys\.0\.scopes\.0/],
    ['no scope', `[{name: a, scopes: [], sha256: ${hash}}]`, /keys\.0\.scopes/],
    ['a scope twice', `[{name: a, scopes: [serve, serve], sha256: ${hash}}]`, /keys\.0\.scopes/],
    ['no name', `[{scopes: [serve], sha256: ${hash}}]`, /keys\.0\.name: is missing/],
    ['a name that would break a log', `[{name: 'a b', scopes: [serve], sha256: ${hash}}]`, /keys\.0\.name/],
    [
      'a misspelled bound',
      `[{name: a, scopes: [serve], sha256: ${hash}, origin: x}]`,
      /keys\.0\.origin: is not a known/,
    ],
    ['an origin with a path', `[{name: a, scopes: [serve], sha256: ${hash}, origins: ['https://a/b']}]`, /origins\.0/],
    ['a bound of 0', `[{name: a, scopes: [serve], sha256: ${hash}, eventsPerSecondMax: 0}]`, /eventsPerSecondMax/],
    [
      'two of a name',
      `[{name: a, scopes: [serve], sha256: ${hash}}, {name: a, scopes: [admin], sha256: ${hash}}]`,
      /two keys with the name a/,
    ],
  ])('refuses %s', async (_, keys, message) => {
    const error = await refusal(readApiKeys(await temporaryFile(`keys: ${keys}\n`)));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(message);
  });

  test('never prints a key given instead of a hash', async () => {
    const path = await temporaryFile(`keys: [{name: a, scopes: [serve], sha256: facet_secret}]\n`);
    const error = await refusal(readApiKeys(path));
    expect(error.message).toContain('keys.0.sha256');
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain('facet_secret');
  });

  test('refuses invalid YAML', async () => {
    expect((await refusal(readApiKeys(await temporaryFile('keys: [')))).code).toBe('CONFIG_UNREADABLE');
  });
});

describe('writing', () => {
  test('creates the file for its owner only, and leaves no temporary file', async () => {
    const path = await temporaryFile();
    await addApiKey(path, web);
    await addApiKey(path, ops);
    expect(await readApiKeys(path)).toEqual([web, ops]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(path, '..'))).toEqual(['keys.yaml']);
  });

  test('loses no key when several are added at once', async () => {
    const path = await temporaryFile();
    const names = Array.from({ length: 8 }, (_, index) => `app-${index}`);
    await Promise.all(names.map((name) => addApiKey(path, { ...ops, name })));
    expect((await readApiKeys(path)).map(({ name }) => name).toSorted()).toEqual(names);
    expect(await readdir(join(path, '..'))).toEqual(['keys.yaml']);
  });

  test('loses no key when two processes add keys at once', { tags: 'full', timeout: 60_000 }, async () => {
    const path = await temporaryFile();
    const keysEach = 40;
    const script = `
      import { addApiKey, hashApiKey } from '@facet/platform';
      const [path, app] = process.argv.slice(1);
      for (let at = 0; at < ${keysEach}; at++) {
        await addApiKey(path, { name: app + at, scopes: ['read'], sha256: hashApiKey(app + at) });
      }`;
    const add = async (app: string): Promise<unknown> =>
      promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, path, app], {
        cwd: import.meta.dirname,
      });
    await Promise.all(['a', 'b'].map(add));
    expect(await readApiKeys(path)).toHaveLength(2 * keysEach);
  });

  test('rotates a key: its hash changes, the rest stays, the old hash works until a time', async () => {
    const path = await temporaryFile();
    await addApiKey(path, web);
    const sha256 = hashApiKey('facet_new');
    await rotateApiKey(path, { name: 'web', sha256, acceptedUntil: Date.parse('2026-01-02T00:00:00Z') });
    const previous = [{ sha256: hash, acceptedUntil: '2026-01-02T00:00:00.000Z' }];
    expect(await readApiKeys(path)).toEqual([{ ...web, sha256, previous }]);
    // Each rotation keeps the keys whose time is not over.
    const acceptedUntil = Date.now() + 60_000;
    for (const key of ['b', 'c']) await rotateApiKey(path, { name: 'web', sha256: hashApiKey(key), acceptedUntil });
    const [rotated] = await readApiKeys(path);
    expect(rotated!.previous!.map((entry) => entry.sha256)).toEqual([sha256, hashApiKey('b')]);
    expect((await refusal(rotateApiKey(path, { name: 'x', sha256, acceptedUntil: 0 }))).code).toBe('KEYS_NAME_UNKNOWN');
  });

  test('a rotation without overlap also ends the keys of earlier rotations', async () => {
    const path = await temporaryFile();
    await addApiKey(path, { ...web, sha256: hashApiKey('a') });
    const hour = 3_600_000;
    await rotateApiKey(path, { name: 'web', sha256: hashApiKey('b'), acceptedUntil: Date.now() + hour });
    const now = Date.now();
    await rotateApiKey(path, { name: 'web', sha256: hashApiKey('c'), acceptedUntil: now });
    const keys = await readApiKeys(path);
    for (const old of ['a', 'b']) expect(findApiKey(old, keys, now)).toBeUndefined();
    expect(findApiKey('c', keys, now)?.name).toBe('web');
    // A longer overlap does not prolong an earlier one.
    await rotateApiKey(path, { name: 'web', sha256: hashApiKey('d'), acceptedUntil: now + hour });
    await rotateApiKey(path, { name: 'web', sha256: hashApiKey('e'), acceptedUntil: now + 2 * hour });
    const later = await readApiKeys(path);
    expect(findApiKey('c', later, now + hour)).toBeUndefined();
    expect(findApiKey('d', later, now + hour)?.name).toBe('web');
  });

  test('keeps the mode of the file, so that apps of another user can still read it', async () => {
    const path = await temporaryFile();
    await addApiKey(path, web);
    await chmod(path, 0o644);
    await addApiKey(path, ops);
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });

  test('removes a key and keeps the others and their comments', async () => {
    const path = await temporaryFile(
      `# Keys of the shop.\nkeys:\n  - {name: web, scopes: [ingest], sha256: ${hash}}\n  # asked for by Ben\n  - {name: ben, scopes: [serve], sha256: ${hash}}\n`,
    );
    await removeApiKey(path, 'web');
    expect((await readApiKeys(path)).map(({ name }) => name)).toEqual(['ben']);
    expect(await readFile(path, 'utf8')).toMatch(/# Keys of the shop[^]*# asked for by Ben/);
    expect((await refusal(removeApiKey(path, 'web'))).code).toBe('KEYS_NAME_UNKNOWN');
  });

  test('refuses a second key with the same name', async () => {
    const path = await temporaryFile();
    await addApiKey(path, web);
    expect((await refusal(addApiKey(path, { ...ops, name: 'web' }))).code).toBe('KEYS_NAME_TAKEN');
    expect(await readApiKeys(path)).toEqual([web]);
  });

  test('replaces a key in place and keeps comments', async () => {
    const path = await temporaryFile(
      `# Keys of the shop.\nkeys:\n  - name: web # the tracker\n    scopes: [ingest]\n    sha256: ${hash}\n` +
        `  # asked for by Ben\n  - name: ben\n    scopes: [serve]\n    sha256: ${hash}\n`,
    );
    await replaceApiKey(path, web);
    await replaceApiKey(path, ops);
    expect((await readApiKeys(path)).map(({ name }) => name)).toEqual(['web', 'ben', 'ops']);
    expect((await readApiKeys(path))[0]).toEqual(web);
    const text = await readFile(path, 'utf8');
    expect(text).toContain('# Keys of the shop.');
    expect(text).toContain('# asked for by Ben');
  });

  test('writes no invalid key', async () => {
    const path = await temporaryFile();
    const error = await refusal(addApiKey(path, { ...web, name: 'a b' }));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('the key a b') });
    expect(await readApiKeys(path)).toEqual([]);
  });

  test('changes no unreadable file', async () => {
    const text = 'keys: [{name: a}]\n';
    const path = await temporaryFile(text);
    await refusal(addApiKey(path, web));
    await refusal(replaceApiKey(path, web));
    expect(await readFile(path, 'utf8')).toBe(text);
  });
});

test('docs/keys.md describes each scope', async () => {
  const page = await readFile(new URL('../../../docs/keys.md', import.meta.url), 'utf8');
  const [, table = ''] = page.split('| scope ');
  const documented = Array.from(table.split('\n\n', 1)[0]!.matchAll(/^\| `(\w+)`/gm), ([, scope]) => scope);
  expect(documented.sort()).toEqual([...scopes].sort());
});
