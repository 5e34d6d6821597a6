/** @module-tag full */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startSecuredRedis } from '@facet/local-services';
import type { SecuredRedis } from '@facet/local-services';
import { createRedis } from '@facet/platform';
import { folderOfFile, forFile } from '@facet/testing';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { RedisProfileStoreOptions } from '../src/redis/redis-profile-store.ts';
import { openRedis } from './stores.ts';

const redis = forFile(await startSecuredRedis());
const expired = forFile(await startSecuredRedis({ isExpired: true }));
const folder = folderOfFile();
const passwordFile = join(folder, 'password');
const wrongFile = join(folder, 'wrong');
await writeFile(passwordFile, `${redis.secured.password}\n`);
await writeFile(wrongFile, 'secret-2');
const { caFile, facet } = redis.secured.certificates;
const files = { caFile, ...facet, passwordFile };

const patiently = { timeout: 60_000 };
const change = { kind: 'attributes', userId: 'ada', attributes: { city: 'Rome' }, receivedAt: 1 } as const;
const urlOf = (user: string, { secured }: SecuredRedis = redis): string => `rediss://${user}@${secured.address}`;
const open = (options: RedisProfileStoreOptions) => openRedis({ prefix: 'facet', writeRetriesMax: 0, ...options });

describe('a profile store with TLS and an access control list', () => {
  it('stores and returns profiles', async () => {
    const store = await open({ url: urlOf('facet'), ...files });
    await store.apply([change]);
    expect(await store.read('ada')).toMatchObject({ attributes: { city: 'Rome' } });
    expect(await store.checkSettings()).toEqual(expect.any(Array));
    expect(await store.size()).toBe(1);
    await store.clear();
  });

  it.each<readonly [string, () => RedisProfileStoreOptions, string, RegExp, string]>([
    [
      'a certificate of Redis from an unknown authority',
      () => ({ url: urlOf('facet'), ...files, caFile: redis.secured.certificates.foreignCaFile }),
      'PROFILES_UNREACHABLE',
      /is from an authority that Facet does not trust/,
      'Set FACET_REDIS_CA_FILE',
    ],
    [
      'an expired certificate of Redis',
      () => ({ url: urlOf('facet', expired), caFile: expired.secured.certificates.caFile }),
      'PROFILES_UNREACHABLE',
      /has expired/,
      'Renew the certificate',
    ],
    [
      'no client certificate',
      () => ({ url: urlOf('facet'), caFile: files.caFile, passwordFile }),
      'PROFILES_UNREACHABLE',
      /refused the certificate of this client|closed the connection/,
      'FACET_REDIS_CERT_FILE',
    ],
    [
      'a wrong password',
      () => ({ url: urlOf('facet'), ...files, passwordFile: wrongFile }),
      'PROFILES_UNREACHABLE',
      /WRONGPASS/,
      'FACET_REDIS_PASSWORD_FILE',
    ],
    [
      'a user without permission for the keys',
      () => ({ url: urlOf('guest'), ...files }),
      'PROFILES_REFUSED',
      /NOPERM/,
      'Grant the user in FACET_REDIS_URL',
    ],
    [
      'a prefix without permission',
      () => ({ url: urlOf('facet'), ...files, prefix: 'other' }),
      'PROFILES_REFUSED',
      /NOPERM/,
      'Grant the user in FACET_REDIS_URL',
    ],
    [
      'a port without TLS',
      () => ({ url: redis.url.replace('redis:', 'rediss:'), caFile: files.caFile }),
      'PROFILES_UNREACHABLE',
      /./,
      'rediss:// with TLS, redis:// without',
    ],
  ])('names the problem and the remedy: %s', async (_, optionsOf, code, message, remedy) => {
    const store = await open(optionsOf());
    const error = await store.apply([change]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, retryable: true, message: expect.stringMatching(message) as string });
    expect(error).toMatchObject({ remedy: expect.stringContaining(remedy) as string });
    expect(String(error)).not.toContain('secret');
  });

  it('accepts a replaced password, certificate or authority without a new client', async () => {
    const at = (name: string): string => join(folder, `replaced-${name}`);
    const { foreignCaFile, expired: old, facet, caFile } = redis.secured.certificates;
    const replace = async (ca: string, { certFile, keyFile }: typeof facet, password: string): Promise<void> => {
      await copyFile(ca, at('ca'));
      await copyFile(certFile, at('cert'));
      await copyFile(keyFile, at('key'));
      await copyFile(password, at('password'));
    };
    await replace(foreignCaFile, old, wrongFile);
    const store = await open({
      url: urlOf('facet'),
      caFile: at('ca'),
      certFile: at('cert'),
      keyFile: at('key'),
      passwordFile: at('password'),
    });
    const problem = () => store.apply([change]).then(() => '', String);
    expect(await problem()).toContain('does not trust');
    await replace(caFile, old, wrongFile);
    await expect.poll(problem, patiently).toMatch(/refused the certificate of this client|closed the connection/);
    // A file that is being written does not end the connection.
    await writeFile(at('key'), '');
    await replace(caFile, facet, wrongFile);
    await expect.poll(problem, patiently).toContain('WRONGPASS');
    await replace(caFile, facet, passwordFile);
    await expect.poll(problem, patiently).toBe('');
  });

  it('survives a second error of a connection', async () => {
    const { caFile } = expired.secured.certificates;
    const client = createRedis<Redis | Cluster>(
      urlOf('facet', expired),
      { caFile },
      { one: (options) => new Redis({ ...options, retryStrategy: null }), cluster: (nodes) => new Cluster(nodes) },
    ) as Redis;
    const refused = await new Promise<Error>((resolve) => client.once('error', resolve));
    expect(String(refused)).toContain('expired');
    // The alert of Redis. An event without a listener would throw.
    expect(client.stream.emit('error', new Error('alert'))).toBe(true);
    client.disconnect();
  });
});
