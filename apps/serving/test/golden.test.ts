import { gunzipSync } from 'node:zlib';
import { ExperimentsSettings, parseExperiments } from '@facet/exposures';
import { parseWith } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { appOfFile, films, homeOfFile, putBundle, servingKey, textOfKey } from './fixtures.ts';
import { differences, listGolden, readGolden, writeGolden } from './golden-file.ts';

/** `FACET_WRITE_GOLDEN=true npx vitest run --root apps/serving test/golden.test.ts` writes the current responses. */
const isWriting = process.env['FACET_WRITE_GOLDEN'] === 'true';

const settings = {
  filters: { 'one-genre': { attributes: { genre: { in: { context: 'genre' } } } } },
};
const experiments = parseExperiments(
  parseWith(
    ExperimentsSettings,
    [{ name: 'order', arms: { control: {}, turns: { merge: { by: 'round-robin' } } }, share: 0.5, salt: 'golden' }],
    { source: 'experiments' },
  ),
);

const home = await homeOfFile();
const other = await putBundle(home, { items: films.slice(0, 50), seed: 12 });
/** Values that differ between runs, with their placeholders. */
const stands: readonly (readonly [string | RegExp, string])[] = [
  [home.bundleRef.id, '<bundle>'],
  [other.id, '<other bundle>'],
  [home.artifactsFolder, '<artifacts>'],
  [/"builtAt":"[^"]+"/g, '"builtAt":"<time>"'],
];
let created = 0;
const server = await appOfFile(home, {
  access: { kind: 'keys', keys: [servingKey('all', ['serve', 'admin']), servingKey('ops', ['admin'])] },
  settings,
  experiments,
  createId: () => `recommendation-${++created}`,
});

interface Asked {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** May contain the placeholders `<bundle>` and `<other bundle>`. */
  readonly url: string;
  readonly body?: object;
  readonly key?: string;
}

const recommend = (body: object): Asked => ({ method: 'POST', url: '/v1/recommendations', body });
const get = (url: string, key = 'all'): Asked => ({ method: 'GET', url, key });
const merged = (merge: object): Asked => recommend({ userId: 'ada', limit: 6, merge });

/** In this order: the promotion comes before the rollback. */
const requests: Readonly<Record<string, Asked>> = {
  'recommend-stored-user': recommend({ userId: 'ada', limit: 5, explain: true }),
  'recommend-behaviors': recommend({
    behaviors: ['film-2', { itemId: 'film-6', occurredAt: '2026-02-20T10:00:00Z' }, 'film-1', 'unheard-of'],
    profile: { age: 'young' },
    limit: 5,
  }),
  'recommend-both': recommend({ userId: 'ben', behaviors: ['film-1', 'film-40'], limit: 4, excludeSeen: false }),
  'recommend-quota': merged({ by: 'quota', floors: [2, 2] }),
  'recommend-round-robin': merged({ by: 'round-robin' }),
  'recommend-diverse': merged({ by: 'diverse', lambda: 0.3, attribute: 'genre' }),
  'recommend-filters': recommend({
    userId: 'ada',
    limit: 4,
    filters: ['one-genre'],
    context: { genre: 'opera' },
    filter: { attributes: { genre: { notIn: ['crime'] }, brand: { notIn: ['acme'] } } },
    exclude: ['film-2', 'unheard-of'],
  }),
  'recommend-pages': recommend({ userId: 'ada', limit: 7, pageSize: 3, explain: true }),
  'recommend-unknown-user': recommend({ userId: 'visitor', limit: 3 }),
  'recommend-no-behaviors': recommend({ userId: 'registered-only', limit: 3 }),
  'recommend-no-known-items': recommend({ behaviors: ['unheard-of'], limit: 3 }),
  'recommend-experiment': recommend({ userId: 'other-3', limit: 4 }),
  'recommend-invalid': recommend({ limit: 0 }),
  batch: {
    method: 'POST',
    url: '/v1/recommendations:batch',
    body: {
      users: [{ userId: 'ada' }, { behaviors: ['film-3'] }, { behaviors: [{ itemId: 'film-3', occurredAt: 4e12 }] }],
      limit: 2,
    },
  },
  interests: { method: 'POST', url: '/v1/interests', body: { userId: 'ada', nearest: 3 } },
  'interests-none': { method: 'POST', url: '/v1/interests', body: {} },
  similar: get('/v1/items/film-1/similar?limit=4'),
  'similar-unknown': get('/v1/items/unheard-of/similar?limit=2'),
  catalog: get('/v1/catalog'),
  items: get('/v1/items?query=film+1&limit=3'),
  users: get('/v1/users?query=other-1&limit=3'),
  'users-examples': get('/v1/users:examples?limit=2'),
  user: get('/v1/users/ben'),
  'user-unknown': get('/v1/users/visitor'),
  bundles: get('/v1/bundles'),
  bundle: get('/v1/bundles/<bundle>'),
  'bundle-unknown': get(`/v1/bundles/${'f'.repeat(32)}`),
  'refs-before': get('/v1/refs'),
  promote: { method: 'POST', url: '/v1/bundles/<other bundle>/promote', body: { reason: 'to see' } },
  refs: get('/v1/refs'),
  rollback: { method: 'POST', url: '/v1/refs/rollback', body: { reason: 'seen' } },
  alive: get('/healthz'),
  ready: get('/readyz'),
  metrics: get('/metrics'),
  unauthorized: get('/v1/refs', 'stranger'),
  forbidden: get('/v1/items/film-1/similar', 'ops'),
  'not-found': get('/v1/recommend'),
  'method-not-allowed': { method: 'DELETE', url: '/v1/items/film-1/similar' },
};

