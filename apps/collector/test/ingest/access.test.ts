import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestIngest, keyOf, textOf } from './fixtures.ts';
import type { TestIngest } from './fixtures.ts';

const keys = [keyOf('ingest', ['ingest']), keyOf('serve', ['serve']), keyOf('admin', ['admin'])];
let folder: string;
let ingest: TestIngest;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facet-collector-'));
  ingest = await createTestIngest({ spoolFolder: folder, ingest: { access: { kind: 'keys', keys } } });
});

afterAll(async () => {
  await ingest.close();
  await rm(folder, { recursive: true });
});

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';

function listRoutes(): { method: Method; url: string }[] {
  const path: string[] = [];
  return ingest.app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const match = /^(?<indent>[│ ]*)[├└]── (?<part>\S+)(?: \((?<methods>[A-Z, ]+)\))?$/.exec(line);
      if (match === null) return [];
      const { indent = '', part = '', methods = '' } = match.groups!;
      path.length = indent.length / 4;
      path.push(part);
      return methods === ''
        ? []
        : methods.split(', ').map((method) => ({ method: method as Method, url: path.join('') }));
    });
}

/** Who may do what: nobody in particular, or the keys with a scope. */
const scopeOfRoute = {
  'POST /v1/events': 'ingest',
  'PUT /v1/items': 'admin',
  'PUT /v1/users': 'admin',
  'DELETE /v1/users/:userId': 'admin',
  'GET /v1/status': 'admin',
  'GET /metrics': 'admin',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  // Preflights of browsers, which come without a key.
  'OPTIONS *': 'open',
} as const;

describe('every route', () => {
  it('is in this table', () => {
    const routes = listRoutes().filter(({ method }) => method !== 'HEAD');
    expect(routes.map(({ method, url }) => `${method} ${url}`).sort()).toEqual(Object.keys(scopeOfRoute).sort());
  });

  it('answers to keys of its scope only, and without a key not at all', async () => {
    for (const { method, url } of listRoutes().filter(({ method }) => method !== 'OPTIONS')) {
      const route = `${method === 'HEAD' ? 'GET' : method} ${url}` as keyof typeof scopeOfRoute;
      const scope = scopeOfRoute[route];
      const call = async (headers: Record<string, string>) =>
        (await ingest.app.inject({ method, url: url.replace(':userId', 'session:x'), headers })).statusCode;
      expect(await call({}), route).toBe(scope === 'open' ? 200 : 401);
      expect(await call({ 'x-api-key': 'facet_made-up' }), route).toBe(scope === 'open' ? 200 : 401);
      for (const { name } of keys) {
        const status = await call({ 'x-api-key': textOf(name) });
        // Past the key, requests without a body get what that deserves.
        if (scope === 'open' || scope === name) expect([200, 400, 415], `${route} with ${name}`).toContain(status);
        else expect(status, `${route} with ${name}`).toBe(403);
      }
    }
  });
});

it('answers anybody where that was wanted, but no other site’s pages', async () => {
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
