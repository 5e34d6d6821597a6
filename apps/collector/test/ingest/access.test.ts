import { join } from 'node:path';
import { commonRoutes, expectRouteAccess, folderOfFile, forFile, scopeKeys } from '@facet/testing';
import { expect, it } from 'vitest';
import { createTestIngest } from './fixtures.ts';

const folder = folderOfFile();

const ingest = forFile(
  await createTestIngest({ spoolFolder: folder, ingest: { access: { kind: 'keys', keys: scopeKeys } } }),
);

it('requires a key of the right scope for every route but probes and preflights', async () => {
  const scopeOfRoute = {
    ...commonRoutes,
    'POST /v1/events': 'ingest',
    'PUT /v1/items': 'admin',
    'PUT /v1/users': 'admin',
    'DELETE /v1/users/:userId': 'admin',
    'GET /v1/status': 'admin',
    // Browsers send preflights without a key.
    'OPTIONS *': 'open',
  } as const;
  await expectRouteAccess(ingest.app, scopeOfRoute, (url) =>
    url === '*' ? '/v1/events' : url.replace(':userId', 'session:x'),
  );
});

it('accepts requests without a key if configured, but not from pages of other sites', async () => {
  const spoolFolder = join(folder, 'open');
  const open = await createTestIngest({ spoolFolder, ingest: { access: { kind: 'anybody' } } });
  try {
    expect((await open.app.inject('/v1/status')).statusCode).toBe(200);
    const preflight = await open.app.inject({
      method: 'OPTIONS',
      url: '/v1/users/ada',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'DELETE' },
    });
    expect(preflight.headers).not.toHaveProperty('access-control-allow-origin');
  } finally {
    await open.close();
  }
});
