import { changesByOwner } from './event-changes.ts';
import type { ProfileRules, ProfileSources } from './event-changes.ts';
import type { ProfileChange, ProfileStore, RebuildResult } from './profile/profile-store.ts';

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
  const lakeChanges = { window: { receivedFrom }, portionMax: changesPerBatch };
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
 * Replaces the content of a store by that of the lake and the catalog, user by user, while readers use it.
 *
 * @param options.receivedBefore Epoch milliseconds; now by default. Changes received later stay. The lake must contain
 *   all earlier changes: stop the sink, or choose a time before its last commit.
 * @throws AppError The errors of the lake, the catalog and the store.
 */
export async function rebuildProfiles(
  store: ProfileStore,
  sources: ProfileSources,
  rules: ProfileRules,
  options: { readonly receivedBefore?: number } = {},
): Promise<RebuildResult> {
  const { receivedBefore = Date.now() } = options;
  const owners = changesByOwner(sources, rules, { window: { receivedBefore } });
  return store.rebuild(owners, { receivedBefore });
}
