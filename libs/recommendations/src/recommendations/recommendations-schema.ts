import { IdentifierSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { AnswerBehavior, AnswerInterest, answerOrigin, AnswerSource } from '../answer-parts.ts';
import { filterFields } from '../filtering/filter-fields.ts';
import { MergeFields } from '../merge-fields.ts';
import { askingUserFields } from '../users/asking-user.ts';
import { ExcludeSeen } from '../users/seen-items.ts';

export const limitDefault = 20;
export const limitMax = 1_000;
/** Of cursors: a thousand ids of the longest kind. */
const cursorLengthMax = 600_000;

/** What a request says beside who asks; a batch says it once for all. */
export const recommendationFields = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: limitMax,
      default: limitDefault,
      description: 'Items in all, over all pages.',
    }),
  ),
  merge: Type.Optional(MergeFields),
  ...filterFields,
  exclude: Type.Optional(
    Type.Array(IdentifierSchema, { maxItems: 10_000, description: 'Items never to return, whatever the source.' }),
  ),
  excludeSeen: Type.Optional(ExcludeSeen),
  explain: Type.Optional(Type.Boolean({ default: false, description: 'Adds reasons to items, and the interests.' })),
};

export const RecommendationsRequest = Type.Object(
  {
    ...askingUserFields,
    ...recommendationFields,
    pageSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limitMax,
        description: 'Items in this answer; the rest of the limit is fetched with its nextCursor. By default all.',
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: cursorLengthMax,
        description:
          'The nextCursor of an answer: continues its list, which stays as it was. Beside it only pageSize is read.',
      }),
    ),
    timings: Type.Optional(
      Type.Boolean({ default: false, description: 'Adds how long each stage took, in milliseconds.' }),
    ),
  },
  {
    title: 'RecommendationsRequest',
    examples: [
      { userId: 'ada', limit: 1, explain: true },
      { behaviors: ['film-3', 'film-16', 'film-4'], profile: { age: 'young' }, limit: 5 },
      { userId: 'ada', limit: 40, pageSize: 10, merge: { by: 'diverse', lambda: 0.3, attribute: 'genre' } },
      {
        userId: 'ada',
        filters: ['affordable'],
        context: { budget: 30 },
        filter: { attributes: { genre: { in: ['opera'] } } },
        excludeSeen: { types: ['purchase'], withinDays: 90 },
      },
    ],
  },
);
export type RecommendationsRequest = Static<typeof RecommendationsRequest>;

const AnswerItem = Type.Object(
  {
    itemId: Type.String(),
    title: Type.Optional(Type.String()),
    score: Type.Number({
      description:
        'Of the model, or in a fallback: how often it was chosen lately. Merges other than max reorder items.',
    }),
    interest: Type.Optional(
      Type.Integer({ minimum: 0, description: 'The interest that found it; absent in a fallback.' }),
    ),
    reasons: Type.Optional(
      Type.Array(AnswerBehavior, { description: 'With explain: the behaviors that shaped that interest most.' }),
    ),
  },
  { title: 'AnswerItem' },
);
export type AnswerItem = Static<typeof AnswerItem>;

const Removed = Type.Object(
  {
    seen: Type.Integer(),
    excluded: Type.Integer(),
    unavailable: Type.Integer(),
    filtered: Type.Integer(),
  },
  {
    title: 'RemovedItems',
    description:
      'Items of the catalog that were ruled out, each counted once: excluded, else seen, else unavailable, else filtered.',
  },
);

export const RecommendationsAnswer = Type.Object(
  {
    recommendationId: Type.String({
      description: 'Send it with the events that follow from this answer. All pages of a list have the same.',
    }),
    ...answerOrigin,
    source: AnswerSource,
    arms: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'The arm of each experiment that the user is in.' }),
    ),
    items: Type.Array(AnswerItem, { description: 'Best first.' }),
    interests: Type.Optional(Type.Array(AnswerInterest, { description: 'With explain, on the first page.' })),
    position: Type.Integer({ description: 'Place of the first item in the whole list, from 0.' }),
    requested: Type.Integer({ description: 'The limit.' }),
    returned: Type.Integer({
      description: 'Items on this page. Of a whole list it is less than requested only when no more items are allowed.',
    }),
    removed: Removed,
    nextCursor: Type.Optional(Type.String({ description: 'Fetches the next page; absent on the last one.' })),
    unknownItems: Type.Integer({
      description: 'Different ids in behaviors and exclude that the bundle does not know.',
    }),
    unknownAttributes: Type.Optional(
      Type.Array(Type.String(), { description: 'Attributes in the filters that no item has.' }),
    ),
    timings: Type.Optional(
      Type.Record(Type.String(), Type.Number(), { description: 'With timings: milliseconds by stage.' }),
    ),
  },
  {
    title: 'RecommendationsAnswer',
    description: 'The items.',
    examples: [
      {
        recommendationId: 'e6fae55a-a032-4d86-b75d-c93881a47622',
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        source: { kind: 'model' },
        items: [
          {
            itemId: 'film-28',
            title: 'The film 28',
            score: 4.345,
            interest: 1,
            reasons: [{ itemId: 'film-16', title: 'The film 16', share: 0.285 }],
          },
        ],
        interests: [
          { interest: 0, behaviors: [{ itemId: 'film-3', title: 'The film 3', share: 1 }] },
          { interest: 1, behaviors: [{ itemId: 'film-16', title: 'The film 16', share: 1 }] },
        ],
        position: 0,
        requested: 1,
        returned: 1,
        removed: { seen: 10, excluded: 0, unavailable: 2, filtered: 0 },
        unknownItems: 0,
      },
    ],
  },
);
export type RecommendationsAnswer = Static<typeof RecommendationsAnswer>;
