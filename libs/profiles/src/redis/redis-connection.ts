import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { AppError, createRedis, isAppError, redisProblemOf } from '@facet/platform';
import type { RedisFiles } from '@facet/platform';
import { Redis } from 'ioredis';
import type { ChainableCommander, RedisOptions } from 'ioredis';
import { defineScripts } from './redis-writes.ts';

export interface RedisConnectionOptions extends RedisFiles {
  /** `redis://` or `rediss://`, optionally with user, password and database. */
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
   * Called when another Redis process responds than before. The new process may have lost the last second of writes.
   */
  readonly onRestart?: (generation: string) => void;
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

/**
 * A Redis connection whose commands fail fast, and which reconnects until it is closed.
 *
 * Timeouts and retries are ours: ioredis has one `commandTimeout` for reads and writes, and its timer can expire after
 * a long computation although the reply has arrived.
 */
export class RedisConnection {
  readonly #redis: Redis;
  readonly #host: string;
  readonly #options: typeof defaults & RedisConnectionOptions;
  #generation: string | undefined;
  #isConnected: boolean | undefined;
  #lastError: Error | undefined;

  /** @throws AppError `PROFILES_URL_INVALID`, `CONNECTION_FILE_UNREADABLE`. */
  constructor(options: RedisConnectionOptions) {
    this.#options = { ...defaults, ...options };
    this.#host = hostOf(options.url);
    const redisOptions: RedisOptions = {
      lazyConnect: true,
      connectTimeout: this.#options.connectTimeoutMs,
      // Closes a connection without replies, which fails all commands that wait on it.
      socketTimeout: Math.max(this.#options.readTimeoutMs, this.#options.writeTimeoutMs),
      // Commands fail when they cannot be sent, instead of queueing in memory.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: (attempt) => Math.min(50 * attempt, reconnectDelayMsMax),
    };
    this.#redis = createRedis(options.url, options, (url, tls) => new Redis(url, { ...redisOptions, ...tls }));
    defineScripts(this.#redis);
    this.#redis.on('error', (error: Error) => (this.#lastError = error));
    this.#redis.on('ready', () => {
      this.#report(true);
      void this.#noticeGeneration();
    });
    this.#redis.on('close', () => this.#report(false));
  }

  /** Resolves after the first attempt to connect, successful or not. */
  async open(): Promise<void> {
    await this.#redis.connect().then(
      () => this.#noticeGeneration(),
      // An earlier error event says why the connection was closed.
      (error: Error) => (this.#lastError ??= error),
    );
  }

  /** Identifies the Redis process; undefined before the first response. */
  get generation(): string | undefined {
    return this.#generation;
  }

  /**
   * Sends commands in one round trip and returns their replies.
   *
   * @throws AppError `PROFILES_UNREACHABLE`, `PROFILES_REFUSED`; both are retryable.
   */
  async read(fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    if (this.#redis.status !== 'ready') throw profilesUnreachable(this.#host, this.#lastError);
    return this.#send(fill, this.#options.readTimeoutMs);
  }

  /** Like {@link read}, with retries, for idempotent commands. */
  async write(fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    for (let retries = 0; ; retries++) {
      try {
        await this.#waitUntilReady();
        return await this.#send(fill, this.#options.writeTimeoutMs);
      } catch (error) {
        if (retries === this.#options.writeRetriesMax) throw error;
        await delay(retryDelayMs);
      }
    }
  }

  /** Returns the names of all keys that match a pattern, in portions. A name may occur twice. */
  async *scan(pattern: string): AsyncGenerator<string[]> {
    let cursor = '0';
    do {
      const [[next, keys]] = (await this.write((pipeline) =>
        pipeline.scan(cursor, 'MATCH', pattern, 'COUNT', keysPerScan),
      )) as [[string, string[]]];
      yield keys;
      cursor = next;
    } while (cursor !== '0');
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

  async #send(fill: (pipeline: ChainableCommander) => void, timeoutMs: number): Promise<unknown[]> {
    const pipeline = this.#redis.pipeline();
    fill(pipeline);
    const timeout = new AbortController();
    try {
      const replies = await Promise.race([
        pipeline.exec(),
        delay(timeoutMs, undefined, { signal: timeout.signal }).then(async () => {
          // After a long computation the timer fires before a reply that has already arrived is read.
          await nextTurn();
          throw new Error(`no response within ${timeoutMs} ms`);
        }),
      ]);
      return (replies ?? []).map(([error, reply]) => {
        if (error !== null) throw error;
        return reply;
      });
    } catch (error) {
      throw toAppError(this.#host, error);
    } finally {
      timeout.abort();
    }
  }

  async #waitUntilReady(): Promise<void> {
    if (this.#redis.status === 'ready') return;
    const timeout = new AbortController();
    const ready = new Promise<void>((resolve) => this.#redis.once('ready', resolve));
    const isReady = await Promise.race([
      ready.then(() => true),
      delay(this.#options.connectTimeoutMs, false, { signal: timeout.signal }).catch(() => false),
    ]);
    timeout.abort();
    if (!isReady) throw profilesUnreachable(this.#host, this.#lastError);
  }

  /** Reads the run_id of Redis. A restarted Redis has lost writes that were not yet on its disk. */
  async #noticeGeneration(): Promise<void> {
    const [info] = await this.read((pipeline) => pipeline.info('server')).catch(() => []);
    const generation = /^run_id:(\w+)/m.exec(String(info))?.[1];
    if (generation === undefined || generation === this.#generation) return;
    const isRestart = this.#generation !== undefined;
    this.#generation = generation;
    if (isRestart) this.#options.onRestart?.(generation);
  }
}

function hostOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'redis:' && parsed?.protocol !== 'rediss:') {
    throw new AppError('The URL of the profile store is not a Redis URL.', {
      code: 'PROFILES_URL_INVALID',
      category: 'usage',
      remedy: 'Set FACET_REDIS_URL to redis://host:6379, or rediss:// for TLS.',
    });
  }
  return parsed.host;
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
