import { appendFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { ClientError, createServingClient } from '@facet/client/serving';
import { changeRecords, readItems, upsertItems } from '@facet/lake';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { facet, facetJson, startFacet } from './facet.ts';
import type { Ended } from './facet.ts';
import { departmentOf, folderOfFile, serveForTest, shopFiles, writeShop } from '@facet/testing';

interface RecommendationsResponse {
  readonly recommendationId: string;
  readonly source: { readonly kind: string; readonly reason?: string };
  readonly bundleId: string;
  readonly items: readonly { readonly itemId: string; readonly interest?: number }[];
}

/** What `facet demo --json` prints. */
interface DemoDocument {
  readonly home: string;
  readonly bundleId: string;
  readonly reused: readonly string[];
  readonly evaluation: {
    readonly methods: readonly {
      readonly name: string;
      readonly new: { readonly recall: { readonly mean: number } };
    }[];
  };
  readonly users: readonly {
    readonly userId: string;
    readonly interests: readonly {
      readonly theme: readonly string[];
      readonly formedBy: readonly { readonly itemId: string }[];
    }[];
  }[];
}

const folder = folderOfFile();
const demo = ['demo', '--no-serve', ...shopFiles];
let first: Ended;
let second: Ended;
let document: DemoDocument;
let home = '';
let bundleId = '';

beforeAll(async () => {
  await writeShop(folder);
  await appendFile(join(folder, 'facet.yaml'), 'exposures: { sampledShare: 1 }\n');
  first = await facet(folder, demo);
  second = await facet(folder, [...demo, '--json']);
  if (second.code !== 0) throw new Error(first.err + second.err);
  document = JSON.parse(second.out) as DemoDocument;
  ({ home, bundleId } = document);
}, 300_000);

/** Tries again after 503, which serving returns if a busy machine delays a response for too long. */
async function ask(url: string, body: object, key?: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(key === undefined ? {} : { 'x-api-key': key }) };
  const request = { method: 'POST', headers, body: JSON.stringify(body) };
  return vi.waitUntil(
    async () => {
      const response = await fetch(`${url}/v1/recommendations`, request);
      return response.status !== 503 && response;
    },
    { timeout: 60_000, interval: 200 },
  );
}

const patient = { timeoutMs: 20_000, giveUpAfterMs: 60_000 };

it('facet demo runs the whole path on own files, separates interests, and repeats no work', () => {
  expect(first).toMatchObject({ code: 0, signal: undefined });
  for (const stage of ['import', 'dataset', 'train', 'evaluate', 'index']) {
    expect(first.err).toMatch(new RegExp(`^${stage} .*\\d m?s$`, 'm'));
  }
  expect(first.err).not.toContain('already done');
  expect(first.out).toMatch(/interest model +0\.\d{4}/);
  expect(first.out).toMatch(/recommends/);

  expect(second.err.match(/already done/g)).toHaveLength(5);
  expect(document.reused).toEqual(['dataset', 'train', 'evaluate', 'index']);
  expect(document.home).toMatch(/^\.facet\/events-[0-9a-f]{8}$/);

  const recall = (name: string): number =>
    document.evaluation.methods.find((method) => method.name.startsWith(name))!.new.recall.mean;
  expect(recall('interest model')).toBeGreaterThan(1.2 * recall('popularity'));

  expect(document.users).toHaveLength(3);
  for (const { interests } of document.users) {
    // Customers prefer two departments: each interest is one of them, and the interests differ.
    const departments = interests.map(({ formedBy }) => formedBy.map(({ itemId }) => departmentOf(itemId)));
    for (const items of departments) {
      expect(items.filter((item) => item === items[0]).length).toBeGreaterThan(items.length / 2);
    }
    expect(new Set(departments.map((items) => items[0])).size).toBeGreaterThan(1);
  }
});

