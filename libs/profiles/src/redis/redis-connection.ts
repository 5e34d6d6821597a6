import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import {
  AppError,
  createRedis,
  isAppError,
  onConnectionError,
  parseRedisUrl,
  redisProblemOf,
  redisUrlForms,
} from '@facet/platform';
import type { RedisFiles } from '@facet/platform';
import { Cluster, Redis } from 'ioredis';
import { defineScripts } from './redis-writes.ts';
import type { RedisCommand } from './redis-writes.ts';

export interface RedisConnectionOptions extends RedisFiles {
  /** The URL of one server, of a Redis Cluster or of Sentinels, as docs/configuration.md describes it. */
  readonly url: string;
  /** Limit for connecting, and for a write that waits for a connection. */
  readonly connectTimeoutMs?: number;
  /** Limit for a read. Reads are not retried, because a request waits for them. */
  readonly readTimeoutMs?: number;
  /** Limit for one attempt of a write. */
  readonly writeTimeoutMs?: number;
  /** Attempts of a write after the first. */
  readonly writeRetriesMax?: number;
  /**
   * Called after the first attempt to connect and whenever the connection is lost or back.
   *
   * @param problem `PROFILES_UNREACHABLE`, for example for a wrong password; undefined while connected
   */
  readonly onConnection?: (problem: AppError | undefined) => void;
}

const defaults = { connectTimeoutMs: 1_000, readTimeoutMs: 1_000, writeTimeoutMs: 5_000, writeRetriesMax: 2 };
const retryDelayMs = 100;
/** Redis looks at about this many keys in one command, in less than a millisecond. */
export const keysPerScan = 1_000;
/** Short, because an attempt to reconnect is cheap. */
const reconnectDelayMsMax = 500;

/** A cluster that does not serve a key fails the command, and the caller retries it. */
const clusterOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  // A cluster that is down says so in its response to a command.
  enableReadyCheck: false,
  retryDelayOnClusterDown: 0,
  maxRedirections: 5,
  slotsRefreshInterval: 5_000,
  // Connects to the names in the URL, which the certificates contain.
  dnsLookup: (host: string, done: (error: null, host: string) => void) => done(null, host),
  // Sends the commands for one node in one round trip.
  enableAutoPipelining: true,
};

/**
 * A Redis connection whose commands fail fast, and which reconnects until it is closed.
 *
 * Timeouts and retries are ours: ioredis has one `commandTimeout` for reads and writes, and its timer can expire after
 * a long computation although the reply has arrived.
 */
export class RedisConnection {
  readonly #redis: Redis | Cluster;
  readonly #host: string;
  readonly #options: typeof defaults & RedisConnectionOptions;
  #isConnected: boolean | undefined;
  #lastError: Error | undefined;

  /** @throws AppError `PROFILES_URL_INVALID`, `CONNECTION_FILE_UNREADABLE`. */
  constructor(options: RedisConnectionOptions) {
    this.#options = { ...defaults, ...options };
    this.#host = hostOf(options.url);
    const redisOptions = {
      lazyConnect: true,
      connectTimeout: this.#options.connectTimeoutMs,
      // Closes a connection without replies, which fails all commands that wait on it.
      socketTimeout: Math.max(this.#options.readTimeoutMs, this.#options.writeTimeoutMs),
      // Commands fail when they cannot be sent, instead of queueing in memory.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
    };
    const retryStrategy = (attempt: number): number => Math.min(50 * attempt, reconnectDelayMsMax);
    this.#redis = createRedis<Redis | Cluster>(options.url, options, {
      one: (server) => new Redis({ ...redisOptions, retryStrategy, sentinelRetryStrategy: retryStrategy, ...server }),
      cluster: (nodes, node) =>
        new Cluster(nodes, {
          ...clusterOptions,
          clusterRetryStrategy: retryStrategy,
          slotsRefreshTimeout: redisOptions.connectTimeout,
          redisOptions: { ...redisOptions, ...node },
        }),
    });
    defineScripts(this.#redis);
    onConnectionError(this.#redis, (error) => {
      this.#lastError = error;
      if (this.#redis.status !== 'ready') this.#report(false);
    });
    this.#redis.on('ready', () => this.#report(true));
    this.#redis.on('close', () => this.#report(false));
  }

