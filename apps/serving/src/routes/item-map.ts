import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { encodeSafetensors } from '@facet/artifacts';
import type { SafeTensor } from '@facet/artifacts';
import type { BundleView } from '@facet/bundles';
import { describeRoutes, problemError } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { dayMs, utcDay } from '@facet/platform';
import { CatalogAttribute, describeAttributes, describeOrigin, originFields } from '@facet/recommendations';
import { IdentifierSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { findColumn, placeNewItems } from '../item-map/map-columns.ts';
import type { ItemRange } from '../item-map/map-columns.ts';
import { serve } from '../serving.ts';

const describe = describeRoutes({ scope: 'serve', tag: 'catalog' });
const itemsMax = 1_000;
const exampleId = 'eb342103ec0057bad650138446eee7d9';

const ItemMapResponse = Type.Object(
  {
    ...originFields,
    items: Type.Integer({ description: 'N: the map has the items 1 to N. The added items of the delta come last.' }),
    addedItems: Type.Integer({ description: 'The items that the delta adds.' }),
    hasPositions: Type.Boolean({
      description: 'Whether the bundle has a map. If not, rebuild it with facet index.',
    }),
    dataEnd: Type.String({ description: "The end of the bundle's data, RFC 3339." }),
    attributes: Type.Array(CatalogAttribute, { description: 'Attributes that are available as columns.' }),
  },
  {
    title: 'ItemMapResponse',
    description: 'The map and its columns.',
    examples: [
      {
        bundleId: exampleId,
        items: 1682,
        addedItems: 0,
        hasPositions: true,
        dataEnd: '2026-03-01T00:00:00.000Z',
        attributes: [
          { name: 'genre', type: 'text', distinct: 1, values: [{ code: 1, value: 'drama', items: 725 }] },
          { name: 'price', type: 'number', min: 0.5, max: 90 },
        ],
      },
    ],
  },
);

const count = (description: string, example: string) =>
  Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,8}$', description, examples: [example] }));

const ColumnsQuery = Type.Object({
  column: Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 20 })], {
    description:
      '`position`: x and y from −1 to 1, NaN without a position. `popularity`: recent interactions. `firstSeen`: day since ' +
      'the epoch, −1 if unknown. `attribute:NAME`: codes of texts or of first list entries (0: none), numbers (NaN: ' +
      'none), or 0, 1 and 2 for no value, false and true. Repeat the parameter for more columns.',
    examples: ['position'],
  }),
  first: count('The first item. Default: 1.', '1'),
  count: count('The number of items. Default: all from the first item on.', '1000'),
});

const LookupRequest = Type.Object(
  {
    items: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { maxItems: itemsMax })),
    itemIds: Type.Optional(Type.Array(IdentifierSchema, { maxItems: itemsMax })),
  },
  {
    title: 'LookupRequest',
    description: 'Numbers of items on the map, or their ids, or both.',
    examples: [{ itemIds: ['film-1'] }, { items: [1, 2] }],
  },
);

const MapItem = Type.Object(
  {
    item: Type.Integer({ description: 'The number of the item: its row in the columns, from 1.' }),
    itemId: Type.String(),
    title: Type.Optional(Type.String()),
    isAvailable: Type.Boolean(),
    isNew: Type.Boolean({ description: 'Whether the delta adds the item.' }),
    popularity: Type.Number(),
    firstSeen: Type.Union([Type.String(), Type.Null()], { description: 'UTC day.' }),
    position: Type.Union([Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }), Type.Null()]),
    attributes: Type.Record(
      Type.String(),
      Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.String())]),
    ),
  },
  { title: 'MapItem' },
);
type MapItem = Static<typeof MapItem>;

const LookupResponse = Type.Object(
  {
    ...originFields,
    items: Type.Array(Type.Union([MapItem, Type.Null()]), {
      description: 'First those of `items`, then those of `itemIds`, in request order; null for an unknown item.',
    }),
  },
  {
    title: 'LookupResponse',
    description: 'The facts of the items.',
    examples: [
      {
        bundleId: exampleId,
        items: [
          {
            item: 17,
            itemId: 'film-1',
            title: 'The film 1',
            isAvailable: true,
            isNew: false,
            popularity: 12,
            firstSeen: '2026-01-20',
            position: [0.21, -0.4],
            attributes: { genre: 'dance' },
          },
        ],
      },
    ],
  },
);

/** An attribute with values of several types has several columns, and the map shows the first one. */
function firstOfEachName(attributes: readonly CatalogAttribute[]): CatalogAttribute[] {
  return [...new Map(attributes.toReversed().map((attribute) => [attribute.name, attribute])).values()].reverse();
}

