import { randomUUID } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureInstallation } from '@facet/config/installation';
import { askRedis, startRedis } from '@facet/local-services';
import { fillProfiles, openRedisProfileStore } from '@facet/profiles';
import type { ProfileChange } from '@facet/profiles';
import { parsePositiveRule } from '@facet/features';
import { forFile, forTest } from '@facet/testing';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { apiKey, createHome, createTestApp, now } from './fixtures.ts';
import type { TestApp } from './fixtures.ts';

const home = forFile(await createHome());
const redis = forFile(await startRedis());
const collector = forFile(await openRedisProfileStore({ url: redis.url, connectTimeoutMs: 5_000 }));

beforeEach(() => collector.clear());

async function openApp(): Promise<TestApp> {
  return forTest(await createTestApp(home, { redisUrl: redis.url }));
}

function rated(who: { readonly userId: string } | { readonly sessionId: string }, film: number): ProfileChange {
  const event = { eventId: `rated-${film}`, type: 'rating', itemId: `film-${film}`, occurredAt: now, value: 5 };
  return { kind: 'event', ...who, receivedAt: now, event };
}

const recommend = (app: TestApp, body: object) => app.post('/v1/recommendations', { limit: 60, ...body });

describe('profiles in Redis', () => {
  it('of another home keep serving from starting', async () => {
    const { id } = await ensureInstallation(home.home);
    await collector.installation.write(id);
    await openApp();
    const others = randomUUID();
    await collector.installation.write(others);
    onTestFinished(() => collector.installation.write(id));
    await expect(createTestApp(home, { redisUrl: redis.url })).rejects.toMatchObject({
      code: 'INSTALLATION_DIFFERS',
      context: { id, found: others },
    });
  });

  it('give the same responses as the lake', async () => {
    const app = await openApp();
    const fromLake = forTest(await createTestApp(home));
    await fillProfiles(collector, home, { isPositive: parsePositiveRule('rating >= 4') });
    for (const userId of ['ada', 'ben', 'other-3', 'registered-only', 'stranger']) {
      for (const url of ['/v1/recommendations', '/v1/interests']) {
        const { body: expected } = await fromLake.post(url, { userId });
        // On a busy machine, a read of a profile can exceed its time limit.
        await expect
          .poll(async () => ({ ...(await app.post(url, { userId })).body, recommendationId: '' }), { timeout: 20_000 })
          .toEqual({ ...expected, recommendationId: '' });
      }
    }
  });

  it('are listed once in ten seconds, while the whole id finds a new user immediately', async () => {
    const app = await openApp();
    await collector.apply(['ada', 'ben'].map((userId) => rated({ userId }, 4)));
    const search = async (query: string): Promise<unknown> => (await app.app.inject(`/v1/users?query=${query}`)).json();
    const found = (...userIds: string[]) => ({
      users: userIds.map((userId) => ({ userId, behaviors: 1 })),
      isComplete: true,
    });
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    expect(await search('a')).toMatchObject(found('ada'));
    await collector.apply([rated({ userId: 'adam' }, 4)]);
    expect(await search('ad')).toMatchObject(found('ada'));
    expect(await search('adam')).toMatchObject(found('adam'));
    vi.advanceTimersByTime(10_000);
    expect(await search('ad')).toMatchObject(found('ada', 'adam'));
  });

  it('affect the next recommendation', async () => {
    const app = await openApp();
    expect((await recommend(app, { userId: 'new' })).body).toMatchObject({
      source: { kind: 'popular', reason: 'unknown_user' },
      removed: { seen: 0 },
    });
    await collector.apply([rated({ userId: 'new' }, 4)]);
    const { body } = await recommend(app, { userId: 'new', explain: 'full' });
    expect(body).toMatchObject({
      source: { kind: 'model' },
      removed: { seen: 1 },
      interests: [{ behaviors: [{ itemId: 'film-4' }] }],
    });
    const items = body['items'] as readonly { readonly itemId: string }[];
    expect(items.map(({ itemId }) => itemId)).not.toContain('film-4');
  });

  it('follow the rules of the bundle', async () => {
    const app = await openApp();
    await collector.apply([
      {
        ...rated({ userId: 'new' }, 4),
        event: { eventId: 'e', type: 'view', itemId: 'film-4', occurredAt: now },
      } as ProfileChange,
    ]);
    expect((await recommend(app, { userId: 'new' })).body).toMatchObject({
      source: { kind: 'popular', reason: 'no_behaviors' },
    });
  });

  it('of an anonymous session belong to the user after the login', async () => {
    const app = await openApp();
    await collector.apply([rated({ sessionId: 'visit' }, 4)]);
    const seen = { source: { kind: 'model' }, removed: { seen: 1 } };
    expect((await recommend(app, { userId: 'session:visit' })).body).toMatchObject(seen);
    await collector.apply([{ kind: 'identify', userId: 'new', sessionId: 'visit', occurredAt: now, receivedAt: now }]);
    expect((await recommend(app, { userId: 'new' })).body).toMatchObject(seen);
    expect((await recommend(app, { userId: 'session:visit' })).body).toMatchObject({ removed: { seen: 0 } });
  });
});

