import { startRedis } from '@facet/local-services';
import { isAppError } from '@facet/platform';
import { expect, test } from 'vitest';
import { createRefreshSetup } from './refresh-setup.ts';
import { lastDay } from './shop-home.ts';

test('reports an unreachable Redis and records the run', async () => {
  const redis = await startRedis();
  await redis.stop();
  const { queue, home } = await createRefreshSetup(redis.url);
  const asking = queue.request({ day: lastDay, requestedBy: 'test' });
  await expect(asking).rejects.toSatisfy((error) => isAppError(error, 'REFRESH_QUEUE_UNREACHABLE') && error.retryable);
  expect(await home.runs.read(lastDay)).toMatchObject({ state: 'waiting' });
});
