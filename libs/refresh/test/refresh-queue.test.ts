import { startRedis } from '@facet/local-services';
import { isAppError } from '@facet/platform';
import { forTest, temporaryFolder } from '@facet/testing';
import { expect, test } from 'vitest';
import { homePaths } from '@facet/config';
import { ensureInstallation } from '@facet/config/installation';
import { claimQueue, withQueueInstallation } from '../src/index.ts';
import { createRefreshSetup } from './refresh-setup.ts';
import { lastDay } from './shop-home.ts';

test('reports an unreachable Redis and records the run', { tags: 'full' }, async () => {
  const redis = await startRedis();
  await redis.stop();
  const { queue, home } = await createRefreshSetup(redis.url);
  const asking = queue.request({ day: lastDay, requestedBy: 'test' });
  await expect(asking).rejects.toSatisfy((error) => isAppError(error, 'REFRESH_QUEUE_UNREACHABLE') && error.retryable);
  expect(await home.runs.read(lastDay)).toMatchObject({ state: 'waiting' });
});

test('belongs to the home of its first worker', async () => {
  const redis = forTest(await startRedis());
  const options = { redisUrl: redis.url, prefix: 'shop' };
  const [first, other] = [homePaths(await temporaryFolder()), homePaths(await temporaryFolder())];
  await claimQueue({ home: first }, options);
  await claimQueue({ home: first }, options);
  const { id } = await ensureInstallation(first);
  expect(await withQueueInstallation(options, (key) => key.read())).toBe(id);
  await expect(claimQueue({ home: other }, options)).rejects.toMatchObject({
    code: 'INSTALLATION_DIFFERS',
    message: expect.stringContaining(
      `the queue in Redis at ${new URL(redis.url).host} (key shop:installation)`,
    ) as string,
  });
  await claimQueue({ home: other }, { ...options, prefix: 'other' });
  await redis.kill();
  await claimQueue({ home: other }, options);
});

test(
  'ends a worker that could not check its queue at the start when Redis responds for another installation',
  { tags: 'full' },
  async () => {
    const redis = forTest(await startRedis());
    const options = { redisUrl: redis.url };
    const [first, other] = [homePaths(await temporaryFolder()), homePaths(await temporaryFolder())];
    await claimQueue({ home: first }, options);
    process.kill(redis.pid, 'SIGSTOP');
    const starting = [first, other].map((home) => claimQueue({ home }, options));
    const [own, foreign] = await Promise.all(starting).finally(() => process.kill(redis.pid, 'SIGCONT'));
    await expect(foreign!.failed).rejects.toMatchObject({ code: 'INSTALLATION_DIFFERS' });
    await own!.close();
    expect(await Promise.race([own!.failed, 'running'])).toBe('running');
  },
);

test('names the workers that are not connected', async () => {
  const redis = forTest(await startRedis());
  const { queue, start } = await createRefreshSetup(redis.url);
  expect(await queue.missingWorkers()).toEqual(['trainer', 'indexer']);
  start('trainer');
  await expect.poll(() => queue.missingWorkers()).toEqual(['indexer']);
  start('indexer');
  await expect.poll(() => queue.missingWorkers()).toEqual([]);
});