/** Other routes have the same headers, so one golden response has them. */
const headersOfAll = [
  'content-security-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'origin-agent-cluster',
  'referrer-policy',
  'x-content-type-options',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-frame-options',
  'x-permitted-cross-domain-policies',
  'x-xss-protection',
];
const headersOfEach = ['content-length', 'date', 'connection', 'x-request-id'];

const masked = (text: string): string => stands.reduce((masking, [what, by]) => masking.replaceAll(what, by), text);
const unmasked = (text: string): string =>
  stands.reduce((real, [what, by]) => (typeof what === 'string' ? real.replaceAll(by, what) : real), text);

async function ask(name: string, { method, url, body, key = 'all' }: Asked): Promise<unknown> {
  const response = await server.app.inject({
    method,
    url: unmasked(url),
    headers: { 'x-api-key': textOfKey(key) },
    ...(body === undefined ? {} : { payload: body }),
  });
  const left = new Set([...headersOfEach, ...(name === 'alive' ? [] : headersOfAll)]);
  const headers = Object.entries(response.headers).filter(([header]) => !left.has(header));
  const text = masked(response.body);
  return {
    status: response.statusCode,
    headers: Object.fromEntries(headers),
    body: name === 'metrics' ? seriesOf(text) : JSON.parse(text),
  };
}

/** The types of the metrics, without values, and without the process metrics of Node. */
function seriesOf(text: string): string[] {
  const types = text.split('\n').filter((line) => line.startsWith('# TYPE facet_'));
  return types.map((line) => line.slice('# TYPE '.length)).sort();
}

/** All pages, with unpacked cursors. */
async function askPages(name: string, asked: Asked): Promise<unknown> {
  const pages: unknown[] = [];
  for (let next: Asked | undefined = asked; next !== undefined;) {
    const page = (await ask(name, next)) as { body: { nextCursor?: string } };
    const { nextCursor } = page.body;
    const body = {
      ...page.body,
      ...(nextCursor === undefined ? {} : { nextCursor: JSON.parse(masked(unpack(nextCursor))) as unknown }),
    };
    pages.push({ ...page, body });
    next = nextCursor === undefined ? undefined : recommend({ cursor: nextCursor });
  }
  return pages;
}

const unpack = (cursor: string): string => gunzipSync(Buffer.from(cursor, 'base64url')).toString();

describe('the response matches the golden file', () => {
  it.each(Object.keys(requests))('%s', async (name) => {
    created = 0;
    const { method, url, body } = requests[name]!;
    const response = await (name === 'recommend-pages' ? askPages : ask)(name, requests[name]!);
    const golden = { request: { method, url, ...(body === undefined ? {} : { body }) }, response };
    if (isWriting) await writeGolden(name, golden);
    expect(differences(await readGolden(name), golden)).toEqual([]);
  });

  it('no other golden file exists', async () => {
    expect(await listGolden()).toEqual(Object.keys(requests).sort());
  });
});

it('detects numbers beyond the tolerance, and any other difference', () => {
  expect(differences({ a: [4.03397] }, { a: [4.03405] })).toEqual([]);
  expect(differences({ a: [4.03397] }, { a: [4.0345] })).toEqual(['/a/0: 4.0345 instead of 4.03397']);
  expect(differences({ a: 1, b: 'x' }, { a: 1 })).toEqual(['/b: undefined instead of "x"']);
  expect(differences([1], [1, 2])).toEqual(['/1: 2 instead of undefined']);
  const list = (...scores: [string, number][]): object[] => scores.map(([itemId, score]) => ({ itemId, score }));
  expect(differences(list(['a', 2], ['b', 1]), list(['b', 2], ['a', 1]))).toHaveLength(2);
  expect(differences(list(['a', 2.00002], ['b', 2]), list(['b', 2.00001], ['a', 2]))).toEqual([]);
});
