import { forTest } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { appOfFile, createTestApp, homeOfFile } from './fixtures.ts';

const home = await homeOfFile();
const server = await appOfFile(home);

async function get<Body>(url: string): Promise<Body> {
  const response = await server.app.inject({ url });
  expect(response.statusCode, response.body).toBe(200);
  return response.json();
}

describe('GET /v1/users', () => {
  it('finds users by the start of the id, the whole id first and short ids before long ones', async () => {
    const { users } = await get<{ users: { userId: string; behaviors: number }[] }>('/v1/users?query=other-1');
    expect(users.map(({ userId }) => userId)).toEqual([
      'other-1',
      ...Array.from({ length: 10 }, (_, n) => `other-1${n}`),
    ]);
    expect(users.every(({ behaviors }) => behaviors === 12)).toBe(true);
  });

  it('lists all users without a query, up to the limit', async () => {
    const { users } = await get<{ users: { userId: string; behaviors: number }[] }>('/v1/users?limit=2');
    expect(users).toEqual([
      { userId: 'ada', behaviors: 10 },
      { userId: 'ben', behaviors: 4 },
    ]);
    expect((await get<{ users: object[] }>('/v1/users?query=visitor')).users).toEqual([]);
  });
});

describe('GET /v1/users:examples', () => {
  it('returns users with several interests, the most distinct first, and always the same', async () => {
    const url = '/v1/users:examples?limit=5';
    const { users } = await get<{ users: { behaviors: number; interests: number; overlap: number }[] }>(url);
    expect(users.length).toBeGreaterThan(0);
    for (const { behaviors, interests, overlap } of users) {
      expect(behaviors).toBeGreaterThanOrEqual(8);
      expect(interests).toBeGreaterThanOrEqual(2);
      expect(overlap).toBeGreaterThanOrEqual(0);
    }
    expect(users.map(({ overlap }) => overlap)).toEqual(users.map(({ overlap }) => overlap).sort((a, b) => a - b));
    const other = forTest(await createTestApp(home));
    expect((await other.app.inject({ url })).json()).toMatchObject({ users });
  });
});

describe('GET /v1/users/:userId', () => {
  it('returns the behaviors that the model reads, with titles and times, and the attributes', async () => {
    const user = await get<{ behaviors: { itemId: string }[] }>('/v1/users/ada');
    expect(user).toMatchObject({ userId: 'ada', attributes: { age: 'young' }, behaviorCount: 10 });
    expect(user.behaviors.map(({ itemId }) => itemId)).toEqual(
      [0, 4, 8, 12, 16, 3, 7, 11, 15, 19].map((film) => `film-${film}`),
    );
    expect(user.behaviors[0]).toMatchObject({ title: 'The film 0', known: true, occurredAt: expect.any(Number) });
  });

  it('responds 404 for a user of whom nothing is stored', async () => {
    const response = await server.app.inject({ url: '/v1/users/visitor' });
    expect(response.json()).toMatchObject({ statusCode: 404, code: 'USER_NOT_FOUND' });
  });
});

describe('what if', () => {
  interface Explained {
    readonly interestCount: number;
    readonly coupling: { readonly behaviors: readonly { readonly itemId: string }[] };
  }
  const explain = async (fields: object): Promise<Explained> =>
    (await server.post('/v1/interests', { userId: 'ada', coupling: true, nearest: 1, ...fields })).body as never;
  const itemsOf = ({ coupling }: Explained): string[] => coupling.behaviors.map(({ itemId }) => itemId);

  it('ignored items count as never chosen: the model does not read them, and they may be recommended', async () => {
    const all = itemsOf(await explain({}));
    expect(itemsOf(await explain({ ignore: ['film-4', 'unheard-of'] }))).toEqual(all.filter((id) => id !== 'film-4'));
    const { body } = await server.post('/v1/recommendations', { userId: 'ada', limit: 58, ignore: ['film-4'] });
    const items = body['items'] as { itemId: string }[];
    expect(items.map(({ itemId }) => itemId)).toContain('film-4');
    expect(body['removed']).toMatchObject({ seen: 9 });
  });

  it('a behavior of the request is added even if its stored events are ignored', async () => {
    expect(itemsOf(await explain({ ignore: ['film-0'], behaviors: ['film-0'] })).at(-1)).toBe('film-0');
  });

  it('interestCount sets the number of interests, up to those of the model', async () => {
    expect((await explain({})).interestCount).toBe(3);
    expect((await explain({ interestCount: 1 })).interestCount).toBe(1);
    expect((await explain({ interestCount: 64 })).interestCount).toBe(4);
    const { body } = await server.post('/v1/recommendations', { userId: 'ada', interestCount: 1, explain: true });
    expect(body['interests']).toHaveLength(1);
    expect((await server.post('/v1/interests', { interestCount: 2 })).body['interestCount'], 'no behaviors').toBe(0);
  });
});
