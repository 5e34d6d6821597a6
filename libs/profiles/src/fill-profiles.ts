import type { PositiveRule } from '@facet/features';
import { streamLakeByOwner, streamUserVersions } from '@facet/lake';
import type { LakeWindow } from '@facet/lake';
import type { Event } from '@facet/schemas';
import type { OwnedChanges, ProfileChange, ProfileStore, RebuildResult } from './profile/profile-store.ts';
import type { RedisProfileStore } from './redis/redis-profile-store.ts';

/**
 * Returns the changes that an event makes to profiles; none if the event is not an interaction. Serving, the sink and
 * rebuilds all use this function.
 */
export function changesOf(event: Event, isPositive: PositiveRule): ProfileChange[] {
  const { eventId, type, userId, sessionId, itemId, occurredAt, receivedAt, value } = event;
  if (type === 'identify') {
    if (userId === undefined || sessionId === undefined) return [];
    return [{ kind: 'identify', userId, sessionId, occurredAt, receivedAt }];
  }
  if (itemId === undefined || !isPositive(event)) return [];
  const interaction = { eventId, type, itemId, occurredAt, value };
  if (userId !== undefined) return [{ kind: 'event', userId, receivedAt, event: interaction }];
  return sessionId === undefined ? [] : [{ kind: 'event', sessionId, receivedAt, event: interaction }];
}

/** Folders that profiles are built from. */
export interface ProfileSources {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
}

/** How events become profiles. */
interface ProfileRules {
  readonly isPositive: PositiveRule;
}

/**
 * Reads all changes from the lake and the catalog, grouped by user or anonymous session.
 *
 * @param window of the lake
 * @param portionMax Maximum number of changes per portion. Without it, each person comes once, with all changes.
 */
async function* changesByOwner(
  sources: ProfileSources,
  rules: ProfileRules,
  window: LakeWindow,
  portionMax = Infinity,
): AsyncGenerator<OwnedChanges> {
  const attributes = new Map<string, ProfileChange>();
  for await (const versions of streamUserVersions(sources.catalogFolder)) {
    for (const { id: userId, record, receivedAt } of versions) {
      // Includes removals, so that a late version does not restore the attributes of a removed user.
      attributes.set(userId, { kind: 'attributes', userId, attributes: record?.attributes ?? null, receivedAt });
    }
  }
  const complete = (owner: string, changes: ProfileChange[]): OwnedChanges => {
    const known = attributes.get(owner);
    attributes.delete(owner);
    return { owner, changes: known === undefined ? changes : [...changes, known] };
  };
  let current: string | undefined;
  let changes: ProfileChange[] = [];
  for await (const chunk of streamLakeByOwner(sources.lakeFolder, window)) {
    for (const { owner, event } of chunk) {
      if (owner !== current) {
        if (current !== undefined && changes.length > 0) yield complete(current, changes);
        current = owner;
        changes = [];
      }
      changes.push(...changesOf(event, rules.isPositive));
      if (changes.length >= portionMax) {
        yield { owner, changes };
        changes = [];
      }
    }
  }
  if (current !== undefined && changes.length > 0) yield complete(current, changes);
  for (const [userId, change] of attributes) yield { owner: userId, changes: [change] };
}

/** Changes applied in one call. */
const changesPerBatch = 10_000;

/**
 * Applies all changes in the lake and the catalog to a store. Existing content stays, so this also restores what a
 * store has lost.
 *
 * @param options.receivedFrom Applies only changes received from this time on, in epoch milliseconds.
 * @throws AppError The errors of the lake, the catalog and the store; the reason of the signal when aborted.
 */
export async function fillProfiles(
  store: Pick<ProfileStore, 'apply'>,
  sources: ProfileSources,
  rules: ProfileRules,
  options: { readonly receivedFrom?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { receivedFrom, signal } = options;
  let batch: ProfileChange[] = [];
  for await (const { changes } of changesByOwner(sources, rules, { receivedFrom }, changesPerBatch)) {
    signal?.throwIfAborted();
    batch.push(...changes);
    if (batch.length < changesPerBatch) continue;
    await store.apply(batch);
    batch = [];
  }
  await store.apply(batch);
}

/**
 * Replaces the content of a store by that of the lake and the catalog, user by user, while readers use it.
 *
 * @param options.receivedBefore Epoch milliseconds; now by default. Changes received later stay. The lake must contain
 *   all earlier changes: stop the sink, or choose a time before its last commit.
 * @throws AppError The errors of the lake, the catalog and the store.
 */
export async function rebuildProfiles(
  store: Pick<RedisProfileStore, 'rebuild'>,
  sources: ProfileSources,
  rules: ProfileRules,
  options: { readonly receivedBefore?: number } = {},
): Promise<RebuildResult> {
  const { receivedBefore = Date.now() } = options;
  return store.rebuild(changesByOwner(sources, rules, { receivedBefore }), { receivedBefore });
}
