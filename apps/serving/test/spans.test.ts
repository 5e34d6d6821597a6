import { forTest } from '@facet/testing';
import type { RequestSpan } from '@facet/recommendations';
import { expect, it, vi } from 'vitest';
import { createSlowRequestLog, SpanClock } from '../src/telemetry/spans.ts';
import { createTestApp, homeOfFile } from './fixtures.ts';

const home = await homeOfFile();

it('adds up the spans of a batch, and watches none of them', () => {
  let now = 0;
  const watched: string[] = [];
  const spans = new SpanClock(
    (span) => {
      watched.push(span);
      return () => void watched.push(`end of ${span}`);
    },
    () => now,
  );
  spans.start('filters');
  now += 1;
  spans.stop();
  spans.unwatch();
  for (let list = 0; list < 3; list++) {
    spans.start('search');
    now += 2;
    spans.stop();
  }
  expect(spans.toJSON()).toEqual({ filters: 1, search: 6 });
  expect(watched).toEqual(['filters', 'end of filters']);
});

it('adds up spans with the same name, and ends a span when the next one starts', () => {
  let now = 0;
  const spans = new SpanClock(undefined, () => now);
  const during = (span: RequestSpan, ms: number): void => {
    spans.start(span);
    now += ms;
  };
  during('interests', 2);
  during('search', 5.00012);
  during('interests', 1);
  during('render', 0);
  spans.stop();
  now += 7;
  during('merge', 4);
  // A second stop changes nothing.
  for (let stop = 0; stop < 2; stop++) spans.stop();
  expect([...spans.durations.keys()]).toEqual(['interests', 'search', 'render', 'merge']);
  expect(spans.toJSON()).toEqual({ interests: 3, search: 5, render: 0, merge: 4 });
});

it('returns the timings on request, and reports them to the metrics for every request', async () => {
  const server = forTest(await createTestApp(home));
  const asked = await server.post('/v1/recommendations', { userId: 'ada', timings: true });
  const timings = asked.body['timings'] as Record<string, number>;
  expect(Object.keys(timings)).toEqual(expect.arrayContaining(['profile', 'interests', 'search', 'merge', 'render']));
  for (const ms of Object.values(timings)) expect(ms).toBeGreaterThanOrEqual(0);
  const other = await server.post('/v1/recommendations', { userId: 'ada' });
  expect(other.body).not.toHaveProperty('timings');
  await server.post('/v1/interests', { userId: 'ada' });
  await server.app.inject('/v1/items/film-1/similar');
  await server.post('/v1/recommendations:batch', { users: [{ userId: 'ada' }, { userId: 'ben' }] });
  const lines = (await server.app.inject('/metrics')).body.split('\n');
  const count = (route: string, stage: string): string =>
    `facet_serving_stage_duration_seconds_count{route="${route}",stage="${stage}"}`;
  for (const stage of Object.keys(timings)) expect(lines).toContain(`${count('/v1/recommendations', stage)} 2`);
  for (const stage of ['profile', 'interests', 'search', 'render']) {
    expect(lines).toContain(`${count('/v1/interests', stage)} 1`);
    expect(lines).toContain(`${count('/v1/recommendations::batch', stage)} 1`);
  }
  for (const stage of ['filters', 'search', 'render']) {
    expect(lines).toContain(`${count('/v1/items/:itemId/similar', stage)} 1`);
  }
});

it.each([
  ['rejects', () => new Promise<never>((_, reject) => setTimeout(reject, 30, new Error('no profile')))],
  [
    'throws',
    () => {
      const startedAt = performance.now();
      while (performance.now() < startedAt + 30);
      throw new Error('no profile');
    },
  ],
])('reports the duration of a span whose work %s', async (_, read) => {
  const server = await createTestApp(home);
  vi.spyOn(server.loaded!.profiles, 'read').mockImplementationOnce(read);
  expect((await server.post('/v1/recommendations', { userId: 'ada' })).statusCode).toBe(500);
  const { body } = await server.app.inject('/metrics');
  const sum = /facet_serving_stage_duration_seconds_sum\{route="\/v1\/recommendations",stage="profile"\} (\S+)/.exec(
    body,
  );
  expect(Number(sum?.[1])).toBeGreaterThan(0.02);
  await server.close();
});

it('logs a slow request with its spans and sizes, but without users and items', async () => {
  const server = forTest(await createTestApp(home, { slowRequestMs: 0 }));
  await server.post('/v1/recommendations', { userId: 'zoe', behaviors: ['film-7'], limit: 3 });
  await server.post('/v1/recommendations', { userId: 'zoe' });
  const slow = server.logLines.filter(({ msg }) => msg === 'slow request');
  expect(slow).toHaveLength(1);
  expect(slow[0]).toMatchObject({
    route: '/v1/recommendations',
    status: 200,
    bundleId: home.bundleRef.id,
    behaviors: 1,
    limit: 3,
    requestBytes: 49,
    others: 0,
  });
  expect(slow[0]!['responseBytes']).toBeGreaterThan(100);
  expect(Object.keys(slow[0]!['spans'] as object)).toContain('search');
  expect(JSON.stringify(slow)).not.toMatch(/zoe|film-7/);
});

it('logs one slow request per second, with the number of others', () => {
  let now = 0;
  const lines: object[] = [];
  const logger = { warn: (facts: object) => void lines.push(facts) } as never;
  const record = createSlowRequestLog(100, logger, () => now);
  for (; now < 2_500; now += 100) {
    record(101, () => ({}) as never);
    record(100, () => ({}) as never);
  }
  expect(lines).toEqual([
    { ms: 101, others: 0 },
    { ms: 101, others: 9 },
    { ms: 101, others: 9 },
  ]);
});
