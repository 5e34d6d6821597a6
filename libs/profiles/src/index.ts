export { changesOf, fillProfiles, rebuildProfiles } from './fill-profiles.ts';
export { createMemoryProfileStore } from './memory-profile-store.ts';
export type { ProfileChange, ProfileStore, RebuildResult, UserProfile } from './profile/profile-store.ts';
export { openRedisProfileStore } from './redis/redis-profile-store.ts';
export type { RedisProfileStore } from './redis/redis-profile-store.ts';
