import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, createRedis, onConnectionError, parseRedisUrl, redisProblemOf } from '@facet/platform';
import type { RedisFiles } from '@facet/platform';
import type { Worker } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';

/** The Redis of the queues and their keys. */
export interface QueueOptions {
  readonly redisUrl: string;
  readonly redisFiles?: RedisFiles | undefined;
  /** The prefix of all keys; `facet` by default. */
  readonly prefix?: string;
}

/** A client of one server or of a cluster. */
export type QueueClient = Redis | Cluster;

/** Returns the prefix of all keys. In a cluster, BullMQ needs all keys of a flow on one node. */
export function prefixOf({ redisUrl, prefix = 'facet' }: QueueOptions): string {
  return parseRedisUrl(redisUrl).kind === 'cluster' && !/\{.+\}/.test(prefix) ? `{${prefix}}` : prefix;
}

/** How long a client request waits for Redis. */
const requestTimeoutMs = 5_000;

/** Opens the connection of a worker, which waits for Redis during an outage. */
export function connectWorker(options: QueueOptions): QueueClient {
  return connect(options, { maxRetriesPerRequest: null });
}

/** Opens the connection of a client, whose calls fail soon when Redis does not respond. */
export function connectClient(options: QueueOptions): QueueClient {
  return connect(options, {
    maxRetriesPerRequest: 1,
    connectTimeout: requestTimeoutMs,
    commandTimeout: requestTimeoutMs,
  });
}

/** Of each connection, its servers and its last error while it is down. A failed call reports only its timeout. */
const connections = new WeakMap<QueueClient, { readonly host: string; error?: Error | undefined }>();

function connect({ redisUrl, redisFiles = {} }: QueueOptions, options: RedisOptions): QueueClient {
  const connection: { readonly host: string; error?: Error | undefined } = { host: parseRedisUrl(redisUrl).text };
  const redis = createRedis<QueueClient>(redisUrl, redisFiles, {
    one: (server) => new Redis({ ...options, ...server }),
    cluster: (nodes, node) =>
      new Cluster(nodes, {
        redisOptions: { ...options, ...node },
        // Connects to the names in the URL, which the certificates contain.
        dnsLookup: (host, done) => done(null, host),
        // After a failed ready check, `connect()` of ioredis never settles. A worker that awaits it takes no more jobs.
        enableReadyCheck: false,
      }),
  });
  connections.set(redis, connection);
  // Without a listener, a connection error would end the process.
  onConnectionError(redis, (error) => (connection.error = error));
  redis.on('ready', () => (connection.error = undefined));
  return redis;
}

/** Closes a worker. If that takes longer than `ms`, as without Redis, the end of the connection ends the worker. */
export async function closeWithin(worker: Pick<Worker, 'close'>, ms: number): Promise<void> {
  await Promise.race([worker.close(), sleep(ms, undefined, { ref: false })]);
}

/** Calls the queue with a timeout, because BullMQ waits for its first connection without limit. @throws AppError `REFRESH_QUEUE_UNREACHABLE`. */
export async function callQueue<Result>(redis: QueueClient, call: () => Promise<Result>): Promise<Result> {
  const done = new AbortController();
  const timeout = sleep(requestTimeoutMs, undefined, { signal: done.signal }).then(() => {
    throw new Error(`no response within ${requestTimeoutMs / 1000} s`);
  });
  try {
    return await Promise.race([call(), timeout]);
  } catch (error) {
    const { host = '', error: lastError } = connections.get(redis) ?? {};
    const cause = lastError ?? (error as Error);
    const problem = redisProblemOf(cause, { host, prefix: 'FACET_QUEUE' });
    throw new AppError(
      `The queue in Redis does not respond: ${(problem?.reason ?? cause.message).replace(/\.$/, '')}.`,
      {
        code: 'REFRESH_QUEUE_UNREACHABLE',
        category: 'unavailable',
        remedy: problem?.remedy ?? 'Check that Redis runs, and the address, user and password in FACET_QUEUE_URL.',
        retryable: true,
        cause,
      },
    );
  } finally {
    timeout.catch(() => undefined);
    done.abort();
  }
}

/** Returns the settings of a Redis that put a queue at risk. A managed Redis that hides its settings gives none. */
export async function findUnsafeSettings(redis: QueueClient): Promise<string[]> {
  const servers = redis instanceof Cluster ? redis.nodes('master') : [redis];
  return [...new Set((await Promise.all(servers.map(unsafeSettingsOf))).flat())];
}

async function unsafeSettingsOf(redis: Redis): Promise<string[]> {
  const read = async (name: string): Promise<string | undefined> => {
    const [, value] = ((await redis.config('GET', name).catch(() => [])) as string[]) ?? [];
    return value;
  };
  const unsafe: string[] = [];
  const policy = await read('maxmemory-policy');
  if (policy !== undefined && policy !== 'noeviction') {
    unsafe.push(`maxmemory-policy is ${policy}, so Redis may evict jobs; set it to noeviction`);
  }
  if ((await read('appendonly')) === 'no') {
    unsafe.push(
      'appendonly is off, so a restart of Redis loses the queue until the scheduler restores it; set it to yes',
    );
  }
  return unsafe;
}
