import { startRedis } from '@facet/local-services';
import type { RunReport } from '@facet/runs';
import { forFile } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { createTestApp, lastDay, now } from './fixtures.ts';
import type { TestApp } from './fixtures.ts';

const redis = forFile(await startRedis());

const headers = { 'x-api-key': 'admin' };

function post({ app }: TestApp, url: string, payload: object | string = {}) {
  return app.inject({
    method: 'POST',
    url,
    headers: { ...headers, 'content-type': 'application/json' },
    payload,
  });
}

function get({ app }: TestApp, url: string) {
  return app.inject({ url, headers });
}

describe('requesting a refresh', () => {
  it('creates a run and its jobs, and returns the same run for a repeated request', async () => {
    const server = await createTestApp(redis.url);
    const made = await post(server, '/v1/refreshes');
    expect(made.statusCode).toBe(202);
    expect(made.json()).toEqual({
      run: {
        runId: lastDay,
        day: lastDay,
        cut: { occurredBefore: Date.UTC(2026, 2, 1), receivedBefore: now },
        isForced: false,
        isFull: false,
        place: 'queue',
        requestedBy: 'admin',
        requestedAt: now,
      },
      state: 'waiting',
      stages: [],
    });
    expect(await server.queue.counts()).toMatchObject({ trainer: { waiting: 1 }, indexer: { 'waiting-children': 3 } });
    for (const body of [{}, { day: lastDay }, { day: lastDay, force: true, full: true }]) {
      const again = await post(server, '/v1/refreshes', body);
      expect([again.statusCode, again.json()]).toEqual([200, made.json()]);
    }
    const late = await post(server, '/v1/refreshes', { acceptBadData: 'public holiday' });
    expect([late.statusCode, late.json<{ code: string }>().code]).toEqual([409, 'REFRESH_RUN_UNFINISHED']);
    expect(await server.queue.counts()).toMatchObject({ trainer: { waiting: 1 }, indexer: { 'waiting-children': 3 } });
  });

  it('creates one run for concurrent requests', async () => {
    const server = await createTestApp(redis.url);
    const responses = await Promise.all(Array.from({ length: 8 }, () => post(server, '/v1/refreshes')));
    expect(responses.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 202]);
    expect(await server.home.runs.list()).toHaveLength(1);
    expect(await server.queue.counts()).toMatchObject({ trainer: { waiting: 1 } });
  });

  it('accepts a past day, force, full and a reason to accept bad data', async () => {
    const server = await createTestApp(redis.url);
    const acceptBadData = 'public holiday';
    const response = await post(server, '/v1/refreshes', { day: '2026-01-31', force: true, full: true, acceptBadData });
    expect(response.statusCode).toBe(202);
    expect(response.json()).toMatchObject({
      run: { day: '2026-01-31', isForced: true, isFull: true, acceptedBadData: acceptBadData },
    });
    expect((await post(server, '/v1/refreshes', { acceptBadData: ' ' })).statusCode).toBe(400);
  });

  it.each<[string, number, string, object]>([
    ['is not over', 409, 'REFRESH_DAY_NOT_OVER', { day: '2026-03-01' }],
    ['is in the future', 409, 'REFRESH_DAY_NOT_OVER', { day: '2027-01-01' }],
    ['does not exist', 400, 'REFRESH_DAY_INVALID', { day: '2026-02-30' }],
    ['has another format', 400, 'REQUEST_INVALID', { day: '28.02.2026' }],
    ['is not a string', 400, 'REQUEST_INVALID', { day: 20260228 }],
  ])('refuses a day that %s', async (_, status, code, body) => {
    const server = await createTestApp(redis.url);
    const response = await post(server, '/v1/refreshes', body);
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ statusCode: status, code });
    expect(await server.home.runs.list()).toEqual([]);
  });

  it.each<[string, RegExp, object]>([
    ['force', /force must be boolean/, { force: 'yes' }],
    ['full', /full must be boolean/, { full: 1 }],
  ])('reports what is wrong with %s', async (field, message, body) => {
    const response = await post(await createTestApp(redis.url), '/v1/refreshes', body);
    expect(response.json()).toMatchObject({ statusCode: 400, code: 'REQUEST_INVALID', field });
    expect((response.json() as { message: string }).message).toMatch(message);
  });
});

