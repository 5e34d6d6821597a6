import type { HttpApp } from '@facet/http';
import { createLogger } from '@facet/platform';
import { createWorkerMetrics } from '@facet/refresh';
import { commonRoutes, expectRouteAccess, forTest, scopeKeys } from '@facet/testing';
import { expect, it } from 'vitest';
import { createApp } from '../src/start-indexer.ts';

/** Creates the real app with one key per scope, equal to the name of the scope. */
async function createTestApp(isConnected = true): Promise<HttpApp> {
  return forTest(
    await createApp(
      {
        logger: createLogger({ name: 'test', level: 'silent' }),
        metrics: createWorkerMetrics('indexer', () => isConnected),
        worker: { isConnected, working: isConnected ? { runId: '2026-02-28', stage: 'index' } : undefined },
      },
      { access: { kind: 'keys', keys: scopeKeys } },
    ),
  );
}

it('accepts only keys with the scope of the route', async () => {
  await expectRouteAccess(await createTestApp(), commonRoutes);
});

it('reports its current stage, and is not ready without the queue', async () => {
  const healthOf = async (app: HttpApp): Promise<unknown[]> =>
    Promise.all(['/healthz', '/readyz'].map(async (url) => (await app.inject(url)).json() as unknown));
  expect(await healthOf(await createTestApp())).toEqual([
    { status: 'ok' },
    { status: 'ready', version: '0.1.0', working: '2026-02-28 index' },
  ]);
  const [alive, ready] = await healthOf(await createTestApp(false));
  expect(alive).toEqual({ status: 'ok' });
  expect(ready).toMatchObject({ statusCode: 503, code: 'NOT_READY' });
});

it('documents all routes', async () => {
  const app = await createTestApp();
  const headers = { 'x-api-key': 'admin' };
  const { info, paths } = (await app.inject({ url: '/docs/json', headers })).json() as {
    info: { title: string };
    paths: Record<string, object>;
  };
  expect(info.title).toBe('Facet indexer');
  expect(Object.keys(paths).sort()).toEqual(['/healthz', '/metrics', '/readyz']);
  expect((await app.inject({ url: '/docs/', headers })).body).toContain('swagger-ui');
});
