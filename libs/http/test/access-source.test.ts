import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addApiKey, isAppError } from '@facet/platform';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseAccessSource, readAccess } from '../src/index.ts';
import { keyOf } from './fixtures.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facet-http-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('whom to answer', () => {
  it('is the keys of the home, of another file, or anybody', () => {
    const secure = { FACET_INSECURE: 'false' } as const;
    expect(chooseAccessSource(secure, '/data/shop')).toEqual({ keysFile: '/data/shop/keys.yaml' });
    expect(chooseAccessSource({ ...secure, FACET_API_KEYS_FILE: '/etc/keys.yaml' }, '/data/shop')).toEqual({
      keysFile: '/etc/keys.yaml',
    });
    expect(chooseAccessSource({ FACET_INSECURE: 'true' }, '/data/shop')).toBe('anybody');
  });

  it('is refused to be both', () => {
    const both = { FACET_INSECURE: 'true', FACET_API_KEYS_FILE: '/etc/keys.yaml' } as const;
    expect(() => chooseAccessSource(both, '/data/shop')).toThrow('contradicts');
  });

  it('is never nobody and never everybody by accident', async () => {
    const keysFile = join(folder, 'none.yaml');
    const error: unknown = await readAccess({ keysFile }).catch((reason: unknown) => reason);
    expect(isAppError(error, 'HTTP_KEYS_MISSING')).toBe(true);
    expect(String(error)).toContain(keysFile);
  });

  it('is read from the file', async () => {
    const keysFile = join(folder, 'keys.yaml');
    const key = keyOf('web', ['ingest']);
    await addApiKey(keysFile, key);
    expect(await readAccess({ keysFile })).toEqual({ kind: 'keys', keys: [key] });
    expect(await readAccess('anybody')).toEqual({ kind: 'anybody' });
  });
});