/** Adds the routes of the item map: its description, its columns, and the facts of single items. */
export function addItemMap(app: HttpApp): void {
  const { serving } = app;
  app.get(
    '/v1/item-map',
    describe({
      operationId: 'describeItemMap',
      summary: 'Describe the map of the items',
      description: 'The index stage projects the item embeddings to two dimensions: similar items are near each other.',
      response: ItemMapResponse,
    }),
    async () =>
      serve(serving, async ({ bundle }) => ({
        ...describeOrigin(bundle),
        items: bundle.itemCount,
        addedItems: bundle.itemCount - bundle.info.spec.itemCount,
        hasPositions: bundle.positions !== undefined,
        dataEnd: new Date(bundle.info.asOf).toISOString(),
        attributes: firstOfEachName(await describeAttributes(bundle.catalog)),
      })),
  );

  app.get(
    '/v1/item-map/columns',
    {
      config: { scope: 'serve' },
      schema: {
        operationId: 'readItemMapColumns',
        summary: 'Read columns of the map as typed arrays',
        description:
          'Returns a [safetensors](https://github.com/huggingface/safetensors) file with one tensor for each column. Row r is ' +
          'item first + r. The metadata has bundleId, deltaId, first and count. Supports If-None-Match.',
        tags: ['catalog'],
        querystring: ColumnsQuery,
        response: {
          200: {
            description: 'The columns.',
            content: { 'application/octet-stream': { schema: Type.String(), example: '(safetensors)' } },
          },
          304: Type.Null({ description: 'The columns have not changed.' }),
        },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const names = typeof query.column === 'string' ? [query.column] : query.column;
      const body = await serve(serving, async ({ bundle }) => {
        const range = rangeOf(bundle, query);
        const etag = `"${hashOf([bundle.id, bundle.deltaId ?? '', ...names, range.first, range.count])}"`;
        void reply.header('etag', etag).header('cache-control', 'private, no-cache');
        return request.headers['if-none-match'] === etag ? undefined : readColumns(bundle, names, range);
      });
      if (body === undefined) return reply.code(304).send(undefined as never);
      return reply
        .type('application/octet-stream')
        .header(
          'content-length',
          body.reduce((sum, { byteLength }) => sum + byteLength, 0),
        )
        .send(Readable.from(body) as never);
    },
  );

  app.post(
    '/v1/item-map/items',
    describe({
      operationId: 'lookUpItems',
      summary: 'Read the facts of items on the map',
      body: LookupRequest,
      response: LookupResponse,
    }),
    async ({ body }) =>
      serve(serving, async ({ bundle }) => {
        const numbers = (body.items ?? []).map((item) => (item <= bundle.itemCount ? item : undefined));
        const ofIds = (body.itemIds ?? []).map((itemId) => bundle.indexOf(itemId));
        const placed = await placeNewItems(bundle);
        return {
          ...describeOrigin(bundle),
          items: [...numbers, ...ofIds].map((item) =>
            item === undefined ? null : describeMapItem(bundle, placed, item),
          ),
        };
      }),
  );
}

function rangeOf({ itemCount }: BundleView, query: Static<typeof ColumnsQuery>): ItemRange {
  const first = Math.min(Number(query.first ?? 1), itemCount + 1);
  return { first, count: Math.min(Number(query.count ?? itemCount), itemCount + 1 - first) };
}

/** @throws AppError `REQUEST_INVALID` for an unknown column. */
async function readColumns(bundle: BundleView, names: readonly string[], range: ItemRange): Promise<Uint8Array[]> {
  const tensors: Record<string, SafeTensor> = {};
  for (const name of new Set(names)) {
    const read = findColumn(bundle, name);
    if (read === undefined) {
      throw problemError('REQUEST_INVALID', `column ${JSON.stringify(name)} does not exist.`, { field: 'column' });
    }
    tensors[name] = await read(bundle, range);
  }
  const { first, count: rows } = range;
  const facts = { bundleId: bundle.id, deltaId: bundle.deltaId ?? '', first: String(first), count: String(rows) };
  return encodeSafetensors(tensors, facts);
}

function describeMapItem(bundle: BundleView, placed: Float32Array, item: number): MapItem {
  const own = bundle.info.spec.itemCount;
  const { itemId, title, attributes } = bundle.itemAt(item);
  const [x, y] = item > own ? placed.subarray(2 * (item - own - 1)) : (bundle.positions?.subarray(2 * item) ?? []);
  const firstSeen = bundle.firstSeenOn(item);
  return {
    item,
    itemId,
    title,
    isAvailable: !bundle.unavailable.has(item),
    isNew: item > own,
    popularity: bundle.popularityOf(item),
    firstSeen: firstSeen === undefined ? null : utcDay(firstSeen * dayMs),
    position: x === undefined || y === undefined || Number.isNaN(x) || Number.isNaN(y) ? null : [x, y],
    attributes: attributes as MapItem['attributes'],
  };
}

const hashOf = (facts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(facts)).digest('base64url').slice(0, 27);
