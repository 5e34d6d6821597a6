import { changesByOwner } from './event-changes.ts';
import type { ProfileRules, ProfileSources } from './event-changes.ts';
import type { ProfileChange, ProfileStore, RebuildResult } from './profile/profile-store.ts';

/** Changes that are applied together. */
const changesPerBatch = 10_000;

/**
 * Applies to a store what the lake and the catalog hold. What it has besides stays, so this also makes good what a store has
 * lost: `receivedFrom` (epoch milliseconds) then says since when.
 *
 * @throws AppError those of reading the lake and the catalog, and of the store; the signal's reason when aborted.
 */
export async function fillProfiles(
  store: ProfileStore,
  sources: ProfileSources,
  rules: ProfileRules,
  options: { readonly receivedFrom?: number; readonly now?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { receivedFrom, now: readAt = Date.now(), signal } = options;
  let batch: ProfileChange[] = [];
  const lakeChanges = { window: { receivedFrom }, readAt, portionMax: changesPerBatch };
  for await (const { changes } of changesByOwner(sources, rules, lakeChanges)) {
    signal?.throwIfAborted();
    batch.push(...changes);
    if (batch.length < changesPerBatch) continue;
    await store.apply(batch);
    batch = [];
  }
  await store.apply(batch);
}

/**
 * Makes a store hold what the lake and the catalog hold and nothing else, user by user, while it is read. What was received
 * from `receivedBefore` on (epoch milliseconds; now by default) is left as it is. The lake must hold everything older:
 * stop the sink, or choose a moment before its last commit.
 *
 * @throws AppError those of reading the lake and the catalog, and of the store.
 */
export async function rebuildProfiles(
  store: ProfileStore,
  sources: ProfileSources,
  rules: ProfileRules,
  options: { readonly receivedBefore?: number } = {},
): Promise<RebuildResult> {
  const { receivedBefore = Date.now() } = options;
  const owners = changesByOwner(sources, rules, { window: { receivedBefore }, readAt: receivedBefore });
  return store.rebuild(owners, { receivedBefore });
}
