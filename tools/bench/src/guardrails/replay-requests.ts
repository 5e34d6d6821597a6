import { createRandom } from '@facet/features';
import type { Dataset } from '@facet/pipeline';

const interactionsMax = 20_000;
const behaviorsMax = 30;
/** Of the requests: those with the behaviors instead of the user, and those of users whom nothing is known about. */
const statelessShare = 0.1;
const unknownShare = 0.1;

/** Returns the bodies of requests of the users of the newest interactions, in the order of the interactions. */
export function replayRequests({ sequences, items }: Dataset): object[] {
  const { userIds, offsets, times } = sequences;
  const interactions = userIds.flatMap((userId, user) =>
    Array.from({ length: offsets[user + 1]! - offsets[user]! }, (_, place) => ({
      userId,
      user,
      at: times[offsets[user]! + place]!,
    })),
  );
  const random = createRandom(1);
  return interactions
    .sort((a, b) => a.at - b.at)
    .slice(-interactionsMax)
    .map(({ userId, user }, position) => {
      const kind = random.int(1_000) / 1_000;
      if (kind < unknownShare) return { userId: `visitor ${position}`, limit: 20 };
      if (kind >= unknownShare + statelessShare) return { userId, limit: 20 };
      const history = sequences.items.subarray(offsets[user], offsets[user + 1]).slice(-behaviorsMax);
      return { behaviors: Array.from(history, (item) => items[item]!.itemId), limit: 20 };
    });
}
