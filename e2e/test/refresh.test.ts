/** @module-tag full */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFacetProcess, startRedis } from '@facet/local-services';
import type { FacetProcess, LocalRedis } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { folderOfFile, toJsonLines } from '@facet/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { calendarDay, poisoned, purchasesOn, things } from './changing-shop.ts';
import type { Purchase } from './changing-shop.ts';
import { facet, facetJson } from './facet.ts';

const config = `
interactions: { positives: purchase }
split: { testDays: 7, validationDays: 7 }
model: { embeddingDim: 16, hiddenUnits: [32], sequenceLength: 30 }
training: { epochs: 4, windowDays: 14 }
refresh: { cron: 'off', promoteWithinHours: 6 }
`;
/** Days of the shop before the first refresh. */
const days = 50;

interface Run {
  readonly run: { readonly runId: string };
  readonly state: string;
  readonly reason?: string;
  readonly stages: readonly {
    readonly stage: string;
    readonly state: string;
    readonly outputs?: { readonly bundleId?: string; readonly modelId?: string; readonly [name: string]: unknown };
  }[];
}

let redis: LocalRedis;
const folder = folderOfFile();
const processes: FacetProcess[] = [];
const apiKey = createApiKey();
const urls = { trainer: '', serving: '' };

/** Starts an app on the home of the test. */
async function start(app: string, env: Record<string, string> = {}): Promise<string> {
  const started = await startFacetProcess({
    app,
    env: {
      FACET_HOME: join(folder, 'home'),
      FACET_CONFIG: join(folder, 'facet.yaml'),
      FACET_LOG_LEVEL: 'warn',
      ...env,
    },
  });
  processes.push(started);
  return started.url;
}

beforeAll(async () => {
  redis = await startRedis({ persistent: true });
  await writeFile(join(folder, 'facet.yaml'), config);
  await writeFile(join(folder, 'items.jsonl'), toJsonLines(things));
  await addApiKey(join(folder, 'home', 'keys.yaml'), {
    name: 'test',
    scopes: ['serve', 'admin'],
    sha256: hashApiKey(apiKey),
  });
  await importPurchases(Array.from({ length: days }, (_, day) => purchasesOn(day)).flat(), ['--items', 'items.jsonl']);
  const queue = { FACET_QUEUE_URL: redis.url };
  urls.trainer = await start('trainer', queue);
  await start('indexer', { ...queue, FACET_DELTA_SECONDS: '1' });
}, 120_000);

afterAll(async () => {
  await Promise.all(processes.map((process) => process.stop()));
  await redis.stop();
});

/** Imports purchases. */
async function importPurchases(purchases: readonly Purchase[], more: readonly string[] = []): Promise<void> {
  await writeFile(join(folder, 'events.jsonl'), toJsonLines(purchases));
  await facetJson(folder, ['import', '--events', 'events.jsonl', ...more, '--home', 'home']);
}

