import { IdentifierSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { ExploreFields } from '../settings.ts';
import { filterFields } from '../filters.ts';
import { MergeFields, namesByScore } from '../merge.ts';
import {
  InterestBehavior,
  originFields,
  RemovedItems,
  ResponseSource,
  ScoredItem,
  unknownAttributesField,
  UserInterest,
} from '../response.ts';
import { ExcludeSeen, includeField, strictField } from '../request-fields.ts';
import { interestCountField, requesterFields } from '../users/requester.ts';

export const limitDefault = 20;
export const limitMax = 1_000;
/** Enough for a thousand ids of maximum length. */
const cursorLengthMax = 600_000;

/** The request fields that do not identify the user. A batch has them once for all users. */
export const recommendationFields = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: limitMax, default: limitDefault, description: 'Items on all pages together.' }),
  ),
  merge: Type.Optional(MergeFields),
  interestCount: interestCountField,
  explore: Type.Optional(ExploreFields),
  ...filterFields,
  exclude: Type.Optional(
    Type.Array(IdentifierSchema, { maxItems: 10_000, description: 'Items never to return, whatever the source.' }),
  ),
  excludeSeen: Type.Optional(ExcludeSeen),
  explain: Type.Optional(
    // With Type.Boolean(), the error of a wrong text would name `full` only.
    Type.Union([Type.Literal(false), Type.Literal(true), Type.Literal('full')], {
      default: false,
      description:
        'true: adds the reasons of each item, and the labels of the interests of the user. full: also adds the share of each ' +
        'behavior in each interest.',
    }),
  ),
  include: includeField,
  strict: strictField,
};

export const RecommendationsRequest = Type.Object(
  {
    ...requesterFields,
    ...recommendationFields,
    pageSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limitMax,
        description: 'Items in this response. Fetch the rest with nextCursor. Default: the limit.',
      }),
    ),
    cursor: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: cursorLengthMax,
        description:
          'The nextCursor of a response. Returns the next page of the same list. Of the other fields, only pageSize, ' +
          'timings and record are read.',
      }),
    ),
    timings: Type.Optional(Type.Boolean({ default: false, description: 'Adds the duration of each span.' })),
    record: Type.Optional(
      Type.Boolean({
        default: true,
        description:
          'false: no exposure is recorded and no shadow arm computed, because the user does not see the items.',
      }),
    ),
  },
  {
    title: 'RecommendationsRequest',
    examples: [
      { userId: 'ada', limit: 1, explain: true },
      { behaviors: ['film-3', 'film-16', 'film-4'], profile: { age: 'young' }, limit: 5 },
      { userId: 'ada', limit: 20, explore: { share: 0.1, maxAgeDays: 14 } },
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

const scoredForAll = namesByScore({ isForAll: true });

const RecommendedItem = Type.Object(
  {
    ...ScoredItem.properties,
    score: Type.Number({
      description:
        `With ${scoredForAll}, the score of the model over all interests; with ${namesByScore({ isForAll: false })}, the score ` +
        'for the interest. In a fallback, the recent interaction count.',
    }),
    interest: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          `The number of the interest that found the item, from 1. With ${scoredForAll}, it is the nearest one. Absent in a ` +
          'fallback.',
      }),
    ),
    reason: Type.Optional(
      Type.Literal('new', { description: 'A new item that explore has drawn for a reserved slot.' }),
    ),
    propensity: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'With reason new: the probability that explore draws this item for the list, over all recommendationIds. A new ' +
          'item in another slot has none.',
      }),
    ),
    reasons: Type.Optional(
      Type.Array(InterestBehavior, {
        description:
          'With explain: up to two behaviors that add most to the score of this item, best first. Their share is their part of ' +
          'what all behaviors add. Weak behaviors are left out, so the list can be empty.',
      }),
    ),
  },
  { title: 'RecommendedItem' },
);
export type RecommendedItem = Static<typeof RecommendedItem>;

export const RecommendationsResponse = Type.Object(
  {
    recommendationId: Type.String({
      description: 'Send it with the events that result from this response. All pages of a list share it.',
    }),
    ...originFields,
    source: ResponseSource,
    arms: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: "The user's arm in each experiment." }),
    ),
    items: Type.Array(RecommendedItem, { description: 'Best item first.' }),
    interests: Type.Optional(Type.Array(UserInterest, { description: 'With explain, on the first page.' })),
    position: Type.Integer({ description: 'Position of the first item in the whole list, from 0.' }),
    requested: Type.Integer({ description: 'The limit.' }),
    returned: Type.Integer({
      description: 'Items on this page. A whole list is shorter than requested only if no more items are allowed.',
    }),
    removed: RemovedItems,
    nextCursor: Type.Optional(Type.String({ description: 'Fetches the next page. Absent on the last page.' })),
    unknownItems: Type.Integer({
      description: 'Distinct item ids in behaviors and exclude that the bundle does not know.',
    }),
    unknownAttributes: unknownAttributesField,
    timings: Type.Optional(
      Type.Record(Type.String(), Type.Number(), { description: 'With timings: milliseconds by span.' }),
    ),
  },
  {
    title: 'RecommendationsResponse',
    description: 'The recommended items.',
    examples: [
      {
        recommendationId: 'e6fae55a-a032-4d86-b75d-c93881a47622',
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        source: { kind: 'model' },
        items: [
          {
            itemId: 'film-27',
            title: 'The film 27',
            score: 4.618,
            interest: 2,
            reasons: [{ itemId: 'film-15', title: 'The film 15', share: 0.304 }],
          },
        ],
        interests: [
          { interest: 1, labels: [] },
          { interest: 2, labels: [{ attribute: 'genre', value: 'space' }] },
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
export type RecommendationsResponse = Static<typeof RecommendationsResponse>;
