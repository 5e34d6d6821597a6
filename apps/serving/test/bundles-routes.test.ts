import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { temporaryFolder } from '@facet/testing';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { createHome, createTestApp, openLive, putBundle, servingKey, textOfKey } from './fixtures.ts';
import type { Home, TestApp } from './fixtures.ts';

let home: Home;
let server: TestApp;

beforeEach(async () => {
  home = await createHome();
  server = await createTestApp(home, { access: { kind: 'keys', keys: [servingKey('ops', ['admin'])] } });
});

afterEach(async () => {
  await server.close();
  await home.remove();
});

async function call(method: 'GET' | 'POST', url: string, payload?: object) {
  const headers = { 'x-api-key': textOfKey('ops') };
  const response = await server.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  return { statusCode: response.statusCode, body: response.json() as Record<string, unknown> };
}

it('names the remedy while the bucket of the artifacts does not respond', { tags: 'full' }, async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key').stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  onTestFinished(() => void vi.unstubAllEnvs());
  const artifactsFolder = await temporaryFolder();
  const s3 = 'bucket: facet\nprefix: home\nregion: r\nendpoint: http://127.0.0.1:1\n';
  await writeFile(join(artifactsFolder, 's3.yaml'), s3);
  const { app, close } = await createTestApp(undefined, { artifactsFolder });
  onTestFinished(close);
  expect((await app.inject('/v1/bundles')).json()).toMatchObject({
    statusCode: 503,
    code: 'S3_UNREACHABLE',
    remedy: expect.stringContaining('Check endpoint and region in s3.yaml'),
  });
});

it('lists the bundles and marks the live one', async () => {
  const other = await putBundle(home, { seed: 12 });
  const readRef = vi.spyOn(server.app.serving.store, 'readRef');
  const { bundles } = (await call('GET', '/v1/bundles')).body as { bundles: { bundleId: string }[] };
  expect(readRef.mock.calls.flat()).toEqual(['current', 'previous']);
  expect(bundles.map(({ bundleId }) => bundleId).sort()).toEqual([home.bundleRef.id, other.id].sort());
  expect(bundles.find(({ bundleId }) => bundleId === home.bundleRef.id)).toMatchObject({
    state: 'current',
    isLoaded: true,
  });
  expect(bundles.find(({ bundleId }) => bundleId === other.id)).toMatchObject({ state: null, isLoaded: false });
  expect((await call('GET', `/v1/bundles/${home.bundleRef.id}`)).body).toMatchObject({
    state: 'current',
    modelId: 'model-of-the-fixture',
    items: 60,
    index: { kind: 'flat', recall: 1, recallAt: 10 },
    dataEnd: '2026-03-01T00:00:00.000Z',
  });
  expect((await call('GET', '/v1/refs')).body).toEqual({
    current: home.bundleRef.id,
    previous: null,
    delta: null,
    serving: { bundleId: home.bundleRef.id },
  });
});

it('promotes and rolls back, and records key and reason', async () => {
  const opened = await openLive(home, { live: server.live, metrics: server.metrics, logger: server.logger });
  try {
    const other = await putBundle(home, { seed: 12 });
    const promoted = await call('POST', `/v1/bundles/${other.id}/promote`, { reason: 'a fix for the sale' });
    expect(promoted).toEqual({ statusCode: 200, body: { current: other.id } });
    await opened.watcher.check();
    expect((await call('GET', '/v1/refs')).body).toMatchObject({
      current: other.id,
      previous: home.bundleRef.id,
      serving: { bundleId: other.id },
    });
    const back = await call('POST', '/v1/refs/rollback', { reason: 'it was none' });
    expect(back.body).toEqual({ current: home.bundleRef.id });
    const records = await createFolderArtifactStore(home.artifactsFolder).promotions();
    expect(records.slice(-2).map(({ by, reason }) => [by, reason])).toEqual([
      ['api:ops', 'a fix for the sale'],
      ['api:ops', 'it was none'],
    ]);
  } finally {
    await opened.close();
  }
});

it('refuses unknown bundles, and requests without a reason', async () => {
  const unknown = 'f'.repeat(32);
  expect(await call('GET', `/v1/bundles/${unknown}`)).toMatchObject({
    statusCode: 404,
    body: { code: 'ARTIFACT_NOT_FOUND' },
  });
  expect(await call('POST', `/v1/bundles/${unknown}/promote`, { reason: 'why not' })).toMatchObject({
    statusCode: 404,
  });
  expect((await call('GET', '/v1/bundles/..%2f..%2fetc')).statusCode).toBe(400);
  expect(await call('POST', '/v1/refs/rollback', { reason: 'nothing before' })).toMatchObject({
    statusCode: 409,
    body: { code: 'ARTIFACT_NO_PREVIOUS' },
  });
  expect(await call('POST', `/v1/bundles/${home.bundleRef.id}/promote`, {})).toMatchObject({
    statusCode: 400,
    body: { field: 'reason' },
  });
});