  /** Resolves after the first attempt to connect, successful or not. */
  async open(): Promise<void> {
    // An earlier error event says why the connection was closed.
    const attempt = this.#redis.connect().catch((error: Error) => (this.#lastError ??= error));
    // Without a Sentinel that responds, the attempt never ends.
    await Promise.race([attempt, new Promise((resolve) => this.#redis.once('error', resolve))]);
  }

  /**
   * Sends commands in one round trip to each server and returns their replies.
   *
   * @throws AppError `PROFILES_UNREACHABLE`, `PROFILES_REFUSED`; both are retryable.
   */
  async read(commands: readonly RedisCommand[]): Promise<unknown[]> {
    this.#requireReady();
    return this.#within(this.#options.readTimeoutMs, () => this.#execute(commands));
  }

  /** Like {@link read}, with retries, for idempotent commands. */
  async write(commands: readonly RedisCommand[]): Promise<unknown[]> {
    return this.#retry(() => this.#execute(commands));
  }

  /** Returns the names of all keys that match a pattern, in portions. A name may occur twice. */
  async *scan(pattern: string): AsyncGenerator<string[]> {
    for (const server of await this.#retry(async () => this.#masters())) {
      let cursor = '0';
      do {
        const [next, keys] = await this.#retry(() => server.scan(cursor, 'MATCH', pattern, 'COUNT', keysPerScan));
        yield keys;
        cursor = next;
      } while (cursor !== '0');
    }
  }

  /** Returns sections of INFO for each server. @throws AppError as {@link read}. */
  async infoOfMasters(...sections: readonly string[]): Promise<string[]> {
    this.#requireReady();
    return this.#within(this.#options.readTimeoutMs, () =>
      Promise.all(
        this.#masters().map(async (server) =>
          (await Promise.all(sections.map((section) => server.info(section)))).join('\n'),
        ),
      ),
    );
  }

  async close(): Promise<void> {
    this.#redis.removeAllListeners('close');
    this.#redis.disconnect();
  }

  #report(isConnected: boolean): void {
    if (isConnected === this.#isConnected) return;
    this.#isConnected = isConnected;
    this.#options.onConnection?.(isConnected ? undefined : profilesUnreachable(this.#host, this.#lastError));
  }

  #requireReady(): void {
    if (this.#redis.status !== 'ready') throw profilesUnreachable(this.#host, this.#lastError);
  }

  /** Returns the only server, or the masters of all slots of a cluster. */
  #masters(): Redis[] {
    const redis = this.#redis;
    if (!(redis instanceof Cluster)) return [redis];
    const masters = redis.nodes('master');
    const connected = new Set(masters.map(({ options }) => `${options.host}:${options.port}`));
    // After a failover, the client connects to the new master when it has read the slots again.
    const lost = redis.slots.find(([master]) => !connected.has(master!));
    if (masters.length > 0 && lost === undefined) return masters;
    throw profilesUnreachable(this.#host, new Error(`no connection to the master ${String(lost)}`));
  }

  async #execute(commands: readonly RedisCommand[]): Promise<unknown[]> {
    const redis = this.#redis;
    if (redis instanceof Cluster) {
      const call = redis as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>;
      return Promise.all(commands.map(([name, ...args]) => call[name]!(...args)));
    }
    const replies = await redis.pipeline(commands.map((command) => [...command])).exec();
    return (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    });
  }

  async #retry<Reply>(call: () => Promise<Reply>): Promise<Reply> {
    for (let retries = 0; ; retries++) {
      try {
        await this.#waitUntilReady();
        return await this.#within(this.#options.writeTimeoutMs, call);
      } catch (error) {
        if (retries === this.#options.writeRetriesMax) throw error;
        await delay(retryDelayMs);
      }
    }
  }

  async #within<Reply>(timeoutMs: number, call: () => Promise<Reply>): Promise<Reply> {
    const timeout = new AbortController();
    try {
      return await Promise.race([
        call(),
        delay(timeoutMs, undefined, { signal: timeout.signal }).then(async () => {
          // After a long computation the timer fires before a reply that has already arrived is read.
          await nextTurn();
          throw new Error(`no response within ${timeoutMs} ms`);
        }),
      ]);
    } catch (error) {
      throw toAppError(this.#host, error);
    } finally {
      timeout.abort();
    }
  }

  async #waitUntilReady(): Promise<void> {
    if (this.#redis.status === 'ready') return;
    const isReady = await new Promise<boolean>((resolve) => {
      const end = (result: boolean): void => {
        clearTimeout(timeout);
        this.#redis.off('ready', onReady);
        resolve(result);
      };
      const onReady = (): void => end(true);
      const timeout = setTimeout(end, this.#options.connectTimeoutMs, false);
      this.#redis.once('ready', onReady);
    });
    if (!isReady) throw profilesUnreachable(this.#host, this.#lastError);
  }
}

/** Returns the addresses in a URL. @throws AppError `PROFILES_URL_INVALID`. */
export function hostOf(url: string): string {
  try {
    return parseRedisUrl(url).text;
  } catch (error) {
    throw new AppError(`The URL of the profile store ${(error as Error).message}.`, {
      code: 'PROFILES_URL_INVALID',
      category: 'usage',
      remedy: `Set FACET_REDIS_URL to ${redisUrlForms}.`,
    });
  }
}

/** Converts a failed command to an AppError. `host` contains no password. */
function toAppError(host: string, cause: unknown): AppError {
  if (isAppError(cause)) return cause;
  const { name, message } = cause as Error;
  // While Redis loads its data or follows another server, it responds with these errors.
  const refused = name === 'ReplyError' && !/^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)/.test(message);
  return refused ? profilesRefused(host, cause as Error) : profilesUnreachable(host, cause as Error);
}

const prefix = 'FACET_REDIS';

function profilesUnreachable(host: string, cause = new Error('not connected')): AppError {
  const problem = redisProblemOf(cause, { host, prefix });
  return new AppError(`Redis at ${host} is unreachable: ${withoutPeriod(problem?.reason ?? cause.message)}.`, {
    code: 'PROFILES_UNREACHABLE',
    category: 'unavailable',
    remedy: `${problem?.remedy ?? 'Start Redis or correct FACET_REDIS_URL: rediss:// with TLS, redis:// without.'} Applying the same changes again is safe.`,
    context: { host },
    retryable: true,
    cause,
  });
}

/** Redis responded with an error, such as full memory, a missing permission or a disk failure. */
function profilesRefused(host: string, cause: Error): AppError {
  const problem = redisProblemOf(cause, { host, prefix });
  return new AppError(`Redis at ${host} refused a command: ${withoutPeriod(cause.message)}.`, {
    code: 'PROFILES_REFUSED',
    category: 'unavailable',
    remedy: `${problem?.remedy ?? 'Check the memory and disk of Redis.'} Applying the same changes again is safe.`,
    context: { host },
    retryable: true,
    cause,
  });
}

const withoutPeriod = (text: string): string => text.replace(/\.$/, '');
