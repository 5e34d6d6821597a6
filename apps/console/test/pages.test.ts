import { readdirSync } from 'node:fs';
import { createHttpMetrics } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { createLogger, hourMs } from '@facet/platform';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exploreSearchOf } from '../page/routes/explore/view.ts';
import { createApp } from '../src/app.ts';
import { pages, parseSearch } from '../src/pages.ts';

const routesFolder = new URL('../page/routes/', import.meta.url);
const unused = 'http://127.0.0.1:9';

let app: HttpApp;
beforeAll(async () => {
  app = await createApp(
    { logger: createLogger({ name: 'test', level: 'silent' }), metrics: createHttpMetrics(), now: Date.now },
    {
      access: { kind: 'anybody' },
      upstreams: { serving: unused, collector: unused, sink: unused, trainer: unused, indexer: unused },
      prometheus: undefined,
      secret: 's'.repeat(32),
      isHttps: false,
      sessionMs: hourMs,
    },
  );
});
afterAll(() => app.close());

it('lists exactly the folders of routes as pages', () => {
  expect(readdirSync(routesFolder).sort()).toEqual(Object.keys(pages).sort());
});

it.each(readdirSync(routesFolder))('has a component for the page %s, and opens it by reload', async (name) => {
  expect(readdirSync(new URL(name, routesFolder))).toContain('page.tsx');
  const { path } = pages[name as keyof typeof pages];
  for (const url of [path.replace('$file', 'console.md'), `${path}?name=value`, path.replace(/\/\$.*/, '')]) {
    const { statusCode, headers, body } = await app.inject(url);
    expect([url, statusCode, headers['content-type']]).toEqual([url, 200, 'text/html; charset=utf-8']);
    expect(body).toContain('<div id="root">');
  }
});

it('responds with 404 to other addresses', async () => {
  expect((await app.inject('/no-page')).statusCode).toBe(404);
});

it('ignores wrong search parameters', () => {
  const given = {
    user: 196,
    with: ['a', '', 7, null],
    merge: {},
    floors: [2, 'x'],
    interests: 1.5,
    limit: 200,
    seen: 'true',
    context: { hour: 7, wrong: [] },
    where: [{ attribute: 'year', min: 1990 }, { attribute: 'year', max: 2000, in: 'a' }, { attribute: 'genre' }, 3],
    unknown: 'x',
  };
  expect(exploreSearchOf(parseSearch(pages.explore.search, given))).toEqual({
    user: '196',
    with: ['a', '7'],
    floors: [2, 0],
    limit: 200,
    context: { hour: 7 },
    where: [{ attribute: 'year', min: 1990, max: 2000, in: ['a'] }],
  });
  expect(parseSearch(pages.data.search, { day: 'today', reason: 'late' })).toEqual({ reason: 'late' });
});
