import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findApiKey, readApiKeys } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';
import { temporaryFolder } from '@facet/testing';

describe('facet keys create', () => {
  it('prints the key once and stores its hash', async () => {
    const home = await temporaryFolder();
    const args = ['keys', 'create', '--home', home, '--name', 'backend', '--scope', 'serve', '--scope', 'ingest'];
    const { code, out } = await run(args);
    expect(code).toBe(0);
    const [key = ''] = /facet_[\w-]+/.exec(out) ?? [];
    const file = join(home, 'keys.yaml');
    expect(findApiKey(key, await readApiKeys(file), Date.now())).toMatchObject({
      name: 'backend',
      scopes: ['serve', 'ingest'],
    });
    expect(await readFile(file, 'utf8')).not.toContain(key);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('accepts origins and limits, and prints one document with --json', async () => {
    const file = join(await temporaryFolder(), 'deep', 'web.yaml');
    const origins = ['--origin', 'https://shop.example/', '--origin', 'http://localhost:3000'];
    const bounds = ['--events-per-second', '500', '--requests-per-second', '20', '--body-bytes', '65536'];
    const { code, out } = await run(
      ['keys', 'create', '--json', '--file', file, '--name', 'web', '--scope', 'ingest', ...origins, ...bounds],
      { env: { FACET_API_KEYS_FILE: '/nowhere/keys.yaml' } },
    );
    expect(code).toBe(0);
    const described = {
      name: 'web',
      scopes: ['ingest'],
      origins: ['https://shop.example', 'http://localhost:3000'],
      eventsPerSecondMax: 500,
      requestsPerSecondMax: 20,
      bodyBytesMax: 65_536,
    };
    const { apiKey, ...document } = JSON.parse(out) as { apiKey: string };
    expect(document).toEqual({ file, ...described });
    expect(findApiKey(apiKey, await readApiKeys(file), Date.now())).toMatchObject(described);
  });

  it('refuses a second key with the same name', async () => {
    const home = await temporaryFolder();
    const args = ['keys', 'create', '--home', home, '--name', 'web', '--scope', 'ingest'];
    expect((await run(args)).code).toBe(0);
    const { code, err } = await run(args);
    expect(code).toBe(2);
    expect(err).toContain('already contains a key with the name web');
  });

  it.each([
    [['--name', 'web', '--scope', 'root'], /Allowed choices are ingest, serve, read, admin/],
    [['--name', 'web'], /--scope/],
    [['--scope', 'serve'], /--name/],
    [['--name', 'two words', '--scope', 'serve'], /the key two words is not valid: name/],
    [['--name', 'web', '--scope', 'ingest', '--origin', 'shop.example'], /Write an origin as scheme/],
    [['--name', 'web', '--scope', 'ingest', '--origin', 'https://shop.example/cart'], /Write an origin as scheme/],
    [['--name', 'web', '--scope', 'ingest', '--origin', '*'], /Write an origin as scheme/],
    [['--name', 'web', '--scope', 'ingest', '--events-per-second', '0'], /positive integer/],
  ])('%j exits with 2 and names the problem', async (args, message) => {
    const home = await temporaryFolder();
    const { code, out, err } = await run(['keys', 'create', '--home', home, ...args]);
    expect(err).toMatch(message);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(await readApiKeys(join(home, 'keys.yaml'))).toEqual([]);
  });
});

describe('facet keys list', () => {
  it('lists names and scopes from FACET_API_KEYS_FILE', async () => {
    const file = join(await temporaryFolder(), 'keys.yaml');
    const env = { FACET_API_KEYS_FILE: file };
    expect((await run(['keys', 'list'], { env })).out).toContain('keys create');
    await run(['keys', 'create', '--name', 'web', '--scope', 'ingest', '--events-per-second', '5000'], { env });
    await run(['keys', 'create', '--name', 'ops', '--scope', 'serve', 'admin'], { env });
    const { code, out } = await run(['keys', 'list'], { env });
    expect(code).toBe(0);
    expect(out).toMatch(/web +ingest +5,000/);
    expect(out).toMatch(/ops +serve, admin/);
    const document = JSON.parse((await run(['keys', 'list', '--json'], { env })).out) as { keys: { name: string }[] };
    expect(document.keys.map(({ name }) => name)).toEqual(['web', 'ops']);
  });

  it('names the wrong field of a file, never its value', async () => {
    const file = join(await temporaryFolder(), 'keys.yaml');
    await writeFile(file, 'keys: [{name: web, scopes: [ingest], sha256: facet_secret}]');
    const { code, err } = await run(['keys', 'list', '--file', file]);
    expect(code).toBe(2);
    expect(err).toContain('keys.0.sha256');
    expect(err).not.toContain('facet_secret');
  });
});

describe('facet keys rotate and revoke', () => {
  it('replace a key, and remove it', async () => {
    const env = { FACET_API_KEYS_FILE: join(await temporaryFolder(), 'keys.yaml') };
    const textIn = (out: string): string => /facet_[\w-]+/.exec(out)![0];
    const before = textIn((await run(['keys', 'create', '--name', 'web', '--scope', 'ingest'], { env })).out);
    const { code, out } = await run(['keys', 'rotate', '--name', 'web', '--overlap', '2'], { env });
    expect(code).toBe(0);
    const keys = await readApiKeys(env.FACET_API_KEYS_FILE);
    for (const text of [before, textIn(out)]) expect(findApiKey(text, keys, Date.now())?.name).toBe('web');
    expect(findApiKey(before, keys, Date.now() + 3 * 3_600_000)).toBeUndefined();
    expect((await run(['keys', 'list'], { env })).out).toContain(keys[0]!.previous![0]!.acceptedUntil);

    const atOnce = await run(['keys', 'rotate', '--name', 'web', '--overlap', '0'], { env });
    const kept = await readApiKeys(env.FACET_API_KEYS_FILE);
    for (const text of [before, textIn(out)]) expect(findApiKey(text, kept, Date.now())).toBeUndefined();
    expect(findApiKey(textIn(atOnce.out), kept, Date.now())?.name).toBe('web');

    expect((await run(['keys', 'revoke', '--name', 'web'], { env })).code).toBe(0);
    expect(await readApiKeys(env.FACET_API_KEYS_FILE)).toEqual([]);
    const again = await run(['keys', 'revoke', '--name', 'web'], { env });
    expect(again.code).toBe(2);
    expect(again.err).toContain('contains no key with the name web');
  });
});
