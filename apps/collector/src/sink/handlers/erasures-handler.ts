import { sourceName } from '@facet/lake';
import { hashUser, parseLoggedErasure } from '@facet/schemas';
import type { ProfileChange } from '@facet/profiles';
import type { HandlerDeps } from './handler-deps.ts';
import { readMessages } from './read-messages.ts';
import type { TopicHandler } from './topic-handler.ts';

/** Who asked to be forgotten, and until when. */
export interface ErasedUsers {
  /** Whether what was received of the user at a time is to be forgotten. */
  isErased(userId: string, receivedAt: number): boolean;
  add(userHash: string, requestedAt: number): void;
}

export function createErasedUsers(): ErasedUsers {
  const erasedUntil = new Map<string, number>();
  return {
    isErased: (userId, receivedAt) => erasedUntil.size > 0 && receivedAt <= (erasedUntil.get(hashUser(userId)) ?? -1),
    add: (userHash, requestedAt) =>
      void erasedUntil.set(userHash, Math.max(requestedAt, erasedUntil.get(userHash) ?? 0)),
  };
}

/**
 * Erasures take the user out of the profiles at once, and are noted in the lake until they are done there. The catalog has
 * one writer a file: there it is the record without a value in the user topic that takes the user out.
 */
export function createErasuresHandler(
  { lake, profiles, deadLetters }: HandlerDeps,
  { erasedUsers }: { readonly erasedUsers: ErasedUsers },
): TopicHandler {
  return {
    keeper: 'lake',
    async take(position, messages, next, signal) {
      const changes: ProfileChange[] = [];
      const refused = readMessages(
        messages,
        ({ value }) => parseLoggedErasure(value),
        ({ erasure: { erasureId, userId, requestedAt, requestedBy } }) => {
          const userHash = hashUser(userId);
          erasedUsers.add(userHash, requestedAt);
          changes.push({ kind: 'erase', userId, before: requestedAt });
          changes.push({ kind: 'attributes', userId, attributes: null, receivedAt: requestedAt });
          lake.addErasure({ erasureId, userHash, sessionHashes: [], requestedAt, requestedBy });
        },
      );
      await deadLetters.put(position, refused, signal);
      await profiles.apply(changes, signal);
      lake.add(sourceName(position), [], next);
    },
  };
}
