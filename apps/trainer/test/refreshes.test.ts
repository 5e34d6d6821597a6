import { startRedis } from '@facet/local-services';
import type { LocalRedis } from '@facet/local-services';
import type { RunReport } from '@facet/pipeline/runs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApp, lastDay, now } from './fixtures.ts';
import type { TestApp } from './fixtures.ts';

let redis: LocalRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

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

describe('asking for a refresh', () => {
  it('makes a run and its jobs; asking again gives the same run', async () => {
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
    expect(await server.queue.counts()).toMatchObject({ trainer: { waiting: 1 }, indexer: { 'waiting-children': 3 } });
  });

  it('of several at once, one makes the run', async () => {
    const server = await createTestApp(redis.url);
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(server, '/v1/refreshes')));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 202]);
    expect(await server.home.runs.list()).toHaveLength(1);
    expect(await server.queue.counts()).toMatchObject({ trainer: { waiting: 1 } });
  });

  it('takes a day that is over, and how it is to be trained', async () => {
    const server = await createTestApp(redis.url);
    const answer = await post(server, '/v1/refreshes', { day: '2026-01-31', force: true, full: true });
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ run: { day: '2026-01-31', isForced: true, isFull: true } });
  });

  it.each<[string, number, string, object]>([
    ['is not over', 409, 'REFRESH_DAY_NOT_OVER', { day: '2026-03-01' }],
    ['is to come', 409, 'REFRESH_DAY_NOT_OVER', { day: '2027-01-01' }],
    ['is in no calendar', 400, 'REFRESH_DAY_INVALID', { day: '2026-02-30' }],
    ['is written otherwise', 400, 'REQUEST_INVALID', { day: '28.02.2026' }],
    ['is no text', 400, 'REQUEST_INVALID', { day: 20260228 }],
  ])('refuses a day that %s', async (_, status, code, body) => {
    const server = await createTestApp(redis.url);
    const answer = await post(server, '/v1/refreshes', body);
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ statusCode: status, code });
    expect(await server.home.runs.list()).toEqual([]);
  });

  it.each<[string, RegExp, object]>([
    ['force', /force must be boolean/, { force: 'yes' }],
    ['full', /full must be boolean/, { full: 1 }],
  ])('names what is wrong with %s', async (field, message, body) => {
    const answer = await post(await createTestApp(redis.url), '/v1/refreshes', body);
    expect(answer.json()).toMatchObject({ statusCode: 400, code: 'REQUEST_INVALID', field });
    expect((answer.json() as { message: string }).message).toMatch(message);
  });

  it.each(['[]', '"text"', 'null', '7', '{'])('refuses a body of %s', async (payload) => {
    expect((await post(await createTestApp(redis.url), '/v1/refreshes', payload)).statusCode).toBe(400);
  });

  it('refuses a huge body', async () => {
    const answer = await post(await createTestApp(redis.url), '/v1/refreshes', { padding: 'x'.repeat(1 << 17) });
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toMatchObject({ code: 'BODY_TOO_LARGE' });
  });
});

describe('looking at runs', () => {
  it('lists them, the newest day first', async () => {
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
    'knows no run %s',
    async (runId) => {
      const server = await createTestApp(redis.url);
      const answers = [
        await get(server, `/v1/refreshes/${runId}`),
        await get(server, `/v1/refreshes/${runId}/events`),
        await post(server, `/v1/refreshes/${runId}/cancel`),
      ];
      for (const answer of answers) {
        expect(answer.statusCode).toBe(404);
        expect(answer.json()).toMatchObject({ code: 'REFRESH_RUN_UNKNOWN', remedy: expect.any(String) });
      }
    },
  );
});

describe('cancelling', () => {
  it('ends the run and takes its jobs away; then the day can be asked for again', async () => {
    const server = await createTestApp(redis.url);
    await post(server, '/v1/refreshes');
    const cancelled = await post(server, `/v1/refreshes/${lastDay}/cancel`, { because: 'a wrong import' });
    expect(cancelled.statusCode).toBe(200);
    expect(cancelled.json()).toMatchObject({ state: 'cancelled', reason: 'a wrong import' });
    expect(await server.queue.counts()).toMatchObject({ trainer: { waiting: 0 }, indexer: { 'waiting-children': 0 } });

    const again = await post(server, `/v1/refreshes/${lastDay}/cancel`, { because: 'another reason' });
    expect([again.statusCode, again.json()]).toEqual([200, cancelled.json()]);
    const next = await post(server, '/v1/refreshes');
    expect([next.statusCode, (next.json() as RunReport).run.runId]).toEqual([202, `${lastDay}-2`]);
  });

  it('names who did, where no reason is given', async () => {
    const server = await createTestApp(redis.url);
    await post(server, '/v1/refreshes');
    expect((await post(server, `/v1/refreshes/${lastDay}/cancel`)).json()).toMatchObject({ reason: 'by admin' });
  });
});

describe('following a run', () => {
  it('tells where it stands until it has ended', async () => {
    const server = await createTestApp(redis.url);
    const { runs } = server.home;
    await post(server, '/v1/refreshes');
    const following = get(server, `/v1/refreshes/${lastDay}/events`);
    await runs.write(lastDay, { stage: 'dataset', state: 'running', attempt: 1, startedAt: now });
    await server.queue.cancel(lastDay, 'a test');
    const { statusCode, headers: answered, body } = await following;
    expect(statusCode).toBe(200);
    expect(answered['content-type']).toBe('text/event-stream');
    const told = body.split('\n\n').slice(0, -1);
    for (const event of told) expect(event).toMatch(/^event: (report|progress)\ndata: \{.*\}$/);
    const last = JSON.parse(told.at(-1)!.split('\ndata: ')[1]!) as { report: RunReport };
    expect(last.report).toEqual(await runs.read(lastDay));
    expect(last.report.state).toBe('cancelled');
  });

  it('ends when the server does', async () => {
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

it('without Redis a run is noted, and is told to wait for it', async () => {
  const lost = await startRedis();
  const server = await createTestApp(lost.url);
  await lost.stop();
  const answer = await post(server, '/v1/refreshes');
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({ code: 'REFRESH_QUEUE_UNREACHABLE' });
  expect((await get(server, `/v1/refreshes/${lastDay}`)).json()).toMatchObject({ state: 'waiting' });
});
