/** @module-tag full */
import { jsonSchemas, keyOf, parseLoggedEvent, refusalReasons } from '@facet/schemas';
import { folderOfFile, forFile } from '@facet/testing';
import { mutatedJson } from '@facet/testing/mutated-json';
import type { Json } from '@facet/testing/mutated-json';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { expect, inject, it } from 'vitest';
import type { AcceptedResponse } from '../../src/ingest/batch/batch-response.ts';
import { createTestIngest } from './fixtures.ts';
import { readTopic } from './read-topic.ts';

const requests = 100;
const eventsOfRequest = 200;
const schema = Compile(jsonSchemas['event.schema.json'] as Record<string, unknown>);

/** Realistic events: ratings of MovieLens, impressions of a shop, a tracker before and after login. */
const payload = fc
  .record({
    id: fc.uuid(),
    shape: fc.constantFrom('rating', 'impression', 'anonymous', 'identify'),
    user: fc.integer({ min: 1, max: 943 }),
    film: fc.integer({ min: 1, max: 1682 }),
    seconds: fc.integer({ min: 874_724_710, max: 893_286_638 }),
    stars: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ id, shape, user, film, seconds, stars }): Json => {
    const who: Record<string, string> = shape === 'anonymous' ? {} : { userId: String(user) };
    const what: Record<string, string> = shape === 'identify' ? {} : { itemId: String(film) };
    const always = { eventId: id, ...who, ...what };
    const text = new Date(seconds * 1000).toISOString();
    if (shape === 'rating') return { ...always, type: 'rating', occurredAt: seconds * 1000, value: stars };
    if (shape === 'identify') return { ...always, type: 'identify', occurredAt: text, sessionId: `s${user}` };
    return {
      ...always,
      type: shape === 'anonymous' ? 'click' : 'impression',
      occurredAt: text,
      sessionId: `s${user}`,
      recommendationId: `${id}-r`,
      position: film % 20,
      context: { page: { path: `/films/${film}`, title: 'Blade Runner (1982)' }, utm: ['a', 'b'] },
      app_version: '3.1',
    };
  });

const folder = folderOfFile();
const ingest = forFile(
  await createTestIngest({
    spoolFolder: folder,
    ackTimeoutMs: 60_000,
    ingest: {
      access: { kind: 'anybody' },
      eventTypes: ['favorite'],
      limits: { bodyBytesMax: 16 << 20, eventLoopDelayMsMax: Infinity },
    },
  }),
);
const url = await ingest.app.listen({ host: '127.0.0.1', port: 0 });

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}/v1/events?results=all`, { method: 'POST', body, headers });
  return { status: response.status, body: await response.json() };
}

const bodyOf = {
  'application/json': (texts: readonly string[]) => `[${texts.join(',')}]`,
  'application/x-ndjson': (texts: readonly string[]) => texts.join('\n'),
  'text/plain': (texts: readonly string[]) => `{"events":[${texts.join(',')}]}`,
};
const contentType = fc.constantFrom(...(Object.keys(bodyOf) as (keyof typeof bodyOf)[]));

it(`${(requests * eventsOfRequest).toLocaleString('en')} mutated events: no 5xx, accepted is valid, refused names the field`, async () => {
  const counts = { sent: 0, accepted: 0, refused: 0 };
  const reasons = new Set<string>();
  const acceptedIds = new Set<string>();
  const batch = fc.array(mutatedJson(payload), { minLength: eventsOfRequest, maxLength: eventsOfRequest });
  await fc.assert(
    fc.asyncProperty(batch, contentType, async (all, type) => {
      // A list is valid JSON as a whole or not at all. Only lines are refused one by one.
      const texts = type === 'application/x-ndjson' ? all : all.map((text) => (parse(text) === undefined ? '0' : text));
      const { status, body } = await post(bodyOf[type](texts), { 'content-type': type });
      if (status !== 202 && status !== 400) throw new Error(`status ${status}: ${JSON.stringify(body)}`);
      const { results } = body as AcceptedResponse;
      if (results.length !== texts.length) throw new Error(`${results.length} results of ${texts.length} events`);
      counts.sent += texts.length;
      for (const [index, result] of results.entries()) {
        const sent = parse(texts[index]!)?.value;
        if (result.status !== 'refused') {
          if (!schema.Check(sent)) throw new Error(`accepted, but refused by the schema: ${texts[index]}`);
          counts.accepted++;
          acceptedIds.add(result.eventId ?? '');
          continue;
        }
        counts.refused++;
        reasons.add(result.reason ?? '');
        const { field = '?', reason } = result;
        const isField = field === '' || field in sentFields || Object.hasOwn(Object(sent) as object, field);
        if (!isField || !refusalReasons.some((known) => known === reason)) throw new Error(JSON.stringify(result));
      }
    }),
    { numRuns: requests, endOnFailure: true },
  );
  expect(counts.sent).toBe(requests * eventsOfRequest);
  expect(counts.accepted).toBeGreaterThan(counts.sent / 5);
  expect(counts.refused).toBeGreaterThan(counts.sent / 5);
  expect([...reasons]).toEqual(
    expect.arrayContaining(['not-json', 'not-an-object', 'missing', 'reserved', 'too-deep']),
  );

  const loggedIds = new Set<string>();
  for (const { key, value, timestamp } of await readTopic(inject('kafkaBrokers'), ingest.topics.events)) {
    const parsed = parseLoggedEvent(Buffer.from(value ?? ''), timestamp, ['favorite']);
    if (!parsed.ok || keyOf(parsed.event) !== key || !schema.Check(JSON.parse(value ?? ''))) {
      throw new Error(`the log contains an invalid record: ${value}`);
    }
    loggedIds.add(parsed.event.eventId);
  }
  expect(loggedIds).toEqual(acceptedIds);
}, 300_000);

it('500 damaged bodies: no 5xx, and the collector stays alive', async () => {
  const damage = fc.array(fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }), { maxLength: 6 });
  const oddType = fc.oneof(contentType, fc.constantFrom('application/json; charset=utf-16', 'text/html', 'x', '*/*'));
  const encoding = fc.constantFrom('identity', 'identity', 'identity', 'gzip', 'br', 'x');
  const body = fc.record({
    texts: fc.array(mutatedJson(payload), { maxLength: 5 }),
    as: contentType,
    length: fc.nat(2000),
  });
  await fc.assert(
    fc.asyncProperty(body, damage, oddType, encoding, async ({ texts, as, length }, changes, type, encoded) => {
      const bytes = new Uint8Array(Buffer.from(bodyOf[as](texts)).subarray(0, length));
      for (const { at, byte } of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      const { status, body: response } = await post(bytes, { 'content-type': type, 'content-encoding': encoded });
      if (status >= 500) throw new Error(`status ${status}: ${JSON.stringify(response)}`);
    }),
    { numRuns: 500, endOnFailure: true },
  );
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
}, 300_000);

it('an event nested half a million levels deep is refused by name', async () => {
  const context = `{"inner":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
  const event = `{"eventId":"e","type":"click","userId":"u","itemId":"i","occurredAt":1714557600000,"context":${context}}`;
  const { status, body } = await post(event, { 'content-type': 'application/json' });
  expect(status).toBe(400);
  expect((body as AcceptedResponse).results).toMatchObject([{ field: 'context', reason: 'too-deep' }]);
});

const sentFields = (jsonSchemas['event.schema.json'] as { properties: Record<string, unknown> }).properties;

/** Returns the value of a JSON text; undefined for invalid JSON. */
function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}
