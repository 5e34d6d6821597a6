import { startRedis } from '@facet/local-services';
import { commonRoutes, expectRouteAccess, forFile } from '@facet/testing';
import { it } from 'vitest';
import { createTestApp, lastDay } from './fixtures.ts';

const redis = forFile(await startRedis());

it('accepts only keys with the scope of the route', async () => {
  const { app, queue } = await createTestApp(redis.url);
  // A run that has ended, so that its event stream ends.
  await queue.request({ day: lastDay, requestedBy: 'test' });
  await queue.cancel(lastDay, { reason: 'a test' });
  const scopeOfRoute = {
    ...commonRoutes,
    'POST /v1/refreshes': 'admin',
    'GET /v1/refreshes': 'read',
    'GET /v1/refreshes/:runId': 'read',
    'POST /v1/refreshes/:runId/cancel': 'admin',
    'GET /v1/refreshes/:runId/events': 'read',
    'GET /v1/schedule': 'read',
    'GET /v1/lineage/:id': 'read',
    'GET /v1/models/:modelId/training': 'read',
    'GET /v1/experiments': 'read',
    'GET /v1/experiments/:name/report': 'read',
  } as const;
  await expectRouteAccess(app, scopeOfRoute, (url) => url.replace(':runId', lastDay));
});
