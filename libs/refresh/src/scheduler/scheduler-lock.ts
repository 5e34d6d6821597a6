import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

/** The right to look after the schedule, which one process has at a time. */
export interface SchedulerLock {
  /** Takes or keeps it; false when another process has it, or Redis does not answer. */
  hold(): Promise<boolean>;
  /** Lets another process have it. */
  release(): Promise<void>;
}

/** Longer than two rounds of its holder: one that hangs once keeps it, one that is gone loses it soon. */
export const lockMsDefault = 150_000;

const extend = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return 0`;
const give = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
  return 0`;

export function createSchedulerLock(redis: Redis, key: string, lockMs = lockMsDefault): SchedulerLock {
  const token = randomUUID();
  return {
    async hold() {
      if ((await redis.set(key, token, 'PX', lockMs, 'NX')) === 'OK') return true;
      return (await redis.eval(extend, 1, key, token, lockMs)) === 1;
    },
    async release() {
      await redis.eval(give, 1, key, token);
    },
  };
}
