import { IdentifierSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { answerOrigin, AnswerSource } from '../answer-parts.ts';
import { filterFields } from '../filtering/filter-fields.ts';
import type { FilterRequest } from '../filtering/resolve-filters.ts';
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
  context: Type.Optional(
    Type.String({
      maxLength: 4_000,
      description: 'Where and how is asked, as an object in JSON; named filters may refer to its fields.',
      examples: ['{"budget":30}'],
    }),
  ),
  exclude: Type.Optional(
    Type.Union([IdentifierSchema, Type.Array(IdentifierSchema, { maxItems: 100 })], {
      description: 'An item never to return; repeat it for more.',
      examples: ['film-7'],
    }),
  ),
});
export type SimilarItemsQuery = Static<typeof SimilarItemsQuery>;

export interface SimilarItemsRequest {
  readonly itemId: string;
  readonly limit: number;
  readonly filters: readonly string[];
  readonly context: NonNullable<FilterRequest['context']>;
  readonly exclude: readonly string[];
}

/** @throws AppError `REQUEST_INVALID` for a limit that is out of bounds, and a context that is none. */
export function readSimilarItemsQuery(query: SimilarItemsQuery): Omit<SimilarItemsRequest, 'itemId'> {
  const { limit, filters, context, exclude = [] } = query;
  const count = limit === undefined ? limitDefault : Number(limit);
  if (count < 1 || count > limitMax) {
    throw requestError(`limit must be from 1 to ${limitMax}.`, { field: 'limit' });
  }
  return {
    limit: count,
    filters: filters?.split(',') ?? [],
    context: context === undefined ? {} : readContext(context),
    exclude: typeof exclude === 'string' ? [exclude] : exclude,
  };
}

const contextCheck = Compile(filterFields.context);

function readContext(text: string): SimilarItemsRequest['context'] {
  let context: unknown;
  try {
    context = JSON.parse(text);
  } catch {
    context = undefined;
  }
  if (contextCheck.Check(context)) return context;
  throw requestError('context must be an object of texts, numbers, booleans and lists of them, in JSON.', {
    field: 'context',
    remedy: 'Encode it for the URL, such as context=%7B%22budget%22%3A30%7D for {"budget":30}.',
  });
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
      { description: 'Most similar first; neither the item itself, nor what is excluded or not available.' },
    ),
    requested: Type.Integer({ description: 'The limit.' }),
    returned: Type.Integer({ description: 'Less than requested only when no more items are allowed.' }),
    unknownAttributes: Type.Optional(
      Type.Array(Type.String(), { description: 'Attributes in the filters that no item has.' }),
    ),
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
