import { sourceName } from '@facet/lake';
import { parseLoggedItem, parseLoggedUser } from '@facet/schemas';
import type { ProfileChange } from '@facet/profiles';
import type { ErasedUsers } from '../erased-users.ts';
import { readMessages } from './topic-handler.ts';
import type { HandlerDeps, TopicHandler } from './topic-handler.ts';

/** Writes items to the catalog. */
export function createItemsHandler({ catalog, deadLetters }: HandlerDeps): TopicHandler {
  return {
    offsetOwner: 'catalog',
    async process(position, messages, next, signal) {
      const refused = readMessages(
        messages,
        ({ key, value }) => parseLoggedItem(key?.toString() ?? null, value),
        ({ itemId, item }, { timestamp }) => catalog.changeItem(itemId, item, Number(timestamp)),
      );
      await deadLetters.put(position, refused, signal);
      catalog.advance(sourceName(position), next);
    },
  };
}

/** Writes users to the catalog, and their attributes immediately to the profiles. */
export function createUsersHandler(
  { catalog, profiles, deadLetters }: HandlerDeps,
  { erasedUsers }: { readonly erasedUsers: ErasedUsers },
): TopicHandler {
  return {
    offsetOwner: 'catalog',
    async process(position, messages, next, signal) {
      const changes: ProfileChange[] = [];
      const refused = readMessages(
        messages,
        ({ key, value }) => parseLoggedUser(key?.toString() ?? null, value),
        (parsed, { timestamp }) => {
          const { userId } = parsed;
          const receivedAt = Number(timestamp);
          // Topics are read independently: a record older than the erasure may arrive after it.
          const user = erasedUsers.isErased(userId, receivedAt) ? undefined : parsed.user;
          catalog.changeUser(userId, user, receivedAt);
          changes.push({ kind: 'attributes', userId, attributes: user?.attributes ?? null, receivedAt });
        },
      );
      await deadLetters.put(position, refused, signal);
      await profiles.apply(changes, signal);
      catalog.advance(sourceName(position), next);
    },
  };
}