describe('facet serve', () => {
  it('responds to requests with the key, refuses others, and exits with 0 on SIGTERM', async () => {
    const server = startFacet(folder, ['serve', '--home', home, '--port', '0', '--json']);
    const [printed] = await server.sees(/^\{"home".*\}$/m);
    const { url, apiKey, bundleId: served } = JSON.parse(printed) as { url: string; apiKey: string; bundleId: string };
    expect(served).toBe(bundleId);

    expect((await ask(url, { userId: 'u1' })).status).toBe(401);
    expect((await ask(url, { userId: 'u1' }, 'facet_wrong')).status).toBe(401);
    const response = await ask(url, { userId: 'u1', limit: 5 }, apiKey);
    expect(response.status).toBe(200);
    const recommended = (await response.json()) as RecommendationsResponse;
    expect(recommended.source).toEqual({ kind: 'model' });
    expect(recommended.items).toHaveLength(5);

    const local = await facetJson<RecommendationsResponse>(folder, [
      'recommend',
      '--user',
      'u1',
      '--limit',
      '5',
      '--home',
      home,
    ]);
    expect(recommended.items.map(({ itemId }) => itemId)).toEqual(local.items.map(({ itemId }) => itemId));

    const keys = await facetJson<{ keys: { name: string; scopes: string[] }[] }>(folder, [
      'keys',
      'list',
      '--home',
      home,
    ]);
    expect(keys.keys).toMatchObject([{ name: 'facet-serve', scopes: ['serve', 'admin'] }]);
    const metrics = await fetch(`${url}/metrics`, { headers: { 'x-api-key': apiKey } });
    expect(metrics.status).toBe(200);

    const stranger = (await (
      await ask(url, { userId: 'unknown', limit: 3 }, apiKey)
    ).json()) as RecommendationsResponse;
    expect(stranger.source).toMatchObject({ kind: 'popular', reason: 'unknown_user' });

    server.child.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, signal: undefined });
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();

    const replay = ['recommendations', 'replay', recommended.recommendationId, '--home', home];
    expect(await facetJson(folder, replay)).toMatchObject({
      isSame: true,
      bundleId,
      response: { items: recommended.items },
    });
    expect(await facetJson(folder, [...replay, '--bundle', bundleId.slice(0, 8)])).toMatchObject({
      kept: 5,
      after: bundleId,
    });
    const unknown = await facet(folder, ['recommendations', 'replay', 'no-such-response', '--home', home, '--json']);
    expect(unknown.code).toBe(3);
    expect(JSON.parse(unknown.out)).toMatchObject({ error: { code: 'REPLAY_UNKNOWN' } });
  });

  it('serves the client: lists, pages, batches, interests and similar items', async () => {
    const server = startFacet(folder, ['serve', '--home', home, '--port', '0', '--json']);
    const [printed] = await server.sees(/^\{"home".*\}$/m);
    const { url, apiKey } = JSON.parse(printed) as { url: string; apiKey: string };
    const client = createServingClient({ url, key: apiKey, ...patient });

    const whole = await client.recommend({ userId: 'u1', limit: 12, merge: { by: 'round-robin' }, explain: true });
    expect(whole).toMatchObject({ source: { kind: 'model' }, bundleId, returned: 12 });
    const items: unknown[] = [];
    const request = { userId: 'u1', limit: 12, merge: { by: 'round-robin' }, explain: true } as const;
    for await (const page of client.pages({ ...request, pageSize: 5 })) items.push(...page.items);
    expect(items).toEqual(whole.items);

    const { responses } = await client.recommendBatch({ users: [{ userId: 'u1' }, { userId: 'u2' }], limit: 3 });
    expect(responses.map((response) => 'items' in response && response.items.length)).toEqual([3, 3]);
    const { interests, interestCount } = await client.describeInterests({ userId: 'u1', nearest: 2 });
    expect(interests).toHaveLength(interestCount);
    const similar = await client.findSimilarItems('music-1', { limit: 4 });
    expect(similar.items.map(({ itemId }) => itemId)).toHaveLength(4);

    const refused = await client.recommend({ limit: 5_000 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ClientError);
    expect(refused).toMatchObject({ code: 'REQUEST_INVALID', field: 'limit', remedy: expect.any(String) });
    const stranger = createServingClient({ url, key: 'facet_wrong', ...patient });
    await expect(stranger.recommend({ userId: 'u1' })).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('accepts the keys of FACET_API_KEYS_FILE, each within its scopes', { tags: 'full' }, async () => {
    const create = ['keys', 'create', '--file', 'team.yaml'];
    const { apiKey } = await facetJson<{ apiKey: string }>(folder, [...create, '--name', 'app', '--scope', 'serve']);
    const sender = await facetJson<{ apiKey: string }>(folder, [...create, '--name', 'web', '--scope', 'ingest']);
    const server = startFacet(folder, ['serve', '--home', home, '--port', '0', '--json'], {
      FACET_API_KEYS_FILE: 'team.yaml',
    });
    const [printed] = await server.sees(/^\{"home".*\}$/m);
    const { url, apiKey: made } = JSON.parse(printed) as { url: string; apiKey: string | null };
    expect(made).toBeNull();
    expect((await ask(url, { userId: 'u1' }, apiKey)).status).toBe(200);
    expect((await ask(url, { userId: 'u1' }, sender.apiKey)).status).toBe(403);
    expect((await fetch(`${url}/metrics`, { headers: { 'x-api-key': apiKey } })).status).toBe(403);
  });

  it('stops the serving process on Ctrl-C', { tags: 'full' }, async () => {
    const server = startFacet(folder, ['serve', '--home', home, '--port', '0', '--insecure', '--json']);
    const [printed] = await server.sees(/^\{"home".*\}$/m);
    const { url, apiKey } = JSON.parse(printed) as { url: string; apiKey: string | null };
    expect(apiKey).toBeNull();
    expect((await ask(url, { userId: 'u1' })).status).toBe(200);
    server.child.kill('SIGINT');
    const { code, err } = await server.ended;
    expect(code).toBe(130);
    expect(err).not.toMatch(/ {4}at |error:/);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it('leaves no serving process behind when it is killed', { tags: 'full' }, async () => {
    const server = startFacet(folder, ['serve', '--home', home, '--port', '0', '--insecure', '--json']);
    const [printed] = await server.sees(/^\{"home".*\}$/m);
    const { url } = JSON.parse(printed) as { url: string };
    server.child.kill('SIGKILL');
    await server.ended;
    await vi.waitFor(async () => expect(fetch(`${url}/healthz`)).rejects.toThrow(), { timeout: 10_000, interval: 100 });
  });

  it('names a port in use and the remedy', { tags: 'full' }, async () => {
    const { port } = new URL(await serveForTest(createServer()));
    const { code, err } = await facet(folder, ['serve', '--home', home, '--port', port]);
    expect(code).toBe(5);
    expect(err).toMatch(new RegExp(`error: Port ${port} .*in use.*--port`));
  });
});

describe('facet delta', () => {
  it(
    'makes a new item eligible and similar to its kind, and removes a withdrawn item, within seconds',
    { tags: 'full' },
    async () => {
      const server = startFacet(folder, ['serve', '--home', home, '--port', '0', '--insecure', '--json']);
      const [printed] = await server.sees(/^\{"home".*\}$/m);
      const { url } = JSON.parse(printed) as { url: string };
      const recommendAll = async (): Promise<string[]> => {
        const response = await ask(url, { userId: 'u1', limit: 100, excludeSeen: false });
        return ((await response.json()) as RecommendationsResponse).items.map(({ itemId }) => itemId);
      };
      expect(await recommendAll()).toContain('garden-1');
      const catalog = join(folder, home, 'catalog');
      const before = await readItems(catalog);
      onTestFinished(async () => {
        await changeRecords(
          'items',
          catalog,
          new Map([['garden-new', undefined], ...before.map((item) => [item.itemId, item] as const)]),
        );
        await facet(folder, ['delta', '--home', home]);
      });
      await upsertItems(catalog, [
        { itemId: 'garden-1', available: false, attributes: {} },
        { itemId: 'garden-new', title: 'The newest garden thing', attributes: { department: 'garden' } },
      ]);
      const delta = await facetJson<object>(folder, ['delta', '--home', home]);
      expect(delta).toMatchObject({ bundleId, isNew: true, added: 1, withdrawn: 1 });
      await vi.waitFor(async () => expect(await recommendAll()).toContain('garden-new'), {
        timeout: 10_000,
        interval: 100,
      });
      expect(await recommendAll()).not.toContain('garden-1');
      // The popularity prior ranks items without interactions last, so the test checks the vector of the new item instead.
      const client = createServingClient({ url, key: 'none', ...patient });
      const similar = await client.findSimilarItems('garden-new', { limit: 4 });
      expect(similar.items.map(({ itemId }) => itemId.split('-')[0])).toEqual(Array(4).fill('garden'));
      expect(await facetJson<object>(folder, ['delta', '--home', home])).toMatchObject({ isNew: false });
    },
  );
});

describe('facet recommend', () => {
  it('recommends popular items to unknown users and for unknown items', { tags: 'full' }, async () => {
    const unknown = await facetJson<RecommendationsResponse>(folder, [
      'recommend',
      '--user',
      'unknown',
      '--home',
      home,
    ]);
    expect(unknown.source).toMatchObject({ kind: 'popular', reason: 'unknown_user' });
    const items = await facetJson<RecommendationsResponse>(folder, [
      'recommend',
      '--behaviors',
      'no-such-item',
      '--home',
      home,
    ]);
    expect(items.source).toMatchObject({ kind: 'popular', reason: 'no_known_items' });
  });
});

describe('a corrupt bundle', () => {
  it('is refused with the name of its file, by the command line and by the API', { tags: 'full' }, async () => {
    const file = join(folder, home, 'artifacts', 'bundle', bundleId, 'index.faiss');
    await appendFile(file, 'x');
    for (const command of [
      ['recommend', '--user', 'u1'],
      ['serve', '--port', '0'],
    ]) {
      const { code, err } = await facet(folder, [...command, '--home', home]);
      expect(err).toMatch(/error: .*index\.faiss/);
      expect(code).toBe(4);
    }
    // The same inputs rebuild the bundle.
    const { bundleId: rebuilt } = await facetJson<{ bundleId: string }>(folder, ['index', '--home', home]);
    expect(rebuilt).toBe(bundleId);
    expect((await facet(folder, ['recommend', '--user', 'u1', '--home', home])).code).toBe(0);
  });
});
