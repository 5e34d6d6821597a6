import { IdentifierSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { ResponseContext } from './context.ts';
import { collectExclusions, findAllowedItems, findPopularItems } from './exclusions.ts';
import { filterFields, resolveFilters } from './filters.ts';
import type { RequestContext } from './filters.ts';
import { findNearestItems } from './find-items.ts';
import type { FoundItem } from './find-items.ts';
import { limitDefault, limitMax } from './lists/recommendations-schema.ts';
import { requestError, strictQueryField } from './request-fields.ts';
import {
  describeItem,
  describeOrigin,
  findTitle,
  listUnknownAttributes,
  originFields,
  ResponseSource,
  ScoredItem,
  unknownAttributesField,
} from './response.ts';
import { noSpans } from './spans.ts';

/** All values of a URL query are text. */
export const SimilarItemsQuery = Type.Object({
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `From 1 to ${limitMax}. Default: ${limitDefault}.`,
      examples: ['5'],
    }),
  ),
  filters: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2_000,
      description: 'Names of filters declared in facet.yaml, separated by commas. Items must pass all of them.',
      examples: ['affordable'],
    }),
  ),
  context: Type.Optional(
    Type.String({
      maxLength: 4_000,
      description: 'The situation of the request, as a JSON object. Named filters may refer to its fields.',
      examples: ['{"budget":30}'],
    }),
  ),
  include: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2_000,
      description: 'Attributes to return with each item, separated by commas.',
      examples: ['price,brand'],
    }),
  ),
  exclude: Type.Optional(
    Type.Union([IdentifierSchema, Type.Array(IdentifierSchema, { maxItems: 100 })], {
      description: 'An item never to return. Repeat the parameter for more items.',
      examples: ['film-7'],
    }),
  ),
  strict: strictQueryField,
});
export type SimilarItemsQuery = Static<typeof SimilarItemsQuery>;

/** @throws AppError `REQUEST_INVALID` for a context that is not a JSON object. */
export function parseSimilarItemsQuery(query: SimilarItemsQuery) {
  const { limit, filters, context, exclude = [], include } = query;
  return {
    limit: limit === undefined ? limitDefault : Number(limit),
    filters: filters?.split(',') ?? [],
    context: context === undefined ? {} : parseContext(context),
    exclude: typeof exclude === 'string' ? [exclude] : exclude,
    include: include?.split(','),
  };
}

const contextCheck = Compile(filterFields.context);

function parseContext(text: string): RequestContext {
  let context: unknown;
  try {
    context = JSON.parse(text);
  } catch {
    context = undefined;
  }
  if (contextCheck.Check(context)) return context;
  throw requestError('context must be a JSON object of texts, numbers, booleans and lists of them.', {
    field: 'context',
    remedy: 'Encode the JSON for the URL, such as context=%7B%22budget%22%3A30%7D for {"budget":30}.',
  });
}

export const SimilarItemsResponse = Type.Object(
  {
    ...originFields,
    itemId: Type.String(),
    title: Type.Optional(Type.String()),
    source: ResponseSource,
    items: Type.Array(ScoredItem, {
      description: 'Most similar item first. Never the item itself, an excluded item or an unavailable item.',
    }),
    requested: Type.Integer({ description: 'The limit.' }),
    returned: Type.Integer({ description: 'Less than requested only if no more items are allowed.' }),
    unknownAttributes: unknownAttributesField,
  },
  {
    title: 'SimilarItemsResponse',
    description: 'The similar items.',
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
export type SimilarItemsResponse = Static<typeof SimilarItemsResponse>;

/**
 * Returns the items nearest to one item by embedding. New items have an embedding of their attributes. An item without an
 * embedding gets popular items instead.
 *
 * @throws AppError `REQUEST_INVALID` for an undeclared filter, and for a missing context field.
 */
export async function respondWithSimilarItems(
  request: ReturnType<typeof parseSimilarItemsQuery> & { readonly itemId: string },
  { bundle, settings, spans = noSpans }: Pick<ResponseContext, 'bundle' | 'settings' | 'spans'>,
): Promise<SimilarItemsResponse> {
  const { itemId, limit } = request;
  const filters = resolveFilters(request, settings.filters);
  spans.start('filters');
  const allowed = findAllowedItems(bundle, filters);
  spans.stop();
  const exclusions = collectExclusions(bundle, { exclude: [itemId, ...request.exclude], seen: [] }, allowed);
  const item = bundle.indexOf(itemId);
  const embedding =
    item === undefined ? undefined : bundle.vectorOf(item).slice(0, bundle.info.spec.config.embeddingDim);
  let source: ResponseSource = { kind: 'model' };
  let found: readonly FoundItem[];
  spans.start('search');
  if (embedding?.some((value) => value !== 0) === true) {
    // The index has one more coordinate if the model has a popularity prior.
    const vector = new Float32Array(bundle.info.index.dim);
    vector.set(embedding);
    found = await findNearestItems(bundle, vector, { limit, exclude: exclusions.own, allowed });
  } else {
    const reason = item === undefined ? 'unknown_item' : 'no_features';
    ({ source, found } = findPopularItems(bundle, { limit, exclusions, allowed, reason }));
  }
  spans.start('render');
  const response = {
    ...describeOrigin(bundle),
    itemId,
    title: findTitle(bundle, itemId),
    source,
    items: found.map((similar) => describeItem(bundle, similar, request.include)),
    requested: limit,
    returned: found.length,
    unknownAttributes: listUnknownAttributes(bundle, allowed?.unknownAttributes, request.include),
  };
  spans.stop();
  return response;
}
