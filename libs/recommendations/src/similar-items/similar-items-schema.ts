import { Type } from 'typebox';
import type { Static } from 'typebox';
import { answerOrigin, AnswerSource } from '../answer-parts.ts';
import { limitDefault, limitMax } from '../recommendations/recommendations-schema.ts';
import { requestError } from '../request-error.ts';

/** The query of a URL: all of it is text. */
export const SimilarItemsQuery = Type.Object({
  limit: Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,4}$',
      description: `1 to ${limitMax}, ${limitDefault} by default.`,
      examples: ['5'],
    }),
  ),
  filters: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2_000,
      description: 'Names of filters that facet.yaml declares, with commas between them; items must pass all of them.',
      examples: ['affordable'],
    }),
  ),
});
export type SimilarItemsQuery = Static<typeof SimilarItemsQuery>;

export interface SimilarItemsRequest {
  readonly itemId: string;
  readonly limit: number;
  readonly filters: readonly string[];
}

/** @throws AppError `REQUEST_INVALID` for a limit that is out of bounds. */
export function readSimilarItemsQuery({ limit, filters }: SimilarItemsQuery): Omit<SimilarItemsRequest, 'itemId'> {
  const count = limit === undefined ? limitDefault : Number(limit);
  if (count < 1 || count > limitMax) {
    throw requestError(`limit must be from 1 to ${limitMax}.`, { field: 'limit' });
  }
  return { limit: count, filters: filters?.split(',') ?? [] };
}

export const SimilarItemsAnswer = Type.Object(
  {
    ...answerOrigin,
    itemId: Type.String(),
    title: Type.Optional(Type.String()),
    source: AnswerSource,
    items: Type.Array(
      Type.Object(
        {
          itemId: Type.String(),
          title: Type.Optional(Type.String()),
          score: Type.Number({ description: 'Orders the items of one answer.' }),
        },
        { title: 'SimilarItem' },
      ),
      { description: 'Most similar first; neither the item itself nor what is not available.' },
    ),
    requested: Type.Integer({ description: 'The limit.' }),
    returned: Type.Integer(),
  },
  {
    title: 'SimilarItemsAnswer',
    description: 'The items.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        itemId: 'film-1',
        title: 'The film 1',
        source: { kind: 'model' },
        items: [{ itemId: 'film-9', title: 'The film 9', score: 0.912 }],
        requested: 1,
        returned: 1,
      },
    ],
  },
);
export type SimilarItemsAnswer = Static<typeof SimilarItemsAnswer>;
