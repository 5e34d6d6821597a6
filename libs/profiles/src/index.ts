/*
 * Stores the newest behaviors of each user, in memory or in Redis.
 * Start with `openRedisProfileStore`, `createMemoryProfileStore` and `fillProfiles`.
 * Imports no `@facet/bundles` and no `@facet/model`: a profile is valid for every bundle.
 */
export { changesOf, fillProfiles, rebuildProfiles } from './fill-profiles.ts';
export { createMemoryProfileStore } from './memory-profile-store.ts';
export { probeUserId } from './profile/profile-store.ts';
export type { ProfileChange, ProfileStore, RebuildResult, UserProfile } from './profile/profile-store.ts';
export { isErasureMark } from './redis/redis-writes.ts';
export { openRedisProfileStore } from './redis/redis-profile-store.ts';
export type { RedisProfileStore } from './redis/redis-profile-store.ts';
