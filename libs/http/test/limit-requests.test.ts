import { expect, it } from 'vitest';
import { limitRequests } from '../src/index.ts';
import { createTestApp, keyOf, textOf } from './fixtures.ts';

it('refuses further requests of a key within a second', async () => {
  const keys = [keyOf('limited', ['serve'], { requestsPerSecondMax: 2 }), keyOf('free', ['serve'])];
  const { app } = await createTestApp({ access: { kind: 'keys', keys }, addRoutes: limitRequests });
  const ask = (name: string) => app.inject({ url: '/page', headers: { 'x-api-key': textOf(name) } });
  // A slow machine may need more than a second for a few requests.
  let refused: Awaited<ReturnType<typeof ask>> | undefined;
  const burst = async () => {
    const responses = await Promise.all([1, 2, 3].map(() => ask('limited')));
    refused = responses.find(({ statusCode }) => statusCode === 429);
    return responses.map(({ statusCode }) => statusCode).sort();
  };
  await expect.poll(burst, { timeout: 50_000, interval: 1_100 }).toEqual([200, 200, 429]);
  expect(refused?.headers['retry-after']).toBe('1');
  expect(refused?.json()).toMatchObject({
    code: 'RATE_LIMITED',
    message: 'The key limited exceeds its 2 requests a second.',
  });
  for (let asked = 0; asked < 10; asked++) expect((await ask('free')).statusCode).toBe(200);
  expect((await app.inject('/healthz')).statusCode).toBe(200);
  await expect.poll(async () => (await ask('limited')).statusCode, { timeout: 50_000 }).toBe(200);
});
