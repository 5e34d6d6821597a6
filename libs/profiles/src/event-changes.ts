import type { PositiveRule } from '@facet/features';
import { readUsers, streamLakeByPerson } from '@facet/lake';
import type { LakeWindow } from '@facet/lake';
import type { Event } from '@facet/schemas';
import type { OwnedChanges, ProfileChange } from './profile/profile-store.ts';

/** What an event changes in profiles; nothing when it is no positive. The one place that knows. */
export function changesOf(event: Event, isPositive: PositiveRule): ProfileChange[] {
  const { eventId, type, userId, sessionId, itemId, occurredAt, receivedAt, value } = event;
  if (type === 'identify') {
    if (userId === undefined || sessionId === undefined) return [];
    return [{ kind: 'identify', userId, sessionId, occurredAt, receivedAt }];
  }
  if (itemId === undefined || !isPositive(event)) return [];
  const positive = { eventId, type, itemId, occurredAt, ...(value === undefined ? {} : { value }) };
  if (userId !== undefined) return [{ kind: 'event', userId, receivedAt, event: positive }];
  return sessionId === undefined ? [] : [{ kind: 'event', sessionId, receivedAt, event: positive }];
}

/** Where everything that profiles are made of lies. */
export interface ProfileSources {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
}

/** How events become profiles. */
export interface ProfileRules {
  readonly isPositive: PositiveRule;
}

export interface LakeChangesOptions {
  readonly window: LakeWindow;
  /** The catalog does not say when it was told of a user: attributes count as received just before. Epoch milliseconds. */
  readonly readAt: number;
  /** Whoever has more comes in several portions; without it each person comes once, with everything. */
  readonly portionMax?: number;
}

/** All changes that the lake and the catalog amount to, by the person that they are about. */
export async function* changesByOwner(
  sources: ProfileSources,
  rules: ProfileRules,
  { window, readAt, portionMax = Infinity }: LakeChangesOptions,
): AsyncGenerator<OwnedChanges> {
  const attributes = new Map<string, ProfileChange>(
    (await readUsers(sources.catalogFolder)).map((user) => [
      user.userId,
      { kind: 'attributes', userId: user.userId, attributes: user.attributes, receivedAt: readAt - 1 },
    ]),
  );
  const complete = (owner: string, changes: ProfileChange[]): OwnedChanges => {
    const known = attributes.get(owner);
    attributes.delete(owner);
    return { owner, changes: known === undefined ? changes : [...changes, known] };
  };
  let owner: string | undefined;
  let changes: ProfileChange[] = [];
  for await (const chunk of streamLakeByPerson(sources.lakeFolder, window)) {
    for (const { person, event } of chunk) {
      if (person !== owner) {
        if (owner !== undefined && changes.length > 0) yield complete(owner, changes);
        owner = person;
        changes = [];
      }
      changes.push(...changesOf(event, rules.isPositive));
      if (changes.length >= portionMax) {
        yield { owner, changes };
        changes = [];
      }
    }
  }
  if (owner !== undefined && changes.length > 0) yield complete(owner, changes);
  for (const [userId, change] of attributes) yield { owner: userId, changes: [change] };
}