describe('an unavailable Redis', () => {
  const missing = (kind: string) => ({ statusCode: 200, body: { source: { kind, reason: 'profiles_unavailable' } } });

  async function expectResponsesWithoutProfiles(app: TestApp): Promise<void> {
    // More failures than the reader tolerates.
    for (let asked = 0; asked < 8; asked++) {
      expect(await recommend(app, { userId: 'new' })).toMatchObject(missing('popular'));
    }
    expect(await recommend(app, { userId: 'new', behaviors: ['film-4'] })).toMatchObject(missing('model'));
    expect(await app.post('/v1/interests', { userId: 'new' })).toMatchObject(missing('popular'));
    expect((await recommend(app, { behaviors: ['film-4'] })).body).toMatchObject({ source: { kind: 'model' } });
    expect((await app.app.inject('/readyz')).statusCode).toBe(200);
    const metrics = await app.app.inject({ url: '/metrics', headers: { 'x-api-key': apiKey } });
    expect(metrics.body).toContain('facet_serving_profile_read_duration_seconds_count{outcome="unavailable"} 10');
    expect(metrics.body).toMatch(
      /responses_total\{kind="recommendations",source="model",reason="profiles_unavailable"\} 1/,
    );
  }

  async function isAvailable(app: TestApp): Promise<number> {
    const { body } = await app.app.inject({ url: '/metrics', headers: { 'x-api-key': apiKey } });
    return Number(/^facet_serving_profiles_available (\d)$/m.exec(body)?.[1]);
  }

  const linesOf = (app: TestApp, text: string) => app.logLines.filter(({ msg }) => String(msg).startsWith(text));

  async function expectOutageReported(app: TestApp, remedy = 'FACET_REDIS_URL'): Promise<void> {
    expect(await isAvailable(app)).toBe(0);
    const line = expect.objectContaining({ problem: expect.stringContaining(remedy) as string }) as object;
    expect(linesOf(app, 'cannot read profiles')).toEqual([line]);
  }

  async function expectProfilesAgain(app: TestApp): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const { body } = await recommend(app, { userId: 'new' });
      if ((body['source'] as { kind: string }).kind === 'model') return;
      await delay(50);
    }
    throw new Error('the profile was not read again');
  }

  async function expectOutageEnds(app: TestApp): Promise<void> {
    const starts = linesOf(app, 'reading profiles').length;
    await expectProfilesAgain(app);
    await expect.poll(() => isAvailable(app), { timeout: 15_000 }).toBe(1);
    expect(linesOf(app, 'reading profiles')).toHaveLength(starts + 1);
    expect(linesOf(app, 'cannot read profiles')).toHaveLength(1);
  }

  it('that was killed leaves responses from the request alone, until it is back', { tags: 'full' }, async () => {
    const app = await openApp();
    await collector.apply([rated({ userId: 'new' }, 4)]);
    expect(await isAvailable(app)).toBe(1);
    await redis.kill();
    await expectResponsesWithoutProfiles(app);
    await expectOutageReported(app);
    await redis.start();
    await collector.apply([rated({ userId: 'new' }, 4)]);
    await expectOutageEnds(app);
  });

  describe.each(['during requests', 'without requests'])('that refuses to read %s', (when) => {
    it('is reported once with the remedy, until it allows them', { tags: 'full' }, async () => {
      const setUser = async (rules: string): Promise<void> =>
        expect(await askRedis(redis.port, `ACL SETUSER app ${rules}`)).toMatch(/^\+OK/);
      await setUser('on >secret-1 ~facet* &* +@all');
      const app = forTest(await createTestApp(home, { redisUrl: `redis://app:secret-1@127.0.0.1:${redis.port}` }));
      await collector.apply([rated({ userId: 'new' }, 4)]);
      expect(await isAvailable(app)).toBe(1);
      await setUser('-zrange');
      if (when === 'during requests') await expectResponsesWithoutProfiles(app);
      else await expect.poll(() => isAvailable(app), { timeout: 15_000 }).toBe(0);
      await expectOutageReported(app, 'Grant the user in FACET_REDIS_URL the permissions');
      await setUser('+zrange');
      await expectOutageEnds(app);
    });
  });

  it('that refuses to read at the start is reported before the first request', { tags: 'full' }, async () => {
    expect(await askRedis(redis.port, 'ACL SETUSER keyless on >secret-1 resetkeys +@all')).toMatch(/^\+OK/);
    const app = forTest(await createTestApp(home, { redisUrl: `redis://keyless:secret-1@127.0.0.1:${redis.port}` }));
    await expectOutageReported(app, 'Grant the user in FACET_REDIS_URL the permissions');
  });

  it('that hangs has the same effect', { tags: 'full' }, async () => {
    const app = await openApp();
    await collector.apply([rated({ userId: 'new' }, 4)]);
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await expectResponsesWithoutProfiles(app);
      await expectOutageReported(app);
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    await expectOutageEnds(app);
  });

  it(
    'that hangs at the start gives no profiles afterwards if it belongs to another home',
    { tags: 'full' },
    async () => {
      const { id } = await ensureInstallation(home.home);
      await collector.apply([rated({ userId: 'new' }, 4)]);
      await collector.installation.write(randomUUID());
      onTestFinished(() => collector.installation.write(id));
      process.kill(redis.pid, 'SIGSTOP');
      const app = await openApp().finally(() => process.kill(redis.pid, 'SIGCONT'));
      expect(linesOf(app, 'cannot check the installation')).toHaveLength(1);
      const problemOf = (text: string) => ({ problem: expect.stringContaining(text) as string });
      await expect
        .poll(() => linesOf(app, 'cannot read profiles'), { timeout: 15_000 })
        .toMatchObject([problemOf('unreachable'), problemOf('belongs to')]);
      expect(await isAvailable(app)).toBe(0);
      expect(await recommend(app, { userId: 'new' })).toMatchObject(missing('popular'));
    },
  );

  it.each([
    ['home', 1],
    ['Redis', 2],
  ])(
    'of another home give no profiles if the %s gets its id only after the start',
    { tags: 'full' },
    async (late, database) => {
      const { id } = await ensureInstallation(home.home);
      const url = `${redis.url}/${database}`;
      const store = forTest(await openRedisProfileStore({ url }));
      await store.apply([rated({ userId: 'new' }, 4)]);
      if (late === 'home') {
        await store.installation.write(randomUUID());
        await rename(home.home.installationFile, `${home.home.installationFile}.late`);
      }
      const app = forTest(await createTestApp(home, { redisUrl: url }));
      expect(await recommend(app, { userId: 'new' })).toMatchObject({ body: { source: { kind: 'model' } } });
      if (late === 'home') await rename(`${home.home.installationFile}.late`, home.home.installationFile);
      else await store.installation.write(randomUUID());
      await vi.waitFor(() => {
        expect(linesOf(app, 'cannot read profiles')).toMatchObject([
          { problem: expect.stringContaining(`the installation ${id}`) as string },
        ]);
      }, 10_000);
      expect(await isAvailable(app)).toBe(0);
      expect(await recommend(app, { userId: 'new' })).toMatchObject(missing('popular'));
    },
  );

  it('that hangs at the start gives profiles afterwards if it belongs to the home', { tags: 'full' }, async () => {
    const { id } = await ensureInstallation(home.home);
    await collector.installation.write(id);
    await collector.apply([rated({ userId: 'new' }, 4)]);
    process.kill(redis.pid, 'SIGSTOP');
    const app = await openApp().finally(() => process.kill(redis.pid, 'SIGCONT'));
    await expectProfilesAgain(app);
  });

  it('at the start has the same effect', { tags: 'full' }, async () => {
    const app = forTest(await createTestApp(home, { redisUrl: 'redis://127.0.0.1:1' }));
    // Before the first request.
    await expectOutageReported(app);
    await expectResponsesWithoutProfiles(app);
  });

  it('that refuses the password has the same effect, and the log names the reason', async () => {
    const { hostname, port } = new URL(redis.url);
    const app = forTest(await createTestApp(home, { redisUrl: `redis://someone:secret-1@${hostname}:${port}` }));
    await expectOutageReported(app);
    await expectResponsesWithoutProfiles(app);
    expect(JSON.stringify(app.logLines)).toContain('WRONGPASS');
    expect(JSON.stringify(app.logLines)).not.toContain('secret-1');
  });
});
