import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { createFolderArtifactStore } from '@facet/artifacts';
import { isSameResponse } from '@facet/recommendations';
import { appOfFile, createHome, createTestApp, films, homeOfFile, openLive, putBundle } from './fixtures.ts';

interface Page {
  recommendationId: string;
  bundleId: string;
  source: object;
  items: { itemId: string; score: number; reasons?: unknown[] }[];
  interests?: unknown[];
  position: number;
  requested: number;
  returned: number;
  removed: Record<string, number>;
  nextCursor?: string;
}

const home = await homeOfFile();
const server = await appOfFile(home);

async function ask(body: Record<string, unknown>): Promise<Page> {
  const response = await server.post('/v1/recommendations', body);
  expect(response.statusCode, JSON.stringify(response.body)).toBe(200);
  return response.body as unknown as Page;
}

async function allPages(first: Page): Promise<Page[]> {
  const pages = [first];
  while (pages.at(-1)!.nextCursor !== undefined) pages.push(await ask({ cursor: pages.at(-1)!.nextCursor }));
  return pages;
}

it.each(['ada', 'stranger'])('splits the list of %s into pages', async (userId) => {
  const whole = await ask({ userId, limit: 37, explain: true });
  const pages = await allPages(await ask({ userId, limit: 37, pageSize: 10, explain: true }));
  expect(pages.flatMap(({ items }) => items)).toEqual(whole.items);
  expect(pages.map(({ position }) => position)).toEqual([0, 10, 20, 30]);
  expect(pages.map(({ returned }) => returned)).toEqual([10, 10, 10, 7]);
  expect(new Set(pages.map(({ recommendationId }) => recommendationId)).size).toBe(1);
  expect(pages.map(({ requested }) => requested)).toEqual([37, 37, 37, 37]);
});

it('lets a page have another size, and be fetched again', async () => {
  const { nextCursor, items } = await ask({ userId: 'ada', limit: 20, pageSize: 5 });
  const next = await ask({ cursor: nextCursor, pageSize: 15 });
  expect(next.returned).toBe(15);
  expect(next.nextCursor).toBeUndefined();
  expect(await ask({ cursor: nextCursor, pageSize: 15 })).toEqual(next);
  expect(new Set([...items, ...next.items].map(({ itemId }) => itemId)).size).toBe(20);
});

it('compares cursors by content instead of compression', async () => {
  const first = await ask({ userId: 'ada', limit: 20, pageSize: 5 });
  const text = JSON.stringify(first);
  const sequence = gunzipSync(Buffer.from(first.nextCursor!, 'base64url')).toString();
  const withCursor = (json: string): string =>
    JSON.stringify({ ...first, nextCursor: gzipSync(json, { level: 9 }).toString('base64url') });
  const packed = withCursor(sequence);
  expect(packed).not.toBe(text);
  expect(isSameResponse(packed, text)).toBe(true);
  expect(isSameResponse(withCursor(sequence.replace('"position":5', '"position":6')), text)).toBe(false);
  expect(isSameResponse(JSON.stringify({ ...first, nextCursor: 'of another version' }), text)).toBe(false);
  expect(isSameResponse(JSON.stringify({ ...first, returned: 4 }), text)).toBe(false);
});

it('refuses a forged cursor with unbounded names', async () => {
  const { nextCursor } = await ask({ userId: 'ada', limit: 20, pageSize: 5 });
  const sequence = JSON.parse(gunzipSync(Buffer.from(nextCursor!, 'base64url')).toString()) as {
    items: [string, number, number][];
  };
  const [[itemId, score]] = sequence.items as [[string, number, number]];
  for (const change of [
    { items: [[itemId, score, 1e9]] },
    { items: [[itemId, score, -1]] },
    { bundleId: 'b'.repeat(1000) },
    { recommendationId: 'r'.repeat(1000) },
    { arms: { made: 'a'.repeat(1000) } },
    { userHash: 'no hash' },
  ]) {
    const cursor = gzipSync(JSON.stringify({ ...sequence, ...change })).toString('base64url');
    const { statusCode, body } = await server.post('/v1/recommendations', { cursor });
    expect({ statusCode, body, change }).toMatchObject({ statusCode: 400, body: { field: 'cursor' } });
  }
});

