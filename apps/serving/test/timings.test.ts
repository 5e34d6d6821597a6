import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSlowRequestLog } from '../src/stages/slow-requests.ts';
import { createTimings } from '../src/stages/timings.ts';
import { createHome, createTestApp } from './fixtures.ts';
import type { Home } from './fixtures.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.remove());

it('of many answers in a request stages add up, and nobody is told of each', () => {
  let now = 0;
  const told: string[] = [];
  const watch = (stage: string) => {
    told.push(stage);
    return () => undefined;
  };
  const { measure, measureOfMany, toJSON } = createTimings(watch, () => now);
  measure('filters', () => (now += 1));
  for (let answer = 0; answer < 3; answer++) measureOfMany('search', () => (now += 2));
  expect(toJSON()).toEqual({ filters: 1, search: 6 });
  expect(told).toEqual(['filters']);
});

it('timings add up the stages of a request, of work that is done at once and of work that is promised', async () => {
  let now = 0;
  const { measure, stages, toJSON } = createTimings(undefined, () => now);
  expect(measure('tower', () => (now += 2))).toBe(2);
  const searching = measure('search', async () => {
    await sleep(1);
    now += 5.00012;
    return 'found';
  });
  await expect(searching).resolves.toBe('found');
  measure('tower', () => (now += 1));
  await expect(measure('render', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(() =>
    measure('merge', () => {
      now += 4;
      throw new Error('failed at once');
    }),
  ).toThrow('failed at once');
  expect([...stages.keys()]).toEqual(['tower', 'search', 'render', 'merge']);
  expect(toJSON()).toEqual({ tower: 3, search: 5, render: 0, merge: 4 });
});

it('whoever asks for them is told them, and metrics have them of every request', async () => {
  const server = await createTestApp(home);
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
  await server.close();
});

it('a slow request is logged with its stages and sizes, and nothing of who asked for what', async () => {
  const server = await createTestApp(home, { slowRequestMs: 0 });
  await server.post('/v1/recommendations', { userId: 'ada', behaviors: ['film-7'], limit: 3 });
  await server.post('/v1/recommendations', { userId: 'ada' });
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
  expect(slow[0]!['answerBytes']).toBeGreaterThan(100);
  expect(Object.keys(slow[0]!['stages'] as object)).toContain('search');
  expect(JSON.stringify(slow)).not.toMatch(/ada|film-7/);
  await server.close();
});

it('of many slow requests one a second is logged, with how many there were', () => {
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
