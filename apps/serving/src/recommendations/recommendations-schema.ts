import { IdentifierSchema } from '@facet/events';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { askingUserFields } from '../profiles/asking-user.ts';
import { AnswerBehavior, AnswerInterest, answerOrigin, AnswerSource } from './answer-schema.ts';

export const limitDefault = 20;

export const RecommendationsRequest = Type.Object(
  {
    ...askingUserFields,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: limitDefault })),
    exclude: Type.Optional(
      Type.Array(IdentifierSchema, { maxItems: 10_000, description: 'Items never to return, whatever the source.' }),
    ),
    includeSeen: Type.Optional(
      Type.Boolean({ default: false, description: 'Whether items that the user chose before may come back.' }),
    ),
    explain: Type.Optional(Type.Boolean({ default: false, description: 'Adds reasons to items, and the interests.' })),
  },
  {
    title: 'RecommendationsRequest',
    examples: [{ userId: '196', limit: 10, explain: true }, { behaviors: ['50', '181', '172'] }],
  },
);
export type RecommendationsRequest = Static<typeof RecommendationsRequest>;

const AnswerItem = Type.Object({
  itemId: Type.String(),
  title: Type.Optional(Type.String()),
  score: Type.Number({ description: 'Orders the items of one answer; of a fallback: how often it was chosen lately.' }),
  interest: Type.Optional(
    Type.Integer({ minimum: 0, description: 'The interest that found it; absent in a fallback.' }),
  ),
  reasons: Type.Optional(
    Type.Array(AnswerBehavior, { description: 'With explain: the behaviors that shaped that interest most.' }),
  ),
});

export const RecommendationsAnswer = Type.Object(
  {
    recommendationId: Type.String({ description: 'Send it with the events that follow from this answer.' }),
    ...answerOrigin,
    source: AnswerSource,
    items: Type.Array(AnswerItem, { description: 'Best first.' }),
    interests: Type.Optional(Type.Array(AnswerInterest, { description: 'With explain.' })),
    requested: Type.Integer({ description: 'The limit.' }),
    returned: Type.Integer({ description: 'Less than requested only when the catalog has no more that is allowed.' }),
    removed: Type.Object(
      { seen: Type.Integer(), excluded: Type.Integer(), unavailable: Type.Integer() },
      {
        description:
          'Items of the catalog that were ruled out, each counted once: excluded, else seen, else unavailable.',
      },
    ),
    unknownItems: Type.Integer({
      description: 'Different ids in behaviors and exclude that the bundle does not know.',
    }),
  },
  { title: 'RecommendationsAnswer', description: 'The items.' },
);
export type RecommendationsAnswer = Static<typeof RecommendationsAnswer>;
