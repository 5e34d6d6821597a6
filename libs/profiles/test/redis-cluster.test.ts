/** @module-tag full */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedis, startRedisCluster } from '@facet/local-services';
import type { LocalRedis } from '@facet/local-services';
import { folderOfFile, forFile, forTest } from '@facet/testing';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { RedisProfileStoreOptions } from '../src/redis/redis-profile-store.ts';
import { chosen, identified } from './changes.ts';
import { describeProfileStore, describeRebuild, itemsOf } from './conformance.ts';
import { openRedis } from './stores.ts';

const folder = folderOfFile();
const cluster = forFile(await startRedisCluster());
const { password, certificates } = cluster.secured;
const passwordFile = join(folder, 'password');
await writeFile(passwordFile, password);
const files = { caFile: certificates.caFile, ...certificates.facet, passwordFile };

const patiently = { timeout: 60_000 };
const urlOf = (user = ''): string => `redis+cluster://${user}${cluster.addresses}`;
const users = Array.from({ length: 60 }, (_, user) => `user-${user}`);

describeProfileStore('Redis Cluster', (options) => openRedis({ url: urlOf(), ...options }));
describeRebuild('Redis Cluster', () => openRedis({ url: urlOf() }));

describe('a profile store in a cluster', () => {
  it('uses all masters, with the documented permissions and TLS, from the address of one node', async () => {
    const [first] = cluster.secured.addresses.split(',');
    const store = await openRedis({ url: `rediss+cluster://facet@${first}`, ...files, prefix: 'facet-all' });
    await store.apply(users.flatMap((userId) => [chosen({ userId }, 'a', 1), identified(userId, `of ${userId}`, 1)]));
    for (const userId of users) expect(await itemsOf(store, userId)).toEqual(['a']);
    expect(await store.size()).toBe(users.length);
    expect((await store.listUserIds(100_000)).userIds.toSorted()).toEqual(users.toSorted());
    expect((await store.findUser('user-7')).map(({ key }) => key)).toContain(
      'facet-all:session:{of user-7}:identities',
    );
    expect(await store.checkSettings()).toEqual([expect.stringContaining('appendonly is no')]);
    for (const { port } of cluster.nodes.slice(0, 3)) {
      const node = new Redis(port);
      const [, keys] = await node.scan(0, 'MATCH', 'facet-all:*', 'COUNT', 10_000);
      node.disconnect();
      expect(keys.length).toBeGreaterThan(0);
    }
    await store.clear();
    expect(await store.size()).toBe(0);
  });

  it('reads a replaced password for connections to all nodes', async () => {
    const passwordFile = join(folder, 'replaced');
    await writeFile(passwordFile, 'wrong');
    const store = await openRedis({ url: urlOf('facet@'), passwordFile, prefix: 'facet-replaced' });
    await expect(store.read('ada')).rejects.toThrow('WRONGPASS');
    await writeFile(passwordFile, cluster.secured.password);
    const problem = () => store.apply(users.map((userId) => chosen({ userId }, 'a', 1))).then(() => '', String);
    await expect.poll(problem, patiently).toBe('');
  });

  it.each<readonly [string, () => Partial<RedisProfileStoreOptions>, RegExp, string]>([
    ['a wrong password', () => ({ url: urlOf('facet:wrong@') }), /WRONGPASS/, 'FACET_REDIS_PASSWORD_FILE'],
    ['a missing password', () => ({ url: urlOf('facet@') }), /NOAUTH|WRONGPASS/, 'FACET_REDIS_PASSWORD_FILE'],
    [
      'a user without permission for the keys',
      () => ({ url: urlOf('guest@'), passwordFile: files.passwordFile }),
      /NOPERM/,
      'Grant the user in FACET_REDIS_URL',
    ],
    [
      'a certificate from an unknown authority',
      () => ({
        url: `rediss+cluster://facet@${cluster.secured.addresses}`,
        ...files,
        caFile: cluster.secured.certificates.foreignCaFile,
      }),
      /is from an authority that Facet does not trust/,
      'Set FACET_REDIS_CA_FILE',
    ],
    [
      'a cluster whose URL names one server',
      () => ({ url: `redis://127.0.0.1:${cluster.nodes[0]!.port}` }),
      /MOVED/,
      'redis+cluster://',
    ],
    [
      'a cluster that is down',
      () => ({ url: 'redis+cluster://127.0.0.1:1,127.0.0.1:2' }),
      /Redis at 127.0.0.1:1, 127.0.0.1:2 is unreachable: connect ECONNREFUSED/,
      'Start Redis or correct FACET_REDIS_URL',
    ],
  ])('names the problem and the remedy: %s', async (_, optionsOf, message, remedy) => {
    const store = await openRedis({ url: '', writeRetriesMax: 0, ...optionsOf() });
    const changes = users.map((userId) => chosen({ userId }, 'a', 1));
    const error = await store.apply(changes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ retryable: true, message: expect.stringMatching(message) as string });
    expect(error).toMatchObject({ remedy: expect.stringContaining(remedy) as string });
    expect(String(error)).not.toContain(files.passwordFile);
  });

  it('says that a server is not a node of a cluster', async () => {
    const single = forTest(await startRedis());
    const store = await openRedis({ url: single.url.replace('redis:', 'redis+cluster:') });
    await expect(store.read('ada')).rejects.toMatchObject({
      message: expect.stringContaining('cluster support disabled') as string,
      remedy: expect.stringContaining('not a node of a cluster') as string,
    });
  });

  it('continues after the failure of a master with its replica, and reports that writes may be lost', async () => {
    const store = await openRedis({ url: urlOf(), prefix: 'failover' });
    const before = await store.generation();
    await store.apply(users.map((userId) => chosen({ userId }, 'before', 1)));
    const problem = () => store.apply(users.map((userId) => chosen({ userId }, 'after', 2))).then(() => '', String);
    await replicated(cluster.nodes);
    await cluster.nodes[0]!.kill();
    await expect.poll(problem, patiently).toBe('');
    for (const userId of users) {
      expect(await itemsOf(store, userId)).toEqual(expect.arrayContaining(['before', 'after']));
    }
    await expect.poll(() => store.generation().catch(() => before), patiently).not.toBe(before);
    await expect.poll(() => store.size().catch(() => 0), patiently).toBe(users.length);
  });

  it('says that a cluster without the masters of all slots is down', async () => {
    const store = await openRedis({ url: urlOf(), prefix: 'down' });
    // The replica of the second master cannot win an election without a majority of masters.
    for (const position of [1, 2, 4, 5]) await cluster.nodes[position]!.kill();
    const problemOf = () =>
      store.apply(users.map((userId) => chosen({ userId }, 'a', 1))).then(
        () => undefined,
        (error: unknown) => error,
      );
    await expect.poll(problemOf, patiently).toMatchObject({
      message: expect.stringContaining('CLUSTERDOWN') as string,
      remedy: expect.stringContaining('Start the missing nodes of the cluster') as string,
    });
  });
});

/** Waits until the replicas of all masters have everything that was written. */
async function replicated(nodes: readonly LocalRedis[]): Promise<void> {
  for (const { port } of nodes.slice(0, 3)) {
    const master = new Redis(port);
    const offsetOf = async (pattern: RegExp) => pattern.exec(await master.info('replication'))?.[1];
    const written = await offsetOf(/master_repl_offset:(\d+)/);
    await expect
      .poll(async () => Number(await offsetOf(/slave0:.*offset=(\d+)/)), patiently)
      .toBeGreaterThanOrEqual(Number(written));
    master.disconnect();
  }
}
