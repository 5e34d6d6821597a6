/** @module-tag full */
import { createFolderArtifactStore } from '@facet/artifacts';
import type { CatalogItem } from '@facet/bundles';
import { startMilvus } from '@facet/local-services';
import { forFile } from '@facet/testing';
import { expect, it, vi } from 'vitest';
import { createHome, films, putBundle, putDeltaOf } from './fixtures.ts';
import { startTestServer } from './test-server.ts';
import type { TestServer } from './test-server.ts';

/**
 * With 5,000 items, searching a graph is cheaper than scanning the items that a wide filter allows. Their attributes differ, because
 * a graph cannot tell equal vectors apart.
 */
const catalog: CatalogItem[] = [
  ...films.slice(0, 58),
  ...Array.from({ length: 5_000 }, (_, index) => ({
    itemId: `song-${index}`,
    title: `The song ${index}`,
    attributes: {
      genre: ['crime', 'dance', 'opera', 'space', 'blues'][index % 5]!,
      mood: `mood-${index % 7}`,
      label: `label-${index % 11}`,
      city: `city-${index % 13}`,
    },
  })),
];
/** A busy machine fills a collection in a minute. */
const patiently = { timeout: 120_000, interval: 50 };

const home = forFile(await createHome());
const milvus = forFile(await startMilvus());
await promote(21);

async function promote(seed: number): Promise<string> {
  const store = createFolderArtifactStore(home.artifactsFolder);
  const ref = await putBundle(home, { items: catalog, seed, indexKind: 'hnsw' });
  await store.promote(ref);
  return ref.id;
}

const serve = (): Promise<TestServer> =>
  startTestServer(home, {
    milvus: { address: milvus.address, tokenFile: undefined, tls: undefined, searchMsMax: 10_000 },
  });

async function valueOf(server: TestServer, metric: string): Promise<number> {
  const line = (await server.metrics()).find((one) => one.startsWith(`${metric} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}
const found = (server: TestServer) => valueOf(server, 'facet_serving_milvus_searches_total{outcome="milvus"}');
const untilSearched = (server: TestServer): Promise<void> =>
  vi.waitFor(async () => expect(await valueOf(server, 'facet_serving_milvus_waiting_bundles')).toBe(0), patiently);
const linesOf = ({ logLines }: TestServer, text: string) => logLines.filter(({ msg }) => String(msg).startsWith(text));
const idsOf = ({ items }: { readonly items: readonly { readonly itemId: string }[] }) =>
  items.map(({ itemId }) => itemId);

it('fills a collection while the bundle is searched in process, then finds the same items in Milvus', async () => {
  const server = await serve();
  const requests = [
    { userId: 'ada', limit: 20 },
    { behaviors: ['film-1', 'film-5'], limit: 20 },
    { userId: 'ada', limit: 20, filter: { attributes: { genre: { in: ['crime', 'dance', 'opera', 'space'] } } } },
  ];
  const inProcess = await Promise.all(requests.map((request) => server.ask(request)));
  await untilSearched(server);
  const before = await found(server);
  const inMilvus = await Promise.all(requests.map((request) => server.ask(request)));
  expect(await found(server)).toBe(before + 3);
  inMilvus.forEach((response, at) => {
    expect(response.source).toEqual({ kind: 'model' });
    const expected = new Set(idsOf(inProcess[at]!));
    expect(idsOf(response).filter((itemId) => expected.has(itemId)).length).toBeGreaterThanOrEqual(18);
  });
  expect(inMilvus[2]!.items.some(({ itemId }) => /^song-\d*[49]$/.test(itemId))).toBe(false);
  expect(linesOf(server, 'collection filled')).toMatchObject([{ items: catalog.length }]);
});

it('finds new items of a delta, and no withdrawn ones', async () => {
  const server = await serve();
  await untilSearched(server);
  const bundle = (await server.ask({})).bundleId;
  const nearest = idsOf(await server.ask({ userId: 'ada', limit: 20 }))[0]!;
  const added = { itemId: 'new-song', title: 'The new song', attributes: { genre: 'crime' } };
  await putDeltaOf(home, { kind: 'bundle', id: bundle }, [
    ...catalog.filter(({ itemId }) => itemId !== nearest),
    added,
  ]);
  await vi.waitFor(async () => expect((await server.ask({})).deltaId).toBeDefined(), patiently);
  const before = await found(server);
  const response = await server.ask({ userId: 'ada', limit: 20 });
  expect(await found(server)).toBe(before + 1);
  expect(idsOf(response)).not.toContain(nearest);
  expect(response.items).toHaveLength(20);
});

it('swaps bundles without waiting for Milvus, and searches each in its own collection', async () => {
  const server = await serve();
  await untilSearched(server);
  const previous = (await server.ask({})).bundleId;
  const next = await promote(22);
  await vi.waitFor(async () => expect((await server.ask({})).bundleId).toBe(next), patiently);
  const inProcess = new Set(idsOf(await server.ask({ userId: 'ada', limit: 20 })));
  await untilSearched(server);
  const before = await found(server);
  const response = await server.ask({ userId: 'ada', limit: 20 });
  expect(response.bundleId).toBe(next);
  expect(await found(server)).toBe(before + 1);
  expect(idsOf(response).filter((itemId) => inProcess.has(itemId)).length).toBeGreaterThanOrEqual(18);
  await createFolderArtifactStore(home.artifactsFolder).rollback({ by: 'test', reason: 'test' });
  await vi.waitFor(async () => expect((await server.ask({})).bundleId).toBe(previous), patiently);
  await untilSearched(server);
  // The collection of the previous bundle is complete, so it is not filled again.
  expect(linesOf(server, 'collection filled')).toHaveLength(1);
  expect(linesOf(server, 'unused collection dropped')).toEqual([]);
});

it('responds without interruption while Milvus is killed, returns to it, and fills an emptied one', async () => {
  const server = await serve();
  await untilSearched(server);
  const ask = () => server.ask({ userId: 'ada', limit: 20 });
  const before = await ask();
  await milvus.kill();
  for (let request = 0; request < 8; request++) {
    const response = await ask();
    expect(response.source).toEqual({ kind: 'model' });
    expect(idsOf(response).filter((itemId) => idsOf(before).includes(itemId)).length).toBeGreaterThanOrEqual(18);
  }
  expect(linesOf(server, 'Milvus cannot be used')).toHaveLength(1);
  expect(await valueOf(server, 'facet_serving_milvus_waiting_bundles')).toBe(1);
  await milvus.start();
  await untilSearched(server);
  expect(linesOf(server, 'Milvus responds again')).toHaveLength(1);
  expect(linesOf(server, 'collection filled')).toEqual([]);

  await milvus.kill();
  await milvus.empty();
  await ask();
  await milvus.start();
  await vi.waitFor(() => expect(linesOf(server, 'collection filled')).toHaveLength(1), patiently);
  await untilSearched(server);
  const sent = await found(server);
  await ask();
  expect(await found(server)).toBe(sent + 1);
});

it('starts while Milvus is down', async () => {
  await milvus.kill();
  const server = await serve();
  expect((await server.ask({ userId: 'ada', limit: 20 })).items).toHaveLength(20);
  await vi.waitFor(() => expect(linesOf(server, 'Milvus cannot be used')).toHaveLength(1), patiently);
  await milvus.start();
  await untilSearched(server);
});
