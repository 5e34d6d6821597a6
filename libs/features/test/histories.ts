import fc from 'fast-check';
import { buildUserSequences, createItemVocabulary } from '../src/index.ts';
import type { UserSequences } from '../src/index.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** One choice: item index (0: outside the vocabulary) and time. */
export type Choice = readonly [item: number, time: number];

/** The table of users' choices, each user's oldest to newest; items are `item1` and on, any number of them known. */
export function sequencesOf(histories: readonly (readonly Choice[])[], itemCount = 9): UserSequences {
  const itemIds = ['', ...Array.from({ length: itemCount }, (_, item) => `item${item + 1}`)];
  const interactions = histories.flatMap((choices, user) =>
    choices.map(([item, occurredAt]) => ({ userId: `user${user}`, itemId: `item${item}`, occurredAt })),
  );
  return buildUserSequences(interactions, createItemVocabulary(itemIds, itemCount));
}

/** Histories of up to five users, with ties, repeats and unknown items; no user without a choice. */
export const anyHistories = (timeMax: number, maxLength = 12): fc.Arbitrary<Choice[][]> =>
  fc.array(
    fc
      .array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: timeMax })), {
        minLength: 1,
        maxLength,
      })
      .map((choices) => choices.sort((a, b) => a[1] - b[1])),
    { minLength: 1, maxLength: 5 },
  );