it('refuses a small cursor that unpacks to a large text', async () => {
  const { nextCursor } = await ask({ userId: 'ada', limit: 20, pageSize: 5 });
  const text = gunzipSync(Buffer.from(nextCursor!, 'base64url')).toString();
  const statusOf = async (spaces: number): Promise<number> => {
    const cursor = gzipSync(`${text}${' '.repeat(spaces)}`).toString('base64url');
    return (await server.post('/v1/recommendations', { cursor })).statusCode;
  };
  expect(await statusOf(1)).toBe(200);
  expect(await statusOf(8 << 20)).toBe(400);
});

it('refuses damaged cursors and other text', async () => {
  const { nextCursor } = await ask({ userId: 'ada', limit: 20, pageSize: 5 });
  const middle = nextCursor!.length >> 1;
  const damaged = `${nextCursor!.slice(0, middle)}${nextCursor![middle] === 'A' ? 'B' : 'A'}${nextCursor!.slice(middle + 1)}`;
  for (const cursor of ['nonsense', damaged, nextCursor!.slice(0, -8), 'H4sIAAAAAAAAA6tWUlCyUqoFAA']) {
    const { statusCode, body } = await server.post('/v1/recommendations', { cursor });
    expect(statusCode).toBe(400);
    expect(body).toMatchObject({ code: 'REQUEST_INVALID', field: 'cursor' });
  }
});

it('returns no unknown fields of a forged cursor, and creates no metric labels', async () => {
  const { nextCursor } = await ask({ userId: 'ada', limit: 20, pageSize: 5 });
  const sequence = JSON.parse(gunzipSync(Buffer.from(nextCursor!, 'base64url')).toString()) as { items: unknown[][] };
  const packed = (changes: object): string =>
    gzipSync(JSON.stringify({ ...sequence, ...changes })).toString('base64url');
  const [[itemId, score]] = sequence.items as [[string, number]];
  for (const changes of [{ items: [[itemId, score, -1]] }, { position: 1e15 }, { pageSize: 0.5 }, { requested: -1 }]) {
    const { statusCode } = await server.post('/v1/recommendations', { cursor: packed(changes) });
    expect(statusCode, JSON.stringify(changes)).toBe(400);
  }
  const reasons = [[{ itemId: 'film-1', share: 1, more: 1 }]];
  const given = { kind: 'model', more: 1 };
  const { items, source } = await ask({ cursor: packed({ items: [[itemId, score, 0]], reasons, source: given }) });
  expect(source).toEqual({ kind: 'model' });
  expect(items[0]!.reasons).toEqual([{ itemId: 'film-1', title: 'The film 1', share: 1 }]);
  for (const arms of [{ 'two\nlines': 1 }, { ['x'.repeat(129)]: 'arm' }]) {
    expect((await server.post('/v1/recommendations', { cursor: packed({ arms }) })).statusCode).toBe(400);
  }
  expect(await ask({ cursor: packed({ arms: { made: 'up' } }) })).toMatchObject({ arms: { made: 'up' } });
  expect(await server.metrics.registry.metrics()).not.toContain('experiment="made"');
});

it('keeps the list after a swap, without items that have become unavailable', async () => {
  const own = await createHome();
  const app = await createTestApp(own);
  const opened = await openLive(own, { live: app.live, metrics: app.metrics, logger: app.logger });
  try {
    const post = async (body: object): Promise<Page> =>
      (await app.post('/v1/recommendations', body)).body as unknown as Page;
    const whole = await post({ userId: 'ada', limit: 30 });
    const first = await post({ userId: 'ada', limit: 30, pageSize: 10 });
    const withdrawn = whole.items[12]!.itemId;
    const items = films.map((film) => (film.itemId === withdrawn ? { ...film, available: false } : film));
    const ref = await putBundle(own, { items, seed: 12 });
    await createFolderArtifactStore(own.artifactsFolder).promote(ref);
    expect(await opened.watcher.check()).toMatchObject({ to: ref.id });
    const second = await post({ cursor: first.nextCursor });
    expect(second).toMatchObject({
      bundleId: own.bundleRef.id,
      recommendationId: first.recommendationId,
      position: 10,
    });
    const expected = whole.items.filter(({ itemId }) => itemId !== withdrawn).slice(10, 20);
    expect(second.items).toEqual(expected);
    expect(second.removed['unavailable']).toBe(1);
    expect((await post({ userId: 'ada' })).bundleId).toBe(ref.id);
  } finally {
    await app.close();
    await opened.close();
    await own.remove();
  }
});
