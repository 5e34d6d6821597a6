import { sourceName } from '@facet/lake';
import { hashUser, parseLoggedErasure } from '@facet/schemas';
import type { ProfileChange } from '@facet/profiles';
import type { ErasedUsers } from '../erased-users.ts';
import { readMessages } from './topic-handler.ts';
import type { HandlerDeps, TopicHandler } from './topic-handler.ts';

/**
 * Erases users from the profiles immediately, and records the erasures in the lake until compaction carries them out. Each
 * catalog file has one writer, so a null value in the user topic erases the user from the catalog.
 */
export function createErasuresHandler(
  { lake, profiles, deadLetters }: HandlerDeps,
  { erasedUsers }: { readonly erasedUsers: ErasedUsers },
): TopicHandler {
  return {
    offsetOwner: 'lake',
    async process(position, messages, next, signal) {
      const changes: ProfileChange[] = [];
      const refused = readMessages(
        messages,
        ({ value }) => parseLoggedErasure(value),
        ({ erasure: { erasureId, userId, requestedAt, requestedBy } }) => {
          const userHash = hashUser(userId);
          erasedUsers.add({ userHash, requestedAt });
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
