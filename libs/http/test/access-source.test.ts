import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addApiKey, hashApiKey, isAppError, removeApiKey, rotateApiKey } from '@facet/platform';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAccess } from '../src/index.ts';
import { createTestApp, keyOf, textOf } from './fixtures.ts';

let folder: string;
const logger = { info: vi.fn(), error: vi.fn() };
const patience = { timeout: 60_000, interval: 10 };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facet-http-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('readAccess', () => {
  it('refuses a file without keys, and needs no keys only with the explicit insecure setting', async () => {
    const keysFile = join(folder, 'none.yaml');
    const error: unknown = await readAccess({ keysFile }, { logger }).catch((reason: unknown) => reason);
    expect(isAppError(error, 'HTTP_KEYS_MISSING')).toBe(true);
    expect(String(error)).toContain(keysFile);
  });

  it('reads the keys of the file', async () => {
    const keysFile = join(folder, 'keys.yaml');
    const key = keyOf('web', ['ingest']);
    await addApiKey(keysFile, key);
    const access = await readAccess({ keysFile }, { logger });
    expect(access).toMatchObject({ kind: 'keys', keys: [key] });
    expect(await readAccess('anybody', { logger })).toEqual({ kind: 'anybody' });
  });
});

describe('an app whose keys file changes', () => {
  async function start() {
    const keysFile = join(await mkdtemp(join(folder, 'watched-')), 'keys.yaml');
    await addApiKey(keysFile, keyOf('web', ['ingest']));
    await addApiKey(keysFile, keyOf('ops', ['ingest']));
    const { app } = await createTestApp({ access: await readAccess({ keysFile }, { logger, watchMs: 10 }) });
    const statusOf = async (name: string): Promise<number> => {
      const headers = { 'x-api-key': textOf(name) };
      return (await app.inject({ method: 'POST', url: '/v1/orders', headers, body: { dish: 'soup' } })).statusCode;
    };
    expect(await statusOf('web')).toBe(200);
    return { keysFile, statusOf };
  }

  it('refuses a revoked key and accepts a new one, without a restart', async () => {
    const { keysFile, statusOf } = await start();
    await removeApiKey(keysFile, 'web');
    await vi.waitFor(async () => expect(await statusOf('web')).toBe(401), patience);
    await addApiKey(keysFile, keyOf('app', ['ingest']));
    await vi.waitFor(async () => expect(await statusOf('app')).toBe(200), patience);
    expect(await statusOf('ops')).toBe(200);
  });

  it('accepts the old and the new text of a rotated key', async () => {
    const { keysFile, statusOf } = await start();
    const acceptedUntil = Date.now() + 3_600_000;
    await rotateApiKey(keysFile, { name: 'web', sha256: hashApiKey(textOf('new')), acceptedUntil });
    await vi.waitFor(async () => expect(await statusOf('new')).toBe(200), patience);
    expect(await statusOf('web')).toBe(200);
  });

  it.each([
    ['is invalid', 'keys: [{name: web}]'],
    ['is missing', undefined],
  ])('keeps the last valid keys and logs the problem when the file %s', async (_, text) => {
    const { keysFile, statusOf } = await start();
    logger.error.mockClear();
    await (text === undefined ? rm(keysFile) : writeFile(keysFile, text));
    await vi.waitFor(() => expect(logger.error).toHaveBeenCalled(), patience);
    expect(JSON.stringify(logger.error.mock.calls[0])).toContain(keysFile);
    expect(await statusOf('web')).toBe(200);
  });

  it('refuses every key of a file without keys', async () => {
    const { keysFile, statusOf } = await start();
    await writeFile(keysFile, 'keys: []');
    await vi.waitFor(async () => expect(await statusOf('web')).toBe(401), patience);
  });
});
