import type { BundleInfo } from '@facet/bundles';
import { readUsers, streamLake } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import type { Attributes } from '@facet/features';
import type { Behavior } from '@facet/recommendations';
import type { Home } from '../home.ts';

/** What is stored of a user. */
export interface StoredUser {
  readonly userId: string;
  /** Oldest to newest, by the rules that the bundle was trained with. */
  readonly behaviors: readonly Behavior[];
  readonly attributes: Attributes;
}

type Rules = BundleInfo['interactions'];

/** All users with behaviors, ordered by id. @throws AppError of the lake and the catalog. */
export async function readAllUsers(home: Home, rules: Rules): Promise<StoredUser[]> {
  return collect(home, rules, () => true);
}

/** One user, or undefined when nothing is stored of one. @throws AppError of the lake and the catalog. */
export async function readUser(home: Home, rules: Rules, userId: string): Promise<StoredUser | undefined> {
  const [user] = await collect(home, rules, (id) => id === userId);
  if (user !== undefined) return user;
  const known = (await readUsers(home.catalogFolder)).find((stored) => stored.userId === userId);
  return known === undefined ? undefined : { userId, behaviors: [], attributes: known.attributes };
}

async function collect(home: Home, rules: Rules, isWanted: (userId: string) => boolean): Promise<StoredUser[]> {
  const events: LakeEvent[] = [];
  for await (const chunk of streamLake(home.lakeFolder)) {
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
  for (const user of await readUsers(home.catalogFolder)) {
    if (behaviors.has(user.userId)) attributes.set(user.userId, user.attributes);
  }
  return [...behaviors].map(([userId, chosen]) => ({
    userId,
    behaviors: chosen,
    attributes: attributes.get(userId) ?? {},
  }));
}
