import { describeRoutes } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { oncePerKey } from '@facet/platform';
import {
  buildTitleIndex,
  CatalogResponse,
  ItemsResponse,
  parseSearchQuery,
  respondWithCatalog,
  respondWithItems,
  SearchQuery,
} from '@facet/recommendations';
import { serve } from '../serving.ts';

const describe = describeRoutes({ scope: 'serve', tag: 'catalog' });

/** Adds `GET /v1/catalog` and `GET /v1/items`. */
export function addCatalogRoutes(app: HttpApp): void {
  const { serving } = app;
  const openTitles = oncePerKey(buildTitleIndex);

  app.get(
    '/v1/catalog',
    describe({
      operationId: 'describeCatalog',
      summary: 'Describe the attributes and filters that requests can refer to',
      response: CatalogResponse,
    }),
    () => serve(serving, ({ bundle }) => respondWithCatalog(bundle, serving.settings)),
  );

  app.get(
    '/v1/items',
    describe({
      operationId: 'searchItems',
      summary: 'Search items by title or id',
      description:
        'All words of `query` must occur in the title, in any order. Case and accents make no difference. Without a query, ' +
        'returns the most popular items.',
      querystring: SearchQuery,
      response: ItemsResponse,
    }),
    async (request) => {
      const query = parseSearchQuery(request.query);
      return serve(serving, ({ bundle }) => respondWithItems(query, { bundle, openTitles: () => openTitles(bundle) }));
    },
  );
}
