import { gzipSync } from 'node:zlib';
import { folderOfFile, forFile, forTest, temporaryFolder } from '@facet/testing';
import type { InjectOptions } from 'fastify';
import { describe, expect, inject, it } from 'vitest';
import { createTestIngest, eventOf, keyOf, textOf } from './fixtures.ts';
import { readTopic } from './read-topic.ts';

const now = Date.parse('2026-02-01T00:00:00Z');
const folder = folderOfFile();

const ingest = forFile(
  await createTestIngest({
    spoolFolder: folder,
    ingest: {
      access: {
        kind: 'keys',
        keys: [
          keyOf('shop', ['ingest']),
          keyOf('ops', ['admin']),
          keyOf('both', ['ingest', 'admin'], { origins: ['https://both.example'] }),
          keyOf('web', ['ingest'], { origins: ['https://shop.example'] }),
          keyOf('small', ['ingest'], { bodyBytesMax: 300 }),
          keyOf('slow', ['ingest'], { eventsPerSecondMax: 2 }),
        ],
      },
      eventTypes: ['wishlist'],
      limits: { recordsMax: 5, bodyBytesMax: 20_000, recordBytesMax: 2_000 },
    },
    now: () => now,
  }),
);

function post(payload: unknown, more: InjectOptions & { readonly key?: string } = {}) {
  const { key = 'shop', headers, ...rest } = more;
  return ingest.app.inject({
    method: 'POST',
    url: '/v1/events',
    headers: { 'content-type': 'application/json', 'x-api-key': textOf(key), ...headers },
    payload: typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
    ...rest,
  });
}

async function logged(eventIds: readonly string[]) {
  const records = await readTopic(inject('kafkaBrokers'), ingest.topics.events);
  return records.filter(({ value }) => eventIds.includes((JSON.parse(value ?? '{}') as { eventId: string }).eventId));
}

