import { expect, it } from 'vitest';
import { AppError, createLogger } from '@facet/platform';
import { createRetryPolicy } from '../../src/sink/retry-policy.ts';

const failure = (code: string) => async (): Promise<never> => {
  throw new AppError(`${code}.`, { code, category: 'unavailable', remedy: 'Wait.', retryable: true });
};
const redisDown = failure('REDIS_UNAVAILABLE');
const lakeUnreadable = failure('EVENTS_LAKE_UNREADABLE');
const success = (): Promise<void> => Promise.resolve();

function policyAt(clock: { now: number }) {
  const logger = createLogger({ name: 'test', level: 'silent' });
  const policy = createRetryPolicy({ logger, now: () => clock.now });
  return { policy, outages: () => policy.outages.map(({ dependency, since }) => [dependency, since]) };
}

it('replaces an outage when the operation fails for another reason, and ends it when the operation succeeds', async () => {
  const clock = { now: 1 };
  const { policy, outages } = policyAt(clock);
  await policy.attemptOnce('redis', redisDown);
  clock.now = 2;
  await policy.attemptOnce('redis', redisDown);
  expect(outages()).toEqual([['redis', 1]]);
  await policy.attemptOnce('redis', lakeUnreadable);
  expect(outages()).toEqual([['lake', 2]]);
  clock.now = 3;
  await policy.attemptOnce('redis', redisDown);
  expect(outages()).toEqual([['redis', 3]]);
  await policy.attemptOnce('redis', lakeUnreadable);
  await policy.attemptOnce('redis', success);
  expect(outages()).toEqual([]);
});

it('ends an outage when an operation on that dependency succeeds, and keeps those of other operations', async () => {
  const { policy, outages } = policyAt({ now: 1 });
  await policy.attemptOnce('kafka', failure('KAFKA_UNAVAILABLE'));
  await policy.attemptOnce('redis', lakeUnreadable);
  await policy.attemptOnce('lake', success);
  expect(outages()).toEqual([['kafka', 1]]);
});

it('blames the lake when the bucket of the lake does not respond', async () => {
  const { policy, outages } = policyAt({ now: 1 });
  await policy.attemptOnce('redis', failure('S3_UNREACHABLE'));
  expect(outages()).toEqual([['lake', 1]]);
});
