import { randomUUID } from 'node:crypto';
import type { QueueClient } from '../queue/connection.ts';

/** Lets one process at a time maintain the schedule. */
export interface SchedulerLock {
  /** Acquires or extends the lock. Returns false if another process holds it. */
  hold(): Promise<boolean>;
  release(): Promise<void>;
}

const extendScript = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return 0`;
const releaseScript = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
  return 0`;

export function createSchedulerLock(redis: QueueClient, key: string, lockMs: number): SchedulerLock {
  const token = randomUUID();
  return {
    async hold() {
      if ((await redis.set(key, token, 'PX', lockMs, 'NX')) === 'OK') return true;
      return (await redis.eval(extendScript, 1, key, token, lockMs)) === 1;
    },
    async release() {
      await redis.eval(releaseScript, 1, key, token);
    },
  };
}
