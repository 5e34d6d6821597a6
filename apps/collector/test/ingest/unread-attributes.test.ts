// cspell:ignore klass clas
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { forTest, temporaryFolder } from '@facet/testing';
import { expect, it } from 'vitest';
import { createTestIngest } from './fixtures.ts';
import type { TestIngest } from './fixtures.ts';

const items = [
  { itemId: 'a', title: 'A', attributes: { klass: 'x', genre: ['crime'], createdAt: '2026-01-01' } },
  { itemId: 'b', attributes: { class: 'y', genre: ['crime'] } },
  { itemId: 'c', available: 'no', attributes: { refused: 1 } },
];

async function start(more: Partial<Parameters<typeof createTestIngest>[0]> = {}): Promise<TestIngest> {
  const spoolFolder = await temporaryFolder();
  return forTest(await createTestIngest({ spoolFolder, ingest: { access: { kind: 'anybody' } }, ...more }));
}

async function put({ app }: TestIngest, payload: object = { items }): Promise<unknown> {
  const response = await app.inject({ method: 'PUT', url: '/v1/items', payload });
  expect(response.statusCode).toBe(202);
  return response.json<{ unreadAttributes?: unknown }>().unreadAttributes;
}

/** Promotes a bundle whose model reads these attributes. The ingest reads its description alone. */
async function promote(artifactsFolder: string, names: readonly string[]): Promise<void> {
  const store = createFolderArtifactStore(artifactsFolder);
  const info = { spec: { itemFeatures: names.map((name) => ({ name })) } };
  const ref = await store.put('bundle', (folder) => writeFile(join(folder, 'bundle.json'), JSON.stringify(info)), {});
  await store.promote(ref);
}

const kept = 'Kept for filters and responses, not read by the model';

it('names the attributes of items that the model of the current bundle does not read', async () => {
  const artifactsFolder = await temporaryFolder();
  let clock = 0;
  const ingest = await start({ artifactsFolder, now: () => clock });
  expect(await put(ingest)).toBeUndefined();
  await promote(artifactsFolder, ['class', 'title']);
  clock = 10_000;
  expect(await put(ingest)).toEqual([
    // A filter of facet.yaml names this attribute.
    { name: 'genre', items: 2, message: `${kept}, which reads class, title.` },
    { name: 'klass', items: 1, suggestion: 'class', message: `${kept}. Did you mean class?` },
  ]);
  expect(await put(ingest, { itemId: 'd', attributes: { class: 'z' } })).toBeUndefined();
  await promote(artifactsFolder, ['genre', 'klass', 'class']);
  clock = 20_000;
  expect(await put(ingest)).toBeUndefined();
});

it('knows the attributes that facet.yaml lists without a bundle', async () => {
  const ingest = await start({ features: ['class', 'genre'] });
  expect(await put(ingest)).toEqual([
    { name: 'klass', items: 1, suggestion: 'class', message: `${kept}. Did you mean class?` },
  ]);
});

it('lists 20 of many attributes, and counts up to 100', async () => {
  const ingest = await start({ features: ['class', 'clas5'] });
  const attributesOf = (item: number): object =>
    Object.fromEntries(Array.from({ length: 15_000 }, (_, index) => [`clas${item * 15_000 + index}`, 1]));
  const payload = { items: [0, 1, 2, 3].map((item) => ({ itemId: `i${item}`, attributes: attributesOf(item) })) };
  const before = performance.now();
  const response = await ingest.app.inject({ method: 'PUT', url: '/v1/items', payload });
  expect(performance.now() - before).toBeLessThan(5_000);
  const { unreadAttributes, unreadAttributesCount } = response.json<Record<string, unknown[]>>();
  expect(unreadAttributes).toHaveLength(20);
  expect(unreadAttributes?.[0]).toMatchObject({ name: 'clas0', suggestion: 'class' });
  // One of the 100 counted attributes is read.
  expect(unreadAttributesCount).toBe(99);
});

it('counts only the items that the log accepts', async () => {
  const ingest = await start({ features: ['class'], recordBytesMax: 1_000 });
  const large = { itemId: 'b', title: 'x'.repeat(2_000), attributes: { klass: 'x' } };
  const one = { itemId: 'a', attributes: { kind: 'x' } };
  expect(await put(ingest, { items: [large, one] })).toMatchObject([{ name: 'kind', items: 1 }]);
});

it('stores items although the current bundle cannot be read', async () => {
  const artifactsFolder = await temporaryFolder();
  const store = createFolderArtifactStore(artifactsFolder);
  await store.promote(await store.put('bundle', (folder) => writeFile(join(folder, 'bundle.json'), '{}'), {}));
  const ingest = await start({ artifactsFolder });
  expect(await put(ingest)).toBeUndefined();
  expect(ingest.logLines.join('')).toContain('cannot read which attributes the current bundle reads');
});
