export { changesOf } from './changes-of.ts';
export { createMemoryProfileStore } from './memory-profile-store.ts';
export type { MemoryProfileStoreOptions } from './memory-profile-store.ts';
export type { ProfileEvent, UserProfile } from './profile.ts';
export type { OwnedChanges, ProfileChange, ProfileStore, RebuildOptions, RebuildResult } from './profile-store.ts';
export { openRedisProfileStore } from './redis/redis-profile-store.ts';
export type { ProfileFill, RedisProfileStore, RedisProfileStoreOptions } from './redis/redis-profile-store.ts';
export { fillProfiles, rebuildProfiles } from './fill-profiles.ts';
export type { ProfileRules, ProfileSources } from './lake-changes.ts';
