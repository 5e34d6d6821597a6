import type { Behavior, BundleInfo } from '@facet/bundles';
import { readUsers, streamLake } from '@facet/events';
import type { LakeEvent } from '@facet/events';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import type { ProfileStore, UserProfile } from './profile-store.ts';

/** How a bundle's model was shown behaviors. */
export type InteractionSettings = BundleInfo['interactions'];

/**
 * Profiles in memory, rebuilt from the event lake and the catalog's users; what is not there yet counts as empty. Events
 * become behaviors by the rules that the bundle was trained with. All positives of a user stay, because an item of long
 * ago was seen, too.
 */
export async function loadMemoryProfileStore(
  folders: { readonly lakeFolder: string; readonly catalogFolder: string },
  settings: InteractionSettings,
): Promise<ProfileStore> {
  const rules = {
    isPositive: parsePositiveRule(settings.positives),
    repeats: settings.repeats,
    tieSeed: settings.tieSeed,
  };
  const profiles = new Map<string, UserProfile>();
  for await (const events of eventsByUser(folders.lakeFolder)) {
    const behaviors = selectInteractions(events, rules).interactions.map(({ itemId, occurredAt }): Behavior => ({
      itemId,
      occurredAt,
    }));
    if (behaviors.length > 0) profiles.set(events[0]!.userId, { behaviors, attributes: {} });
  }
  for (const { userId, attributes } of await readUsers(folders.catalogFolder)) {
    profiles.set(userId, { behaviors: profiles.get(userId)?.behaviors ?? [], attributes });
  }
  return { size: profiles.size, read: async (userId) => profiles.get(userId) };
}

/** The lake holds events in the order of users: one user's at a time need to be in memory. */
async function* eventsByUser(lakeFolder: string): AsyncGenerator<readonly LakeEvent[]> {
  let ofUser: LakeEvent[] = [];
  for await (const chunk of streamLake(lakeFolder)) {
    for (const event of chunk) {
      if (ofUser[0] !== undefined && ofUser[0].userId !== event.userId) {
        yield ofUser;
        ofUser = [];
      }
      ofUser.push(event);
    }
  }
  if (ofUser.length > 0) yield ofUser;
}
