import { randomUUID } from 'node:crypto';
import { forTest } from '@facet/testing';
import { createMemoryProfileStore, openRedisProfileStore } from '../src/index.ts';
import type { ProfileStore } from '../src/index.ts';
import type { RedisProfileStoreOptions } from '../src/redis/redis-profile-store.ts';

/** Opens an empty store that is closed when the test ends. */
export type OpenStore = (options?: { readonly eventsMax?: number }) => Promise<ProfileStore>;

export const openMemory: OpenStore = async (options) => createMemoryProfileStore(options);

/** Empty, because no other test uses its prefix. */
export async function openRedis(options: RedisProfileStoreOptions) {
  return forTest(await openRedisProfileStore({ prefix: randomUUID(), ...options }));
}
