import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { AppError, isAppError } from '@facet/platform';
import { Redis } from 'ioredis';
import type { ChainableCommander } from 'ioredis';
import { defineScripts } from './redis-writes.ts';

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`, with user, password and database where there are any. */
  readonly url: string;
  /** How long making a connection may take, and how long a write waits for one. */
  readonly connectTimeoutMs?: number;
  /** How long a read may take. It is not tried again: somebody waits for it. */
  readonly readTimeoutMs?: number;
  /** How long one try of a write may take. */
  readonly writeTimeoutMs?: number;
  /** Tries of a write after the first. */
  readonly writeRetriesMax?: number;
  /** Called when the server turns out to be another process than before: it may have lost the last second. */
  readonly onRestart?: (generation: string) => void;
}

const defaults = { connectTimeoutMs: 1_000, readTimeoutMs: 1_000, writeTimeoutMs: 5_000, writeRetriesMax: 2 };
const retryDelayMs = 100;
/** Between attempts to reconnect; short, as one attempt costs nothing. */
const reconnectDelayMsMax = 500;

/** One connection to Redis that fails soon, and reconnects by itself for as long as it is open. */
export class RedisConnection {
  readonly #redis: Redis;
  readonly #host: string;
  readonly #options: Required<Omit<RedisConnectionOptions, 'onRestart'>> & Pick<RedisConnectionOptions, 'onRestart'>;
  #generation: string | undefined;
  #lastError = new Error('it is not connected');

  /** @throws AppError `PROFILES_URL_INVALID`. */
  constructor(options: RedisConnectionOptions) {
    this.#options = { ...defaults, ...options };
    this.#host = hostOf(options.url);
    this.#redis = new Redis(options.url, {
      lazyConnect: true,
      connectTimeout: this.#options.connectTimeoutMs,
      // A connection on which nothing comes back is given up, and with it everything that waits for an answer.
      socketTimeout: Math.max(this.#options.readTimeoutMs, this.#options.writeTimeoutMs),
      // Commands fail when they cannot be sent, instead of gathering in memory.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: (attempt) => Math.min(50 * attempt, reconnectDelayMsMax),
    });
    defineScripts(this.#redis);
    this.#redis.on('error', (error: Error) => (this.#lastError = error));
    this.#redis.on('ready', () => void this.#noticeGeneration());
  }

  /** Waits for the first attempt to connect, however it ends. */
  async open(): Promise<void> {
    await this.#redis.connect().then(
      () => this.#noticeGeneration(),
      (error: Error) => (this.#lastError = error),
    );
  }

  /** Changes whenever another process of Redis answers; undefined before the first answer. */
  get generation(): string | undefined {
    return this.#generation;
  }

  /**
   * Sends commands in one round trip.
   *
   * @throws AppError `PROFILES_UNREACHABLE`, `PROFILES_REFUSED`; both can be retried.
   */
  async read(fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    if (this.#redis.status !== 'ready') throw profilesUnreachable(this.#host, this.#lastError);
    return this.#send(fill, this.#options.readTimeoutMs);
  }

  /** As {@link read}, for commands that may be repeated. */
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

  /** The names of all keys that match a pattern, in portions; a name may come twice. */
  async *scan(pattern: string): AsyncGenerator<string[]> {
    let cursor = '0';
    do {
      const [[next, keys]] = (await this.write((pipeline) =>
        pipeline.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000),
      )) as [[string, string[]]];
      yield keys;
      cursor = next;
    } while (cursor !== '0');
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }

  async #send(fill: (pipeline: ChainableCommander) => void, timeoutMs: number): Promise<unknown[]> {
    const pipeline = this.#redis.pipeline();
    fill(pipeline);
    const timeout = new AbortController();
    try {
      const replies = await Promise.race([
        pipeline.exec(),
        delay(timeoutMs, undefined, { signal: timeout.signal }).then(async () => {
          // After a long computation the timer is up before an answer that came in the meantime is looked at.
          await nextTurn();
          throw new Error(`no answer within ${timeoutMs} ms`);
        }),
      ]);
      return (replies ?? []).map(([error, reply]) => {
        if (error !== null) throw error;
        return reply;
      });
    } catch (error) {
      throw profilesError(this.#host, error);
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

  /** A restarted Redis has lost what was not yet on its disk; its run_id tells. */
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
    throw new AppError('The URL of the profile store is none of Redis.', {
      code: 'PROFILES_URL_INVALID',
      category: 'usage',
      remedy: 'Give FACET_REDIS_URL as redis://host:6379, or rediss:// with TLS.',
    });
  }
  return parsed.host;
}

/** What a failed command becomes. `host` has no password in it. */
export function profilesError(host: string, cause: unknown): AppError {
  if (isAppError(cause)) return cause;
  const { name, message } = cause as Error;
  // While it starts, or follows another server, it answers that it cannot answer.
  const refused = name === 'ReplyError' && !/^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)/.test(message);
  return refused ? profilesRefused(host, cause as Error) : profilesUnreachable(host, cause as Error);
}

export function profilesUnreachable(host: string, cause: Error): AppError {
  return new AppError(`The profile store at ${host} cannot be reached: ${cause.message}.`, {
    code: 'PROFILES_UNREACHABLE',
    category: 'unavailable',
    remedy: 'Check that Redis runs there, and FACET_REDIS_URL. Applying the same changes again is safe.',
    context: { host },
    retryable: true,
    cause,
  });
}

/** Redis answered with an error: its memory is full, the password is wrong, the disk is. */
function profilesRefused(host: string, cause: Error): AppError {
  return new AppError(`The profile store at ${host} refused a command: ${cause.message}.`, {
    code: 'PROFILES_REFUSED',
    category: 'unavailable',
    remedy: 'Check the memory, the disk and the rights of the user in FACET_REDIS_URL. Applying again is safe.',
    context: { host },
    retryable: true,
    cause,
  });
}
