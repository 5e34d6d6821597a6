import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addApiKey, isAppError } from '@facet/platform';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAccess } from '../src/index.ts';
import { keyOf } from './fixtures.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facet-http-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('readAccess', () => {
  it('refuses a file without keys, and needs no keys only with the explicit insecure setting', async () => {
    const keysFile = join(folder, 'none.yaml');
    const error: unknown = await readAccess({ keysFile }).catch((reason: unknown) => reason);
    expect(isAppError(error, 'HTTP_KEYS_MISSING')).toBe(true);
    expect(String(error)).toContain(keysFile);
  });

  it('reads the keys of the file', async () => {
    const keysFile = join(folder, 'keys.yaml');
    const key = keyOf('web', ['ingest']);
    await addApiKey(keysFile, key);
    expect(await readAccess({ keysFile })).toEqual({ kind: 'keys', keys: [key] });
    expect(await readAccess('anybody')).toEqual({ kind: 'anybody' });
  });
});
