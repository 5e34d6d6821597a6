import type { BundleInfo } from '@facet/bundles';
import { homePaths } from '@facet/config/home-paths';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import type { Attributes } from '@facet/features';
import { streamLake, streamUsers } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import type { UserProfile } from '@facet/profiles';
import type { Behavior } from '@facet/recommendations';

/** The stored data of a user. */
export interface StoredUser {
  readonly userId: string;
  /** Oldest to newest, selected by the rules of the bundle. */
  readonly behaviors: readonly Behavior[];
  readonly attributes: Attributes;
}

type Rules = BundleInfo['interactions'];

/**
 * Returns the profile of a user as the server reads it from the lake; undefined for an unknown id.
 *
 * @throws AppError of the lake and the catalog.
 */
export async function readProfile(
  home: string,
  { positives }: Pick<Rules, 'positives'>,
  userId: string,
): Promise<UserProfile | undefined> {
  const { lakeFolder, catalogFolder } = homePaths(home);
  const isPositive = parsePositiveRule(positives);
  const events: LakeEvent[] = [];
  for await (const chunk of streamLake(lakeFolder)) {
    for (const event of chunk) if (event.userId === userId && isPositive(event)) events.push(event);
  }
  let attributes: UserProfile['attributes'] | undefined;
  for await (const users of streamUsers(catalogFolder)) {
    attributes ??= users.find((stored) => stored.userId === userId)?.attributes;
  }
  return events.length === 0 && attributes === undefined ? undefined : { events, attributes: attributes ?? {} };
}

/** Returns the users with behaviors, ordered by id. @throws AppError of the lake and the catalog. */
export async function readUsers(home: string, rules: Rules): Promise<StoredUser[]> {
  const { lakeFolder, catalogFolder } = homePaths(home);
  const events: LakeEvent[] = [];
  for await (const chunk of streamLake(lakeFolder)) {
    for (const event of chunk) events.push(event);
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