describe('reading runs', () => {
  it('lists runs, the newest day first', async () => {
    const server = await createTestApp(redis.url);
    for (const day of ['2026-02-26', lastDay, '2026-02-27']) await post(server, '/v1/refreshes', { day });
    const idsOf = async (url: string): Promise<string[]> =>
      ((await get(server, url)).json() as { refreshes: RunReport[] }).refreshes.map(({ run }) => run.runId);
    expect(await idsOf('/v1/refreshes')).toEqual([lastDay, '2026-02-27', '2026-02-26']);
    expect(await idsOf('/v1/refreshes?limit=1')).toEqual([lastDay]);
    expect((await get(server, '/v1/refreshes?limit=0')).statusCode).toBe(400);
    expect((await get(server, `/v1/refreshes/${lastDay}`)).json()).toMatchObject({ run: { runId: lastDay } });
  });

  it.each(['2026-02-28', 'nonsense', '..%2F..%2Fkeys.yaml', '2026-02-28-1', '__proto__'])(
    'returns 404 for the run %s',
    async (runId) => {
      const server = await createTestApp(redis.url);
      const responses = [
        await get(server, `/v1/refreshes/${runId}`),
        await get(server, `/v1/refreshes/${runId}/events`),
        await post(server, `/v1/refreshes/${runId}/cancel`),
      ];
      for (const response of responses) {
        expect(response.statusCode).toBe(404);
        expect(response.json()).toMatchObject({ code: 'REFRESH_RUN_UNKNOWN', remedy: expect.any(String) });
      }
    },
  );
});

describe('canceling', () => {
  it('ends the run, removes its jobs, and permits another run of the day', async () => {
    const server = await createTestApp(redis.url);
    await post(server, '/v1/refreshes');
    const canceled = await post(server, `/v1/refreshes/${lastDay}/cancel`, { reason: 'a wrong import' });
    expect(canceled.statusCode).toBe(200);
    expect(canceled.json()).toMatchObject({ state: 'canceled', reason: 'a wrong import' });
    expect(await server.queue.counts()).toMatchObject({ trainer: { waiting: 0 }, indexer: { 'waiting-children': 0 } });

    const again = await post(server, `/v1/refreshes/${lastDay}/cancel`, { reason: 'another reason' });
    expect([again.statusCode, again.json()]).toEqual([200, canceled.json()]);
    const next = await post(server, '/v1/refreshes');
    expect([next.statusCode, (next.json() as RunReport).run.runId]).toEqual([202, `${lastDay}-2`]);
  });

  it('records the requester if no reason is given', async () => {
    const server = await createTestApp(redis.url);
    await post(server, '/v1/refreshes');
    expect((await post(server, `/v1/refreshes/${lastDay}/cancel`)).json()).toMatchObject({ reason: 'by admin' });
  });
});

describe('following a run', () => {
  it('sends the run after every change until it has ended', async () => {
    const server = await createTestApp(redis.url);
    const { runs } = server.home;
    await post(server, '/v1/refreshes');
    const following = get(server, `/v1/refreshes/${lastDay}/events`);
    await runs.write(lastDay, { stage: 'dataset', state: 'running', attempt: 1, startedAt: now });
    await server.queue.cancel(lastDay, { reason: 'a test' });
    const { statusCode, headers, body } = await following;
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toBe('text/event-stream');
    const events = body.split('\n\n').slice(0, -1);
    for (const event of events) expect(event).toMatch(/^event: (report|progress)\ndata: \{.*\}$/);
    const last = JSON.parse(events.at(-1)!.split('\ndata: ')[1]!) as { report: RunReport };
    expect(last.report).toEqual(await runs.read(lastDay));
    expect(last.report.state).toBe('canceled');
  });

  it('ends the stream when the server closes', async () => {
    const server = await createTestApp(redis.url);
    await post(server, '/v1/refreshes');
    const url = await server.app.listen({ port: 0, host: '127.0.0.1' });
    const response = await fetch(`${url}/v1/refreshes/${lastDay}/events`, { headers });
    const [, { done }] = await Promise.all([server.app.close(), readToEnd(response)]);
    expect(done).toBe(true);
  });
});

async function readToEnd(response: Response): Promise<{ readonly done: true }> {
  await response.text();
  return { done: true };
}

it('records a run during an outage of Redis and returns 503', async () => {
  const lost = await startRedis();
  const server = await createTestApp(lost.url);
  await lost.stop();
  const response = await post(server, '/v1/refreshes');
  expect(response.statusCode).toBe(503);
  expect(response.json()).toMatchObject({ code: 'REFRESH_QUEUE_UNREACHABLE' });
  expect((await get(server, `/v1/refreshes/${lastDay}`)).json()).toMatchObject({ state: 'waiting' });
});
