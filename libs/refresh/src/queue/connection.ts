import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@facet/platform';
import type { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';

/** Where the queues are. */
export interface QueueOptions {
  readonly redisUrl: string;
  /** What the keys begin with. */
  readonly prefix?: string;
}

export const prefixDefault = 'facet';

/** How long somebody who only asks waits for Redis. */
export const askingTimeoutMs = 5_000;

/** A connection of a worker, which waits while Redis is away. */
export function connectWorker({ redisUrl }: QueueOptions): Redis {
  return connect(redisUrl, { maxRetriesPerRequest: null });
}

/** A connection of somebody who asks, and is told soon when Redis does not answer. */
export function connectAsker({ redisUrl }: QueueOptions): Redis {
  return connect(redisUrl, {
    maxRetriesPerRequest: 1,
    connectTimeout: askingTimeoutMs,
    commandTimeout: askingTimeoutMs,
  });
}

function connect(redisUrl: string, options: RedisOptions): Redis {
  const redis = new Redis(redisUrl, options);
  // Without a listener an error of the connection would end the process; calls tell of it.
  redis.on('error', () => undefined);
  return redis;
}

/** Closes a worker; one that does not end within `ms`, as without Redis, is left to the end of its connection. */
export async function closeWithin(worker: Pick<Worker, 'close'>, ms: number): Promise<void> {
  await Promise.race([worker.close(), sleep(ms, undefined, { ref: false })]);
}

/** What a failed call of a queue becomes. */
export function queueUnreachable(cause: unknown): AppError {
  return new AppError(`The queue in Redis does not answer: ${(cause as Error).message}.`, {
    code: 'REFRESH_QUEUE_UNREACHABLE',
    category: 'unavailable',
    remedy: 'Check that Redis runs, and FACET_QUEUE_URL.',
    retryable: true,
    cause,
  });
}

/**
 * What of a Redis is not fit for queues: without a word of a managed one that does not tell its settings.
 */
export async function unfitSettings(redis: Redis): Promise<string[]> {
  const read = async (name: string): Promise<string | undefined> => {
    const [, value] = ((await redis.config('GET', name).catch(() => [])) as string[]) ?? [];
    return value;
  };
  const policy = await read('maxmemory-policy');
  const appendOnly = await read('appendonly');
  return [
    ...(policy === undefined || policy === 'noeviction'
      ? []
      : [`maxmemory-policy is ${policy}: jobs may vanish; set it to noeviction`]),
    ...(appendOnly === undefined || appendOnly === 'yes'
      ? []
      : [
          'appendonly is off: a restart of Redis loses what is queued, until the scheduler queues it again; set it to yes',
        ]),
  ];
}
