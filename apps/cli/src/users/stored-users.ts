import type { BundleInfo } from '@facet/bundles';
import { homePaths } from '@facet/config/home-paths';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import type { Attributes } from '@facet/features';
import { streamLake, streamUsers } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import type { Behavior } from '@facet/recommendations';

/** The stored data of a user. */
export interface StoredUser {
  readonly userId: string;
  /** Oldest to newest, selected by the rules of the bundle. */
  readonly behaviors: readonly Behavior[];
  readonly attributes: Attributes;
}

type Rules = BundleInfo['interactions'];

/** Returns one user, or undefined for an unknown id. @throws AppError of the lake and the catalog. */
export async function readUser(home: string, rules: Rules, userId: string): Promise<StoredUser | undefined> {
  const [user] = await readUsers(home, rules, (id) => id === userId);
  if (user !== undefined) return user;
  for await (const users of streamUsers(homePaths(home).catalogFolder)) {
    const known = users.find((stored) => stored.userId === userId);
    if (known !== undefined) return { userId, behaviors: [], attributes: known.attributes };
  }
  return undefined;
}

/** Returns the users with behaviors that `isWanted` selects, ordered by id. @throws AppError of the lake and the catalog. */
export async function readUsers(
  home: string,
  rules: Rules,
  isWanted: (userId: string) => boolean = () => true,
): Promise<StoredUser[]> {
  const { lakeFolder, catalogFolder } = homePaths(home);
  const events: LakeEvent[] = [];
  for await (const chunk of streamLake(lakeFolder)) {
    for (const event of chunk) if (isWanted(event.userId)) events.push(event);
  }
  const { interactions } = selectInteractions(events, { ...rules, isPositive: parsePositiveRule(rules.positives) });
  const behaviors = new Map<string, Behavior[]>();
  for (const { userId, itemId, occurredAt } of interactions) {
    const ofUser = behaviors.get(userId);
    if (ofUser === undefined) behaviors.set(userId, [{ itemId, occurredAt }]);
    else ofUser.push({ itemId, occurredAt });
  }
  const attributes = new Map<string, Attributes>();
  for await (const users of streamUsers(catalogFolder)) {
    for (const user of users) if (behaviors.has(user.userId)) attributes.set(user.userId, user.attributes);
  }
  return [...behaviors].map(([userId, sequence]) => ({
    userId,
    behaviors: sequence,
    attributes: attributes.get(userId) ?? {},
  }));
}
