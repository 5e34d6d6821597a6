import { join } from 'node:path';
import { dayMs, findApiKey, hashApiKey, readApiKeys, replaceApiKey } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { prepareAccess } from '../src/serving/processes.ts';
import { temporaryFolder } from '@facet/testing';

async function newHome(): Promise<{ home: string; keysFile: string }> {
  const home = await temporaryFolder();
  return { home, keysFile: join(home, 'keys.yaml') };
}

describe('prepareAccess', () => {
  it('creates a key for the API and its operations, and lets the key of the previous run work for a day', async () => {
    const { home, keysFile } = await newHome();
    const other = { name: 'web', scopes: ['ingest'], sha256: hashApiKey('of-another') } as const;
    await replaceApiKey(keysFile, other);
    const first = await prepareAccess({}, home);
    const second = await prepareAccess({}, home);
    expect(first.newKey).toMatch(/^facet_/);
    expect(second).toMatchObject({ keysFile });
    const keys = await readApiKeys(keysFile);
    expect(keys[0]).toEqual(other);
    expect(findApiKey(second.newKey!, keys, Date.now())).toMatchObject({
      name: 'facet-serve',
      scopes: ['serve', 'admin'],
    });
    expect(findApiKey(first.newKey!, keys, Date.now())?.name).toBe('facet-serve');
    expect(findApiKey(first.newKey!, keys, Date.now() + dayMs)).toBeUndefined();
  });

  it('writes no key for a given file or for access without keys', async () => {
    const { home, keysFile } = await newHome();
    expect(await prepareAccess({ apiKeysFile: '/etc/keys.yaml' }, home)).toEqual({ keysFile: '/etc/keys.yaml' });
    const open = await prepareAccess({ insecure: true, apiKeysFile: '/etc/keys.yaml' }, home);
    expect(open).toEqual({ keysFile: undefined });
    expect(await readApiKeys(keysFile)).toEqual([]);
  });
});
