import { sourceName } from '@facet/lake';
import { parseLoggedItem, parseLoggedUser } from '@facet/schemas';
import type { ProfileChange } from '@facet/profiles';
import type { ErasedUsers } from './erasures-handler.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { readMessages } from './read-messages.ts';
import type { TopicHandler } from './topic-handler.ts';

/** Items go into the catalog. */
export function createItemsHandler({ catalog, deadLetters }: HandlerDeps): TopicHandler {
  return {
    keeper: 'catalog',
    async take(position, messages, next, signal) {
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

/** Users go into the catalog, and their attributes at once into the profiles. */
export function createUsersHandler(
  { catalog, profiles, deadLetters }: HandlerDeps,
  { erasedUsers }: { readonly erasedUsers: ErasedUsers },
): TopicHandler {
  return {
    keeper: 'catalog',
    async take(position, messages, next, signal) {
      const changes: ProfileChange[] = [];
      const refused = readMessages(
        messages,
        ({ key, value }) => parseLoggedUser(key?.toString() ?? null, value),
        (parsed, { timestamp }) => {
          const { userId } = parsed;
          const receivedAt = Number(timestamp);
          // The topics are read beside each other: what is older than the erasure may come after it.
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
