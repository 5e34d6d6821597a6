import type { components } from '@facet/client/serving-api';
import { queryOptions } from '@tanstack/react-query';
import { dataOf, fetchApi, serving, servingQuery } from '../../api/fetch-api.ts';
import type { Column } from './point-layer.ts';

export type ItemMap = components['schemas']['ItemMapResponse'];
export type MapItem = components['schemas']['MapItem'];

/** Often enough to notice a new bundle or delta. */
const refreshMs = 30_000;

export const mapQuery = servingQuery('/v1/item-map', {}, { refetchInterval: refreshMs });

/** Reads one column of all items. It changes only with the bundle and the delta. */
export const columnQuery = ({ bundleId, deltaId }: ItemMap, name: string) =>
  queryOptions({
    queryKey: ['item-map', bundleId, deltaId ?? null, 'column', name],
    queryFn: async ({ signal }): Promise<Column> => {
      const query = new URLSearchParams({ column: name });
      const response = await fetchApi(`/api/serving/v1/item-map/columns?${query}`, { signal });
      return readColumn(await response.arrayBuffer(), name);
    },
    staleTime: Number.POSITIVE_INFINITY,
    // Columns of large catalogs are large.
    gcTime: 60_000,
  });

interface Entry {
  readonly dtype: string;
  readonly data_offsets: readonly [number, number];
}

/** Returns a column of a safetensors file as a view of its bytes: header length (u64), JSON header, data. */
function readColumn(file: ArrayBuffer, name: string): Column {
  const headerBytes = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, headerBytes))) as Record<string, Entry>;
  const {
    dtype,
    data_offsets: [begin, end],
  } = header[name]!;
  const [start, bytes] = [8 + headerBytes + begin, end - begin];
  if (dtype === 'F32') return new Float32Array(file, start, bytes / 4);
  if (dtype === 'I32') return new Int32Array(file, start, bytes / 4);
  return new Uint8Array(file, start, bytes);
}

const lookUp = async (body: { readonly items?: number[]; readonly itemIds?: string[] }) =>
  (await dataOf(serving.POST('/v1/item-map/items', { body }))).items;

/** Reads the facts of items by their numbers on the map, from 1. */
export const itemsQuery = ({ bundleId, deltaId }: ItemMap, numbers: readonly number[]) =>
  queryOptions({
    queryKey: ['item-map', bundleId, deltaId ?? null, 'items', numbers],
    queryFn: () => lookUp({ items: [...numbers] }),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Reads one item by its id, and the items that are most similar to it. */
export const neighborsQuery = (itemId: string) =>
  queryOptions({ queryKey: ['item-map', 'neighbors', itemId], queryFn: () => readNeighbors(itemId) });

export type Neighbors = Awaited<ReturnType<typeof readNeighbors>>;

async function readNeighbors(itemId: string) {
  const params = { path: { itemId }, query: { limit: '12' } };
  const similar = await dataOf(serving.GET('/v1/items/{itemId}/similar', { params }));
  const [item = null, ...found] = await lookUp({ itemIds: [itemId, ...similar.items.map((other) => other.itemId)] });
  const neighbors = similar.source.kind === 'model' ? found.filter((other) => other !== null) : [];
  return { item, neighbors };
}

/** Reads the interests and behaviors of a user, with the positions of their items. */
export const userOnMapQuery = (userId: string) =>
  queryOptions({ queryKey: ['item-map', 'user', userId], queryFn: () => readUser(userId) });

export type UserOnMap = Awaited<ReturnType<typeof readUser>>;

async function readUser(userId: string) {
  const body = { userId, nearest: 10, coupling: true };
  const { interests, coupling, source } = await dataOf(serving.POST('/v1/interests', { body }));
  const behaviors = coupling?.behaviors ?? [];
  const ids = new Set([...interests.flatMap(({ nearest }) => nearest), ...behaviors].map(({ itemId }) => itemId));
  const items = await lookUp({ itemIds: [...ids].slice(0, 1_000) });
  const itemOf = new Map(items.flatMap((item) => (item === null ? [] : [[item.itemId, item]])));
  return {
    source,
    interests: interests.map(({ interest, labels, nearest }) => ({
      interest,
      label: labels.map(({ value }) => value).join(', '),
      nearest: nearest.flatMap(({ itemId }) => itemOf.get(itemId) ?? []),
    })),
    /** The behaviors that the model reads, each with its strongest interest. */
    behaviors: behaviors.flatMap(({ itemId, coefficients }) => {
      const item = itemOf.get(itemId);
      return item === undefined ? [] : [{ item, interest: coefficients.indexOf(Math.max(...coefficients)) + 1 }];
    }),
  };
}
