import { join } from 'node:path';
import { findApiKey, hashApiKey, readApiKeys, replaceApiKey } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { prepareAccess } from '../src/serving/access.ts';
import { temporaryFolder } from '@facet/testing';

const homeWithKeys = async () => ({ keysFile: join(await temporaryFolder(), 'keys.yaml') });

describe('prepareAccess', () => {
  it('makes a key that opens the API and its operations, and forgets the one of the run before', async () => {
    const home = await homeWithKeys();
    const other = { name: 'web', scopes: ['ingest'], sha256: hashApiKey('of-another') } as const;
    await replaceApiKey(home.keysFile, other);
    const first = await prepareAccess({}, home);
    const second = await prepareAccess({}, home);
    expect(first.newKey).toMatch(/^facet_/);
    expect(second).toMatchObject(home);
    const keys = await readApiKeys(home.keysFile);
    expect(keys[0]).toEqual(other);
    expect(findApiKey(second.newKey!, keys)).toMatchObject({ name: 'facet-serve', scopes: ['serve', 'admin'] });
    expect(findApiKey(first.newKey!, keys)).toBeUndefined();
  });

  it('takes a key that is given, and does not show it again', async () => {
    const home = await homeWithKeys();
    expect(await prepareAccess({ apiKey: 'k', apiKeysFile: '/etc/keys.yaml' }, home)).toEqual(home);
    expect(findApiKey('k', await readApiKeys(home.keysFile))?.name).toBe('facet-serve');
  });

  it('writes nothing where a file is named, or nobody needs a key', async () => {
    const home = await homeWithKeys();
    expect(await prepareAccess({ apiKeysFile: '/etc/keys.yaml' }, home)).toEqual({ keysFile: '/etc/keys.yaml' });
    const open = await prepareAccess({ insecure: true, apiKeysFile: '/etc/keys.yaml' }, home);
    expect(open).toEqual({ keysFile: undefined });
    expect(await readApiKeys(home.keysFile)).toEqual([]);
  });
});
