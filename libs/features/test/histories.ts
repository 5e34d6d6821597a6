import fc from 'fast-check';
import { buildUserSequences, createItemVocabulary } from '../src/index.ts';
import type { UserSequences } from '../src/index.ts';

/** One interaction: item index (0: outside the vocabulary) and time. */
export type Interaction = readonly [item: number, time: number];

/** Returns the sequences of users, each oldest first. Items are `item1`, `item2`, …; the vocabulary has `itemCount` of them. */
export function sequencesOf(histories: readonly (readonly Interaction[])[], itemCount = 9): UserSequences {
  const itemIds = ['', ...Array.from({ length: itemCount }, (_, item) => `item${item + 1}`)];
  const interactions = histories.flatMap((history, user) =>
    history.map(([item, occurredAt]) => ({ userId: `user${user}`, itemId: `item${item}`, occurredAt })),
  );
  return buildUserSequences(interactions, createItemVocabulary(itemIds, itemCount));
}

/** Generates histories of one to five users, with ties, repeats and unknown items. Every user has an interaction. */
export const anyHistories = (timeMax: number, maxLength = 12): fc.Arbitrary<Interaction[][]> =>
  fc.array(
    fc
      .array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: timeMax })), {
        minLength: 1,
        maxLength,
      })
      .map((interactions) => interactions.sort((a, b) => a[1] - b[1])),
    { minLength: 1, maxLength: 5 },
  );
