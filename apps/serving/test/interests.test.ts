import { expect, it } from 'vitest';
import { appOfFile, homeOfFile } from './fixtures.ts';

const home = await homeOfFile();
const server = await appOfFile(home);

it('returns each interest with the behaviors that formed it and the nearest items', async () => {
  const { statusCode, body } = await server.post('/v1/interests', { userId: 'ada', nearest: 4 });
  expect(statusCode).toBe(200);
  expect(body).toMatchObject({
    bundleId: home.bundleRef.id,
    source: { kind: 'model' },
    interestCount: 3,
    unknownItems: 0,
  });
  const interests = body['interests'] as {
    interest: number;
    behaviors: { itemId: string; title: string; share: number }[];
    nearest: { itemId: string; title: string; score: number }[];
  }[];
  expect(interests.map(({ interest }) => interest)).toEqual([1, 2, 3]);
  for (const { behaviors, nearest } of interests) {
    expect(behaviors).toHaveLength(10);
    expect(behaviors.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 5);
    expect(nearest).toHaveLength(4);
    expect(nearest.map(({ score }) => score)).toEqual(nearest.map(({ score }) => score).sort((a, b) => b - a));
    expect(nearest[0]!.title).toMatch(/^The film/);
  }
  expect(new Set(interests.map(({ nearest }) => JSON.stringify(nearest))).size, 'interests differ').toBe(3);
});

it('returns the same labels and behaviors of an interest as recommendations', async () => {
  const body = { behaviors: ['film-1', 'film-2', 'film-3', 'film-4', 'film-9'], profile: { age: 'old' } };
  const interests = (await server.post('/v1/interests', body)).body['interests'] as {
    interest: number;
    labels: unknown;
    behaviors: unknown;
  }[];
  const explained = await server.post('/v1/recommendations', { ...body, explain: 'full' });
  expect(interests.map(({ interest, labels, behaviors }) => ({ interest, labels, behaviors }))).toEqual(
    explained.body['interests'],
  );
});

it('adds the coupling coefficients on request', async () => {
  const { body } = await server.post('/v1/interests', { userId: 'ada', nearest: 1, coupling: true });
  const coupling = body['coupling'] as {
    behaviors: { itemId: string; title: string; coefficients: number[] }[];
    similarity: { within: number; across: number };
  };
  expect(coupling.behaviors).toHaveLength(10);
  for (const { coefficients } of coupling.behaviors) {
    expect(coefficients).toHaveLength(3);
    expect(coefficients.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
  }
  expect(coupling.similarity.within).toBeGreaterThan(-1);
  expect((await server.post('/v1/interests', { userId: 'ada', nearest: 1 })).body).not.toHaveProperty('coupling');
  expect((await server.post('/v1/interests', { coupling: true })).body, 'no interests').not.toHaveProperty('coupling');
});

it.each([
  [{ userId: 'stranger' }, 'unknown_user', 0],
  [{}, 'no_behaviors', 0],
  [{ behaviors: ['song-1'] }, 'no_known_items', 1],
])('returns none for %j, with the reason', async (request, reason, unknownItems) => {
  const { statusCode, body } = await server.post('/v1/interests', request);
  expect(statusCode).toBe(200);
  expect(body).toMatchObject({ source: { kind: 'popular', reason }, interestCount: 0, interests: [], unknownItems });
});
