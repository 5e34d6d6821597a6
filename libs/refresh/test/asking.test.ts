import { startRedis } from '@facet/local-services';
import { isAppError } from '@facet/platform';
import { expect, test } from 'vitest';
import { createPlant } from './plant.ts';
import { lastDay } from './shop-home.ts';

test('whoever asks while Redis was never there is told so, and the run is noted', async () => {
  const redis = await startRedis();
  await redis.stop();
  const { queue, home } = await createPlant(redis.url);
  const asking = queue.request({ day: lastDay, requestedBy: 'test' });
  await expect(asking).rejects.toSatisfy((error) => isAppError(error, 'REFRESH_QUEUE_UNREACHABLE') && error.retryable);
  expect(await home.runs.read(lastDay)).toMatchObject({ state: 'waiting' });
});
