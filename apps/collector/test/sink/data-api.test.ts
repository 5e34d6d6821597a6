import { writeFile } from 'node:fs/promises';
import type { DeadLetter, DeadLetters, Lake, Problem, RedriveReport } from '@facet/client/sink-api';
import { expect, it } from 'vitest';
import { createBench, eventRecord, isCaughtUp, until } from './fixtures.ts';

async function call<Body>(url: string, body?: object): Promise<{ readonly status: number; readonly body: Body }> {
  const response = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

it('lists dead letters, and redrives those that are valid now', { tags: 'full' }, async () => {
  const bench = await createBench();
  const { events } = bench.topics;
  const sink = await bench.startSink();
  await bench.publisher.publish([
    eventRecord(events, 'good'),
    eventRecord(events, 'wish-1', { type: 'wishlist' }),
    eventRecord(events, 'wish-2', { type: 'wishlist' }),
    eventRecord(events, 'lost', { itemId: undefined, userId: 7 }),
  ]);
  await until(() => isCaughtUp(sink, 4));
  const listed = (await call<DeadLetters>(`${sink.url}/v1/dead-letters`)).body;
  expect(listed).toMatchObject({ total: 3 });
  expect(listed.reasons[0]).toEqual({ reason: 'unknown-type', field: 'type', count: 2 });
  const only = (await call<DeadLetters>(`${sink.url}/v1/dead-letters?reason=unknown-type&limit=1`)).body;
  expect(only.deadLetters).toHaveLength(1);
  const { deadLetterId } = only.deadLetters[0]!;
  const shown = await call<DeadLetter>(`${sink.url}/v1/dead-letters/${deadLetterId}`);
  expect(JSON.parse(shown.body.payload!)).toMatchObject({ type: 'wishlist' });
  expect(await call(`${sink.url}/v1/dead-letters/none-0-0`)).toMatchObject({
    status: 404,
    body: { code: 'NOT_FOUND' },
  });

  // Each list reads the whole topic: one at a time, and a few may wait. A fast machine refuses none.
  const lists = Array.from({ length: 8 }, (_, n) => call(`${sink.url}/v1/dead-letters?limit=${n + 1}`));
  for (const { status } of await Promise.all(lists)) expect([200, 503]).toContain(status);

  // Before the type is declared, nothing can be redriven.
  const redrive = { reasons: ['unknown-type'], ids: [deadLetterId, 'none-0-0'] };
  expect((await call<RedriveReport>(`${sink.url}/v1/dead-letters/redrive`, { ...redrive, dryRun: true })).body).toEqual(
    {
      isDryRun: true,
      isComplete: true,
      redriven: 0,
      failed: 1,
      reasons: [{ reason: 'unknown-type', field: 'type', count: 1 }],
      failures: [{ deadLetterId, reason: 'unknown-type', field: 'type' }],
      notFound: ['none-0-0'],
    },
  );
  await sink.close();

  await writeFile(bench.environment['FACET_CONFIG']!, 'eventTypes: [wishlist]\n');
  const next = await bench.startSink();
  const url = `${next.url}/v1/dead-letters/redrive`;
  // One redrive at a time, also of dry runs.
  const both = await Promise.all([call<Problem>(url, { dryRun: true }), call<Problem>(url, { dryRun: true })]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(both.find(({ status }) => status === 409)?.body).toMatchObject({
    code: 'REDRIVE_RUNNING',
    remedy: expect.stringContaining('Repeat the request'),
  });
  expect((await call<RedriveReport>(url, { reasons: ['unknown-type'] })).body).toMatchObject({
    isDryRun: false,
    redriven: 2,
    failed: 0,
  });
  await until(async () => (await bench.lakeIds()).length === 3);
  expect(await bench.lakeIds()).toEqual(['good', 'wish-1', 'wish-2']);
  expect((await call<DeadLetters>(`${next.url}/v1/dead-letters`)).body.total).toBe(1);
  expect((await call<DeadLetters>(`${next.url}/v1/dead-letters?redriven=true`)).body.total).toBe(3);
  const lake = (await call<Lake>(`${next.url}/v1/lake`)).body;
  expect(lake).toMatchObject({ rows: 3, days: [{ day: new Date().toISOString().slice(0, 10), rows: 3 }] });
});