async function request<Body>(url: string, body?: unknown): Promise<Body> {
  const response = await fetch(url, {
    headers: { 'x-api-key': apiKey, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${url} responded with ${response.status}: ${await response.text()}`);
  return (await response.json()) as Body;
}

/** Requests the refresh of a day, and waits until the run ends. */
async function refresh(day: number): Promise<Run> {
  const { run } = await request<Run>(`${urls.trainer}/v1/refreshes`, { day: calendarDay(day) });
  const response = await fetch(`${urls.trainer}/v1/refreshes/${run.runId}/events`, {
    headers: { 'x-api-key': apiKey },
  });
  // The stream of events ends with the run.
  const events = await response.text();
  expect(events).toMatch(/^event: report\n/);
  return request<Run>(`${urls.trainer}/v1/refreshes/${run.runId}`);
}

function outputsOf({ stages }: Run, stage: string): Record<string, unknown> {
  return stages.find((record) => record.stage === stage)?.outputs ?? {};
}

interface RecommendationsResponse {
  readonly bundleId: string;
  readonly deltaId?: string;
  readonly items: readonly { readonly itemId: string }[];
}

const recommend = (limit = 10): Promise<RecommendationsResponse> =>
  request<RecommendationsResponse>(`${urls.serving}/v1/recommendations`, { userId: 'customer4', limit });

it('refreshes two days through the queue, the second by a warm start, and rejects a poisoned third day', async () => {
  const first = await refresh(days - 1);
  expect([first.state, first.reason]).toEqual(['promoted', undefined]);
  expect(outputsOf(first, 'train')['start']).toBe('full');
  const firstBundle = outputsOf(first, 'index')['bundleId'];
  urls.serving = await start('serving');
  expect((await recommend()).bundleId).toBe(firstBundle);

  // The next day has no data.
  expect((await refresh(days)).state).toBe('skipped');

  await importPurchases(purchasesOn(days + 1));
  const second = await refresh(days + 1);
  expect([second.state, second.reason]).toEqual(['promoted', undefined]);
  expect(outputsOf(second, 'train')).toMatchObject({ start: 'warm', warmFrom: outputsOf(first, 'train')['modelId'] });
  expect(outputsOf(second, 'gate')).toMatchObject({ incumbentId: firstBundle, verdict: 'pass' });
  const secondBundle = outputsOf(second, 'index')['bundleId'];
  // Serving loads the promoted bundle automatically.
  await vi.waitFor(async () => expect((await recommend()).bundleId).toBe(secondBundle), { timeout: 30_000 });

  await importPurchases(poisoned(purchasesOn(days + 2)));
  const third = await refresh(days + 2);
  expect(third.state).toBe('rejected');
  expect(third.reason).not.toBe('');
  const rejected = outputsOf(third, 'index')['bundleId'];
  expect(rejected).not.toBe(secondBundle);
  expect((await recommend()).bundleId).toBe(secondBundle);

  // The runs are recorded. A person can promote the rejected bundle and roll back.
  const { runs } = await facetJson<{ runs: Run[] }>(folder, ['runs', '--home', 'home']);
  expect(runs.map(({ state }) => state)).toEqual(['rejected', 'promoted', 'skipped', 'promoted']);
  const refused = await facet(folder, ['promote', String(rejected), '--home', 'home']);
  expect(refused.code).not.toBe(0);
  await facetJson(folder, ['promote', String(rejected), '--reason', 'the test says so', '--home', 'home']);
  await vi.waitFor(async () => expect((await recommend()).bundleId).toBe(rejected), { timeout: 30_000 });
  await facetJson(folder, ['rollback', '--home', 'home']);
  await vi.waitFor(async () => expect((await recommend()).bundleId).toBe(secondBundle), { timeout: 30_000 });
}, 420_000);

it('between two refreshes a new item becomes eligible and similar to its kind, and a withdrawn item disappears', async () => {
  const changed = [
    { itemId: 'garden-new', title: 'A garden thing that just came', attributes: { department: 'garden' } },
    { ...things[0]!, available: false },
  ];
  await writeFile(join(folder, 'changed.jsonl'), toJsonLines(changed));
  await writeFile(join(folder, 'events.jsonl'), toJsonLines(purchasesOn(0).slice(0, 1)));
  await facetJson(folder, ['import', '--events', 'events.jsonl', '--items', 'changed.jsonl', '--home', 'home']);
  await vi.waitFor(
    async () => {
      const { items, deltaId } = await recommend(1_000);
      const ids = items.map(({ itemId }) => itemId);
      expect(deltaId).toBeDefined();
      expect(ids).toContain('garden-new');
      expect(ids).not.toContain(things[0]!.itemId);
    },
    { timeout: 60_000, interval: 500 },
  );
  // The popularity prior ranks items without interactions last, so the test checks the vector of the new item instead.
  const similar = await request<RecommendationsResponse>(`${urls.serving}/v1/items/garden-new/similar?limit=10`);
  expect(similar.items.map(({ itemId }) => itemId.split('-')[0])).toEqual(Array(10).fill('garden'));
}, 90_000);
