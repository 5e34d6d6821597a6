import type { BundleView } from '@facet/bundles';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { describeOrigin, originFields } from '../response.ts';
import { strictQueryField } from '../request-fields.ts';
import type { TitleIndex } from './title-index.ts';

/** The query of the routes that search items and users. All values of a URL query are text. */
export const SearchQuery = Type.Object({
  query: Type.Optional(Type.String({ maxLength: 256, examples: ['film 7'] })),
  limit: Type.Optional(
    Type.String({ pattern: '^([1-9][0-9]?|100)$', description: 'From 1 to 100. Default: 20.', examples: ['5'] }),
  ),
  strict: strictQueryField,
});
export type SearchQuery = Static<typeof SearchQuery>;

export interface SearchRequest {
  readonly query: string;
  readonly limit: number;
}

export function parseSearchQuery({ query = '', limit = '20' }: SearchQuery): SearchRequest {
  return { query, limit: Number(limit) };
}

const FoundCatalogItem = Type.Object(
  {
    itemId: Type.String(),
    title: Type.Optional(Type.String()),
    available: Type.Boolean({ description: 'Whether the item may be recommended.' }),
  },
  { title: 'FoundCatalogItem' },
);

export const ItemsResponse = Type.Object(
  {
    ...originFields,
    items: Type.Array(FoundCatalogItem, {
      description: 'Best match first; of equal matches, the most popular item first.',
    }),
  },
  {
    title: 'ItemsResponse',
    description: 'Items of the catalog.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        items: [{ itemId: 'film-7', title: 'The film 7', available: true }],
      },
    ],
  },
);
export type ItemsResponse = Static<typeof ItemsResponse>;

/**
 * Finds items by title or id. An item with exactly this id comes first. Without a query, returns the most popular items.
 *
 * @param openTitles returns the index of the titles. Building it takes a second for a million items, so it is called only if needed.
 */
export async function respondWithItems(
  { query, limit }: SearchRequest,
  { bundle, openTitles }: { readonly bundle: BundleView; readonly openTitles: () => Promise<TitleIndex> },
): Promise<ItemsResponse> {
  const wanted = query.trim();
  const exact = bundle.indexOf(wanted);
  const matching =
    wanted === '' ? firstOf(bundle.itemsByPopularity(), limit) : await (await openTitles()).search(wanted, limit);
  const items = exact === undefined ? matching : [exact, ...matching.filter((item) => item !== exact)];
  return {
    ...describeOrigin(bundle),
    items: items.slice(0, limit).map((item) => ({
      itemId: bundle.idOf(item),
      title: bundle.titleOf(item),
      available: !bundle.unavailable.has(item),
    })),
  };
}

function firstOf<Value>(values: Iterable<Value>, count: number): Value[] {
  const first: Value[] = [];
  for (const value of values) {
    if (first.length === count) break;
    first.push(value);
  }
  return first;
}
