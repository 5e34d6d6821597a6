import { Type } from 'typebox';
import type { Static } from 'typebox';
import { answerOrigin } from '../answer-parts.ts';
import { RecommendationsAnswer, recommendationFields } from '../recommendations/recommendations-schema.ts';
import { askingUserFields } from '../users/asking-user.ts';

/** Users in a batch. */
const usersMax = 1_000;
/** Items of all lists together: what is held in memory for one request. */
export const batchItemsMax = 100_000;

export const BatchRequest = Type.Object(
  {
    users: Type.Array(Type.Object(askingUserFields), {
      minItems: 1,
      maxItems: usersMax,
      description: 'Who: each as in a request for one.',
    }),
    ...recommendationFields,
  },
  {
    title: 'BatchRequest',
    description: `One request for many users. The limit times the users may be at most ${batchItemsMax}.`,
    examples: [{ users: [{ userId: '196' }, { behaviors: ['50', '181'] }], limit: 10 }],
  },
);
export type BatchRequest = Static<typeof BatchRequest>;

const BatchProblem = Type.Object(
  {
    code: Type.String(),
    message: Type.String(),
    field: Type.Optional(Type.String()),
    remedy: Type.Optional(Type.String()),
  },
  { description: 'Why this user has no list.' },
);
export type BatchProblem = Static<typeof BatchProblem>;

/** What differs from user to user; the bundle is the same for all. */
const BatchList = Type.Omit(RecommendationsAnswer, [
  'bundleId',
  'deltaId',
  'arms',
  'nextCursor',
  'timings',
  'position',
]);
export type BatchList = Static<typeof BatchList>;

export const BatchAnswer = Type.Object(
  {
    ...answerOrigin,
    answers: Type.Array(Type.Union([BatchList, BatchProblem]), { description: 'One a user, in their order.' }),
  },
  { title: 'BatchAnswer', description: 'The lists.' },
);
export type BatchAnswer = Static<typeof BatchAnswer>;
