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
    examples: [{ users: [{ userId: 'ada' }, { behaviors: ['film-3', 'film-16'] }], limit: 10 }],
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
  { title: 'BatchProblem', description: 'Why this user has no list.' },
);
export type BatchProblem = Static<typeof BatchProblem>;

/** What differs from user to user; the bundle is the same for all. */
const BatchList = Type.Omit(
  RecommendationsAnswer,
  ['bundleId', 'deltaId', 'arms', 'nextCursor', 'timings', 'position', 'unknownAttributes'],
  { title: 'BatchList', description: 'The list of one user.' },
);
export type BatchList = Static<typeof BatchList>;

export const BatchAnswer = Type.Object(
  {
    ...answerOrigin,
    answers: Type.Array(Type.Union([BatchList, BatchProblem]), { description: 'One a user, in their order.' }),
    unknownAttributes: RecommendationsAnswer.properties.unknownAttributes,
  },
  {
    title: 'BatchAnswer',
    description: 'The lists.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        answers: [
          {
            recommendationId: '3f0c41f5-2f0c-4d4b-9f57-0d8f8a1f4f0e',
            source: { kind: 'model' },
            items: [{ itemId: 'film-28', title: 'The film 28', score: 4.345, interest: 1 }],
            requested: 1,
            returned: 1,
            removed: { seen: 10, excluded: 0, unavailable: 2, filtered: 0 },
            unknownItems: 0,
          },
          {
            code: 'REQUEST_INVALID',
            message: 'users.1.behaviors.0.occurredAt is not a moment of the calendar.',
            field: 'users.1.behaviors.0.occurredAt',
          },
        ],
      },
    ],
  },
);
export type BatchAnswer = Static<typeof BatchAnswer>;
