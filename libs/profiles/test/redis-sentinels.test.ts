/** @module-tag full */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedisSentinels } from '@facet/local-services';
import type { RedisSentinels } from '@facet/local-services';
import type { RedisFiles } from '@facet/platform';
import { folderOfFile, forFile } from '@facet/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RedisProfileStoreOptions } from '../src/redis/redis-profile-store.ts';
import { chosen } from './changes.ts';
import { describeProfileStore, describeRebuild, itemsOf } from './conformance.ts';
import { openRedis } from './stores.ts';

const sentinelPassword = 'secret-3';
const folder = folderOfFile();
const redis = forFile(await startRedisSentinels({ sentinelPassword }));
const sentinelPasswordFile = join(folder, 'sentinel');
const wrongFile = join(folder, 'wrong');
await writeFile(sentinelPasswordFile, sentinelPassword);
await writeFile(wrongFile, 'secret-2');

const patiently = { timeout: 60_000 };
const urlOf = (user = '', master = 'facet'): string => `redis+sentinel://${user}${redis.addresses}/0?master=${master}`;
const ada = { userId: 'ada' };

describeProfileStore('Redis behind Sentinels', (options) =>
  openRedis({ url: urlOf(), sentinelPasswordFile, ...options }),
);
describeRebuild('Redis behind Sentinels', () => openRedis({ url: urlOf(), sentinelPasswordFile }));

describe('a profile store behind Sentinels', () => {
  it.each<readonly [string, () => Partial<RedisProfileStoreOptions>, RegExp, string]>([
    ['an unknown master', () => ({ url: urlOf('', 'shop') }), /No such master/, 'Correct master=… in FACET_REDIS_URL'],
    [
      'a wrong password of the Sentinels',
      () => ({ url: urlOf(), sentinelPasswordFile: wrongFile }),
      /sentinel .*WRONGPASS/,
      'FACET_REDIS_SENTINEL_PASSWORD_FILE',
    ],
    [
      'a missing password of the Sentinels',
      () => ({ url: urlOf(), sentinelPasswordFile: undefined }),
      /sentinel .*NOAUTH/,
      'FACET_REDIS_SENTINEL_PASSWORD_FILE',
    ],
    [
      'a wrong password of the master',
      () => ({ url: urlOf('ada:secret-2@') }),
      /WRONGPASS/,
      'FACET_REDIS_PASSWORD_FILE',
    ],
    [
      'Sentinels that do not respond',
      () => ({ url: 'redis+sentinel://127.0.0.1:1,127.0.0.1:2?master=facet' }),
      /sentinel 127.0.0.1:\d because Connection is closed/,
      'Start the Sentinels or correct their addresses in FACET_REDIS_URL',
    ],
  ])('names the problem and the remedy: %s', async (_, optionsOf, message, remedy) => {
    const problems: unknown[] = [];
    const store = await openRedis({
      url: '',
      sentinelPasswordFile,
      writeRetriesMax: 0,
      onConnection: (problem) => problems.push(problem),
      ...optionsOf(),
    });
    const expected = {
      retryable: true,
      message: expect.stringMatching(message) as string,
      remedy: expect.stringContaining(remedy) as string,
    };
    await expect.poll(() => problems, patiently).toEqual([expect.objectContaining(expected)]);
    const error = await store.apply([chosen(ada, 'a', 1)]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(expected);
    expect(String(error)).not.toContain('secret');
  });

  it('continues after the failure of the master with its replica, and reports that writes may be lost', async () => {
    const store = await openRedis({ url: urlOf(), sentinelPasswordFile });
    const before = await store.generation();
    await store.apply([chosen(ada, 'before', 1)]);
    await redis.nodes[0]!.kill();
    const problem = () => store.apply([chosen(ada, 'after', 2)]).then(() => '', String);
    await expect.poll(problem, patiently).toBe('');
    expect(await itemsOf(store, 'ada')).toContain('after');
    expect(await store.generation()).not.toBe(before);
  });
});

describe('a profile store behind Sentinels with TLS, a password and users', () => {
  let secured: RedisSentinels;
  let files: RedisFiles;

  beforeAll(async () => {
    secured = await startRedisSentinels({ sentinelPassword, hasTls: true });
    const { certificates, password } = secured.secured;
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, password);
    files = { caFile: certificates.caFile, ...certificates.facet, passwordFile, sentinelPasswordFile };
  });

  afterAll(async () => {
    await secured.stop();
  });

  const open = (user: string, more: RedisFiles = {}) =>
    openRedis({
      url: `rediss+sentinel://${user}@${secured.addresses}?master=facet`,
      prefix: 'facet',
      writeRetriesMax: 0,
      ...files,
      ...more,
    });

  it.each<readonly [string, string, () => RedisFiles, RegExp, string]>([
    [
      'an unknown authority',
      'facet',
      () => ({ caFile: secured.secured.certificates.foreignCaFile }),
      /Connection is closed/,
      'With TLS, check FACET_REDIS_CA_FILE',
    ],
    ['a wrong password', 'facet', () => ({ passwordFile: wrongFile }), /WRONGPASS/, 'FACET_REDIS_PASSWORD_FILE'],
    ['a user without permission', 'guest', () => ({}), /NOPERM/, 'Grant the user in FACET_REDIS_URL'],
  ])('names the problem and the remedy: %s', async (_, user, more, message, remedy) => {
    const store = await open(user, more());
    const problem = () => store.apply([chosen(ada, 'a', 1)]).catch((error: unknown) => error);
    await expect.poll(problem, patiently).toMatchObject({
      message: expect.stringMatching(message) as string,
      remedy: expect.stringContaining(remedy) as string,
    });
  });

  it('continues with the replica after the failure of the master', async () => {
    const store = await open('facet');
    await store.apply([chosen(ada, 'before', 1)]);
    expect(await itemsOf(store, 'ada')).toEqual(['before']);
    await secured.nodes[0]!.kill();
    const problem = () => store.apply([chosen(ada, 'after', 2)]).then(() => '', String);
    await expect.poll(problem, patiently).toBe('');
    expect(await itemsOf(store, 'ada')).toContain('after');
  });
});
