import { viewSafetensors } from '@facet/artifacts';
import type { Safetensors } from '@facet/artifacts';
import { expect, it } from 'vitest';
import { appOfFile, createHome, createTestApp, films, homeOfFile, openLive, putDeltaOf } from './fixtures.ts';

const home = await homeOfFile();
const server = await appOfFile(home);

interface MapItem {
  readonly item: number;
  readonly itemId: string;
  readonly isNew: boolean;
  readonly position: readonly [number, number] | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

async function readColumns(query: string, headers: Record<string, string> = {}) {
  const response = await server.app.inject({ method: 'GET', url: `/v1/item-map/columns?${query}`, headers });
  const bytes = response.rawPayload;
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  return { response, file: (): Safetensors => viewSafetensors(file, 'the response') };
}

async function lookUp(body: object): Promise<(MapItem | null)[]> {
  return (await server.post('/v1/item-map/items', body)).body['items'] as (MapItem | null)[];
}

it('describes the map and the values of its attributes', async () => {
  const response = await server.app.inject('/v1/item-map');
  expect(response.json()).toEqual({
    bundleId: home.bundleRef.id,
    items: 60,
    addedItems: 0,
    hasPositions: true,
    dataEnd: '2026-03-01T00:00:00.000Z',
    attributes: [
      {
        name: 'genre',
        type: 'text',
        distinct: 4,
        values: ['crime', 'dance', 'opera', 'space'].map((value, at) => ({ code: at + 1, value, items: 15 })),
      },
    ],
  });
});

it('returns typed arrays that agree with the facts of single items', async () => {
  const { response, file } = await readColumns('column=position&column=popularity&column=attribute:genre');
  expect(response.headers['content-type']).toBe('application/octet-stream');
  const { tensors, metadata } = file();
  expect(metadata).toEqual({ bundleId: home.bundleRef.id, deltaId: '', first: '1', count: '60' });
  expect(Object.values(tensors).map(({ dtype, shape }) => [dtype, shape])).toEqual(
    expect.arrayContaining([
      ['F32', [60, 2]],
      ['F32', [60]],
      ['I32', [60]],
    ]),
  );
  const genres = ['', 'crime', 'dance', 'opera', 'space'];
  const items = await lookUp({ items: Array.from({ length: 60 }, (_, row) => row + 1) });
  items.forEach((item, row) => {
    const position = [...tensors['position']!.data.subarray(2 * row, 2 * row + 2)];
    expect(item!.position).toEqual(Number.isNaN(position[0]) ? null : position);
    expect(item!.attributes['genre']).toBe(genres[Number(tensors['attribute:genre']!.data[row])]);
  });
  expect(items.at(-1)!.position).toBeNull();
});

it('returns a range of items', async () => {
  const { tensors, metadata } = (await readColumns('column=firstSeen&first=58&count=100')).file();
  expect(metadata).toMatchObject({ first: '58', count: '3' });
  expect(tensors['firstSeen']!.shape).toEqual([3]);
  expect((await readColumns('column=popularity&first=1000')).file().tensors['popularity']!.shape).toEqual([0]);
});

it('does not send unchanged columns again', async () => {
  const { etag } = (await readColumns('column=position')).response.headers;
  const again = await readColumns('column=position', { 'if-none-match': String(etag) });
  expect(again.response.statusCode).toBe(304);
  expect(again.response.rawPayload).toHaveLength(0);
  expect(again.response.headers['content-length']).toBeUndefined();
  expect((await readColumns('column=popularity', { 'if-none-match': String(etag) })).response.statusCode).toBe(200);
});

it('looks up items by number and id, and responds null for unknown ones', async () => {
  const [first, none, byId, unknown] = await lookUp({ items: [1, 61], itemIds: ['film-3', 'film-x'] });
  expect([none, unknown]).toEqual([null, null]);
  expect(first).toMatchObject({ item: 1, isNew: false });
  expect(byId).toMatchObject({ itemId: 'film-3', title: 'The film 3', attributes: { genre: 'space' } });
});

it('refuses columns that do not exist', async () => {
  for (const query of ['column=price', 'column=attribute:price', 'column=__proto__', 'first=1']) {
    expect((await readColumns(query)).response.statusCode, query).toBe(400);
  }
});

it('places the new items of a delta next to similar items', async () => {
  const own = await createHome();
  const app = await createTestApp(undefined);
  try {
    const added = { itemId: 'film-new', title: 'A new film', attributes: { genre: 'space' } };
    await putDeltaOf(own, own.bundleRef, [...films, added]);
    const opened = await openLive(own, { live: app.live, metrics: app.metrics, logger: app.logger });
    const { body } = await app.post('/v1/item-map/items', { itemIds: ['film-new'] });
    const [item] = body['items'] as MapItem[];
    expect(item).toMatchObject({ item: 61, isNew: true });
    expect(item!.position![1]).toBe(0.5);
    expect(Math.abs(item!.position![0])).toBeLessThanOrEqual(1);
    expect((await app.app.inject('/v1/item-map')).json()).toMatchObject({ items: 61, addedItems: 1 });
    await app.app.close();
    await opened.close();
  } finally {
    await own.remove();
  }
});