describe('POST /v1/events', () => {
  it('stores an event in the log before it responds', async () => {
    const response = await post(eventOf('one', { shelf: 'ü', receivedAt: 5, value: 4 }));
    expect(response.statusCode).toBe(202);
    expect(response.json()).toEqual({ accepted: 1, duplicates: 0, refused: 0, results: [], stored: 'log' });
    const [record] = await logged(['one']);
    expect(record).toMatchObject({ key: 'ada', timestamp: now });
    expect(JSON.parse(record!.value!)).toEqual({
      ...eventOf('one', { shelf: 'ü', value: 4 }),
      occurredAt: Date.parse('2026-01-31T12:00:00Z'),
    });
  });

  it('returns an outcome for each event of a list in every format', async () => {
    const events = [
      eventOf('a1'),
      eventOf('a1', { itemId: 'other' }),
      eventOf('a2', { type: 'swipe' }),
      'no event',
      eventOf('a3', { type: 'wishlist' }),
    ];
    const expected = {
      accepted: 2,
      duplicates: 1,
      refused: 2,
      stored: 'log',
      results: [
        { index: 1, eventId: 'a1', status: 'duplicate' },
        {
          index: 2,
          eventId: 'a2',
          status: 'refused',
          field: 'type',
          reason: 'unknown-type',
          message: expect.stringContaining('facet.yaml') as string,
        },
        {
          index: 3,
          status: 'refused',
          field: '',
          reason: 'not-an-object',
          message: 'The record must be a JSON object.',
        },
      ],
    };
    expect((await post(events)).json()).toEqual(expected);
    expect((await post({ events })).json()).toEqual(expected);
    const lines = events.map((event) => JSON.stringify(event)).join('\n');
    const asLines = await post(`${lines}\r\n\n`, { headers: { 'content-type': 'application/x-ndjson' } });
    expect(asLines.json()).toEqual(expected);
    const asText = await post(lines, { headers: { 'content-type': 'text/plain;charset=UTF-8' } });
    expect(asText.json()).toEqual(expected);
    const asJsonText = await post(JSON.stringify(events, undefined, 2), { headers: { 'content-type': 'text/plain' } });
    expect(asJsonText.json()).toEqual(expected);
    // Each request adds a record to the log. Readers count an event once by its id.
    expect(await logged(['a1', 'a2', 'a3'])).toHaveLength(10);
  });

  it('includes accepted events in the results on request', async () => {
    const { results } = (await post([eventOf('r1'), eventOf('r2')], { url: '/v1/events?results=all' })).json<{
      results: unknown;
    }>();
    expect(results).toEqual([
      { index: 0, eventId: 'r1', status: 'accepted' },
      { index: 1, eventId: 'r2', status: 'accepted' },
    ]);
    expect((await post(eventOf('r3'), { url: '/v1/events?results=some' })).statusCode).toBe(400);
  });

  it('refuses a broken line alone', async () => {
    const good = Buffer.from(JSON.stringify(eventOf('l1')));
    const body = Buffer.concat([Buffer.from('{"eventId": \n'), good, Buffer.from('\n"\xff"\n', 'latin1')]);
    const response = await post(body, { headers: { 'content-type': 'application/x-ndjson' } });
    expect(response.json()).toMatchObject({
      accepted: 1,
      results: [
        { index: 0, reason: 'not-json' },
        { index: 2, reason: 'not-unicode' },
      ],
    });
  });

  it('accepts anonymous events by session, and identify events', async () => {
    const anonymous = eventOf('s1', { sessionId: 'tab', userId: undefined });
    const identify = eventOf('s2', { type: 'identify', sessionId: 'tab', itemId: undefined });
    expect((await post([anonymous, identify])).json()).toMatchObject({ accepted: 2 });
    expect((await logged(['s1', 's2'])).map(({ key }) => key).sort()).toEqual(['ada', 'session:tab']);
  });

  it('responds 400 when it accepts no event', async () => {
    const response = await post([eventOf('x1', { itemId: 7 }), eventOf('x2', { occurredAt: 1_700_000_000 })]);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({
      statusCode: 400,
      code: 'ALL_REFUSED',
      message: expect.stringContaining('itemId must be text') as string,
      remedy: expect.any(String) as string,
      accepted: 0,
      refused: 2,
      results: [
        { eventId: 'x1', field: 'itemId', reason: 'not-text' },
        { eventId: 'x2', field: 'occurredAt', reason: 'time-in-seconds' },
      ],
    });
    expect(response.json()).not.toHaveProperty('stored');
  });

  it.each([
    ['not JSON', '{', 400, 'BODY_NOT_JSON'],
    ['empty', '', 400, 'BODY_NOT_JSON'],
    ['a number', '7', 400, 'REQUEST_INVALID'],
    ['null', 'null', 400, 'REQUEST_INVALID'],
    ['no events', '[]', 400, 'REQUEST_INVALID'],
    ['not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), 400, 'BODY_NOT_JSON'],
    ['too many', JSON.stringify(Array.from({ length: 6 }, (_, at) => eventOf(`m${at}`))), 413, 'TOO_MANY_RECORDS'],
    ['too large', JSON.stringify(eventOf('b', { note: 'x'.repeat(20_000) })), 413, 'BODY_TOO_LARGE'],
    ['deeply nested', '['.repeat(9_000) + ']'.repeat(9_000), 400, 'ALL_REFUSED'],
  ])('refuses a body that is %s', async (_, body, status, code) => {
    const response = await post(body);
    expect(response.json()).toMatchObject({ statusCode: status, code });
    expect(response.statusCode).toBe(status);
  });

  it('reports the limit of events per request', async () => {
    const lines = Array.from({ length: 6 }, (_, at) => JSON.stringify(eventOf(`m${at}`))).join('\n');
    const response = await post(lines, { headers: { 'content-type': 'application/x-ndjson' } });
    expect(response.statusCode).toBe(413);
    expect(response.json<{ message: string }>().message).toContain('5 records');
  });

  it('refuses an event that exceeds the record size limit', async () => {
    const large = eventOf('large', { context: { note: 'ü'.repeat(1_000) } });
    expect((await post([large, eventOf('small')])).json()).toMatchObject({
      accepted: 1,
      results: [{ index: 0, eventId: 'large', status: 'refused', field: '', reason: 'too-large' }],
    });
  });

  it('refuses unsupported content types and encodings', async () => {
    const csv = await post('a,b', { headers: { 'content-type': 'text/csv' } });
    expect(csv.json()).toMatchObject({ statusCode: 415, code: 'BODY_TYPE_UNSUPPORTED' });
    const zipped = await post(gzipSync(JSON.stringify(eventOf('z'))), { headers: { 'content-encoding': 'gzip' } });
    expect(zipped.json()).toMatchObject({ statusCode: 415, code: 'BODY_ENCODING_UNSUPPORTED' });
  });

  it('drops fields that would change prototypes', async () => {
    const text = JSON.stringify(eventOf('proto', { extra: 1 })).replace(
      '"extra":1',
      '"__proto__":{"polluted":1},"context":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"ok":1}',
    );
    for (const type of ['application/json', 'application/x-ndjson', 'text/plain']) {
      expect((await post(text, { headers: { 'content-type': type } })).statusCode).toBe(202);
    }
    for (const { value } of await logged(['proto'])) {
      expect(value).not.toContain('polluted');
      expect(value).toContain('"context":{"ok":1}');
    }
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('keys', () => {
  it('limit the body and the rate', async () => {
    const big = await post(eventOf('k1', { note: 'x'.repeat(300) }), { key: 'small' });
    expect(big.json()).toMatchObject({ statusCode: 413, code: 'BODY_TOO_LARGE' });
    // A batch above the rate limit is accepted, and the next request must wait.
    expect(
      (
        await post(
          ['a', 'b', 'c', 'd'].map((id) => eventOf(id)),
          { key: 'slow' },
        )
      ).statusCode,
    ).toBe(202);
    const next = await post('{', { key: 'slow' });
    expect(next.json()).toMatchObject({ statusCode: 429, code: 'RATE_LIMITED' });
    expect(Number(next.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect((await post(eventOf('f'))).statusCode).toBe(202);
  });

  it('may be in the URL if they have origins and only the scope ingest', async () => {
    const inUrl = (name: string, origin: string) =>
      ingest.app.inject({
        method: 'POST',
        url: `/v1/events?key=${textOf(name)}`,
        headers: { 'content-type': 'text/plain', origin },
        payload: JSON.stringify(eventOf(`url-${name}`)),
      });
    expect((await inUrl('web', 'https://shop.example')).statusCode).toBe(202);
    expect((await inUrl('web', 'https://evil.example')).statusCode).toBe(403);
    expect((await inUrl('shop', 'https://shop.example')).json()).toMatchObject({
      statusCode: 401,
      message: 'A URL may contain only API keys with origins.',
    });
    expect((await inUrl('both', 'https://both.example')).json()).toMatchObject({ statusCode: 403, code: 'FORBIDDEN' });
    const items = await ingest.app.inject({ method: 'PUT', url: `/v1/items?key=${textOf('both')}`, payload: {} });
    expect(items.statusCode).toBe(401);
  });
});

describe('browsers', () => {
  it('may send preflights from the origins of any key, without a key', async () => {
    const preflight = (origin: string) =>
      ingest.app.inject({
        method: 'OPTIONS',
        url: '/v1/events',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key' },
      });
    const allowed = await preflight('https://shop.example');
    expect(allowed.statusCode).toBe(204);
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': 'https://shop.example',
      'access-control-max-age': '600',
    });
    expect(allowed.headers['access-control-allow-headers']).toContain('x-api-key');
    expect((await preflight('https://evil.example')).headers).not.toHaveProperty('access-control-allow-origin');
    const bare = await ingest.app.inject({ method: 'OPTIONS', url: '/v1/events' });
    expect(bare.statusCode).toBe(204);
  });

  it('may read responses, including errors', async () => {
    const headers = { origin: 'https://shop.example' };
    const accepted = await post(eventOf('w1'), { key: 'web', headers });
    expect(accepted.headers['access-control-allow-origin']).toBe('https://shop.example');
    const broken = await post('{', { key: 'web', headers });
    expect(broken.headers['access-control-allow-origin']).toBe('https://shop.example');
    const elsewhere = await post(eventOf('w2'), { key: 'web', headers: { origin: 'https://evil.example' } });
    expect(elsewhere.statusCode).toBe(403);
    expect(elsewhere.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

it('counts from 0, so that alerts see the first records of a key', async () => {
  const keys = [keyOf('first', ['ingest']), keyOf('ops', ['admin'])];
  const fresh = forTest(
    await createTestIngest({
      spoolFolder: await temporaryFolder(),
      ingest: { access: { kind: 'keys', keys } },
    }),
  );
  const readCounts = async () => {
    const { body } = await fresh.app.inject({ url: '/metrics', headers: { 'x-api-key': textOf('ops') } });
    return body.split('\n').filter((line) => line.startsWith('facet_collector_records_total'));
  };
  const series = (producer: string, kind: string, outcome: string, reason = '') =>
    `facet_collector_records_total{kind="${kind}",producer="${producer}",outcome="${outcome}",reason="${reason}"}`;
  const counts = await readCounts();
  expect(counts).toContain(`${series('first', 'events', 'accepted')} 0`);
  expect(counts).toContain(`${series('first', 'events', 'refused', 'unknown-type')} 0`);
  expect(counts).toContain(`${series('ops', 'items', 'refused', 'not-text')} 0`);
  expect(counts.filter((line) => line.includes('kind="items",producer="first"'))).toEqual([]);
  keys.push(keyOf('second', ['ingest']));
  expect(await readCounts()).toContain(`${series('second', 'events', 'accepted')} 0`);
  const headers = { 'x-api-key': textOf('first') };
  const payload = [eventOf('nope', { type: 'nope' })];
  await fresh.app.inject({ method: 'POST', url: '/v1/events', headers, payload });
  expect(await readCounts()).toContain(`${series('first', 'events', 'refused', 'unknown-type')} 1`);
});

it('counts outcomes by producer, under a limited set of names', async () => {
  ingest.drainIntake();
  const deep = JSON.parse('['.repeat(100) + ']'.repeat(100)) as unknown;
  await post([eventOf('c1'), eventOf('c1'), eventOf('c2', { madeUp: deep }), eventOf('c3', { type: 'nope' })]);
  const counted = { day: '2026-02-01', producer: 'shop', count: 1 };
  expect(JSON.parse(ingest.drainIntake() ?? '')).toEqual([
    { ...counted, outcome: 'accepted', field: '', reason: '' },
    { ...counted, outcome: 'duplicate', field: '', reason: '' },
    { ...counted, outcome: 'refused', field: 'other', reason: 'too-deep' },
    { ...counted, outcome: 'refused', field: 'type', reason: 'unknown-type' },
  ]);
  expect(ingest.drainIntake()).toBeUndefined();
  const metrics = await ingest.app.inject({ url: '/metrics', headers: { 'x-api-key': textOf('ops') } });
  expect(metrics.body).toContain(
    'facet_collector_records_total{kind="events",producer="shop",outcome="refused",reason="too-deep"} 1',
  );
  expect(metrics.body).toContain('facet_collector_log_reachable 1');
  expect(metrics.body).toContain('facet_collector_spool_records 0');
});
