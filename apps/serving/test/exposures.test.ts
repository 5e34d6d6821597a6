import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createFolderArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import { hashUser } from '@facet/schemas';
import { readExposures } from '@facet/exposures';
import type { ExposureRecord } from '@facet/exposures';
import type { UserProfile } from '@facet/profiles';
import { respondWithRecommendations, renderResponse } from '@facet/recommendations';
import type { ResponseContext, RecommendationsRequest } from '@facet/recommendations';
import { createLogger } from '@facet/platform';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ExposureRecorder } from '../src/exposures/exposures.ts';
import { startServing } from '../src/start-serving.ts';
import type { RunningServer } from '../src/start-serving.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { createHome, createTestApp, putBundle } from './fixtures.ts';
import type { Home } from './fixtures.ts';

let home: Home;
let server: RunningServer | undefined;

beforeEach(async () => {
  home = await createHome();
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  await home.remove();
});

let url = '';
const metrics = async (): Promise<string[]> => (await (await fetch(`${url}/metrics`)).text()).split('\n');

/** Starts the server on a facet.yaml. */
async function start(yaml: string): Promise<(body: object) => Promise<Record<string, unknown>>> {
  const facetFile = join(home.folder, 'facet.yaml');
  await writeFile(facetFile, yaml);
  const logger = createLogger({ name: 'test', level: 'silent' });
  const settings = {
    redisUrl: undefined,
    redisFiles: {},
    milvus: undefined,
    facetFile,
    watchIntervalMs: 20,
    processes: 1,
    recallShare: 0,
    trendsIntervalMs: 100,
    tracing: undefined,
    host: '127.0.0.1',
    port: 0,
  };
  server = await startServing({ home: home.home, ...settings, access: 'anybody', logLevel: 'silent' }, { logger });
  url = await server.listening;
  await server.ready;
  return async (body) => {
    const response = await fetch(`${url}/v1/recommendations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    sent.push(text);
    return JSON.parse(text) as Record<string, unknown>;
  };
}

/** The response texts, as received. */
let sent: string[] = [];
beforeEach(() => {
  sent = [];
});

const filesIn = async (folder: string): Promise<string[]> => (await readdir(folder, { recursive: true })).sort();

const exposuresFolder = (): string => join(home.folder, 'exposures');

/** Closes the server and returns its records. */
async function recorded(): Promise<ExposureRecord[]> {
  await server!.close();
  server = undefined;
  const records: ExposureRecord[] = [];
  for await (const some of readExposures(exposuresFolder())) records.push(...some);
  return records;
}

it('records the propensities of drawn new items, by the request, the arm or facet.yaml', async () => {
  const ask = await start(`
serving: { explore: { share: 0.5, maxAgeDays: 3650 } }
experiments:
  - name: explore
    arms: { control: { explore: { share: 1, maxAgeDays: 3650 } }, same: { explore: { share: 1, maxAgeDays: 3650 } } }`);
  const byRequest = await ask({ userId: 'ada', limit: 8, pageSize: 4, explore: { share: 0.25, maxAgeDays: 3650 } });
  const rest = await ask({ cursor: byRequest['nextCursor'] });
  const byArm = await ask({ userId: 'ada', limit: 4 });
  const byFile = await ask({ limit: 4, behaviors: ['film-3'] });
  const off = await ask({ userId: 'ada', limit: 4, explore: { share: 0 } });
  const itemsOf = (...pages: Record<string, unknown>[]) =>
    pages.flatMap(({ items }) => items as { reason?: string; propensity?: number }[]);
  const reserved = (...pages: Record<string, unknown>[]) =>
    itemsOf(...pages).flatMap(({ reason, propensity }) => (reason === 'new' ? [propensity] : []));
  // The pool has five items for each reserved slot.
  expect(reserved(byRequest, rest)).toEqual([0.2, 0.2]);
  expect(reserved(byArm)).toEqual([0.2, 0.2, 0.2, 0.2]);
  expect(reserved(byFile)).toEqual([0.2, 0.2]);
  expect(reserved(off)).toEqual([]);
  const records = await recorded();
  const recordOf = ({ recommendationId }: Record<string, unknown>) =>
    records.filter((record) => record.recommendationId === recommendationId);
  const logged = recordOf(byRequest).flatMap(({ items, propensities }) => propensities ?? items.map(() => null));
  expect(logged).toEqual(itemsOf(byRequest, rest).map(({ propensity = null }) => propensity));
  expect(recordOf(off).map(({ propensities }) => propensities)).toEqual([undefined]);
});

it('records each page, with items and their interests', async () => {
  const ask = await start('exposures: { sampledShare: 0 }');
  const first = await ask({ userId: 'ada', limit: 7, pageSize: 4, merge: { by: 'round-robin' } });
  const second = await ask({ cursor: first['nextCursor'] });
  await ask({ userId: 'stranger', limit: 2 });
  const records = await recorded();
  expect(records).toHaveLength(3);
  const idsOf = (response: Record<string, unknown>) =>
    (response['items'] as { itemId: string }[]).map((item) => item.itemId);
  expect(records[0]).toMatchObject({
    recommendationId: first['recommendationId'],
    bundleId: home.bundleRef.id,
    userId: 'ada',
    arms: {},
    source: { kind: 'model' },
    merge: { by: 'round-robin' },
    items: idsOf(first),
    interests: (first['items'] as { interest: number }[]).map(({ interest }) => interest - 1),
    offset: 0,
  });
  expect(records[1]).toMatchObject({
    recommendationId: first['recommendationId'],
    userHash: hashUser('ada'),
    source: { kind: 'model' },
    merge: { by: 'round-robin' },
    items: idsOf(second),
    offset: 4,
  });
  expect(records[1]).not.toHaveProperty('userId');
  expect(records[2]).toMatchObject({ source: { kind: 'popular', reason: 'unknown_user' }, interests: [null, null] });
  expect(records.every(({ sampled }) => sampled === undefined)).toBe(true);
});

it('does not record a response that timed out', async () => {
  const records: ExposureRecord[] = [];
  const writer = {
    append: (record: ExposureRecord) => records.push(record) > 0,
    counts: { written: 0, dropped: 0, waitingBytes: 0 },
    close: async () => undefined,
  };
  const logger = createLogger({ name: 'test', level: 'silent' });
  const recorder = new ExposureRecorder({ writer, metrics: createMetrics(), logger });
  const { post, loaded, metrics, close } = await createTestApp(home, { recorder });
  onTestFinished(close);
  const { read } = loaded!.profiles;
  let finish = (): void => undefined;
  const slow = vi.spyOn(loaded!.profiles, 'read').mockImplementationOnce(async (userId) => {
    await new Promise<void>((resolve) => (finish = resolve));
    return read(userId);
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const timedOut = post('/v1/recommendations', { userId: 'ada' });
  await vi.waitUntil(() => slow.mock.calls.length === 1);
  vi.advanceTimersByTime(60_000);
  expect(await timedOut).toMatchObject({ statusCode: 503, body: { code: 'RESPONSE_TIMED_OUT' } });
  vi.useRealTimers();
  finish();
  const finished = 'facet_serving_responses_total{kind="recommendations",source="model",reason=""} 1';
  await vi.waitFor(async () => expect(await metrics.registry.metrics()).toContain(finished), { timeout: 30_000 });
  expect(records).toEqual([]);
  expect((await post('/v1/recommendations', { userId: 'ada' })).statusCode).toBe(200);
  expect(records).toHaveLength(1);
});

it('replays a sampled response byte for byte', async () => {
  const ask = await start(
    'exposures: { sampledShare: 1, recordStateless: true }\nserving: { merge: { by: round-robin } }',
  );
  const bodies: RecommendationsRequest[] = [
    { userId: 'ada', limit: 12, explain: true },
    { userId: 'ben', behaviors: ['film-17'], filter: { attributes: { genre: { notIn: ['opera'] } } } },
    { behaviors: ['film-1', 'film-2'], profile: { age: 'old' }, pageSize: 3 },
    { userId: 'stranger' },
  ];
  for (const body of bodies) await ask(body);
  const records = await recorded();
  const store = createFolderArtifactStore(home.artifactsFolder);
  for (const [position, { recommendationId, bundleId, sampled }] of records.entries()) {
    const { body, ...context } = sampled!.request as Pick<ResponseContext, 'settings'> & {
      body: RecommendationsRequest;
    };
    const bundle = await loadBundle(store, { kind: 'bundle', id: bundleId });
    const profile = sampled!.profile as UserProfile | undefined;
    const response = await respondWithRecommendations(body, {
      ...context,
      bundle,
      readProfile: async () => ({ profile, isAvailable: true }),
      recommendationId,
      now: sampled!.now,
    });
    bundle.close();
    expect(sampled!.response).toBe(sent[position]);
    expect(renderResponse(response)).toBe(sent[position]);
  }
});

it('stores nothing of a request without a userId', async () => {
  const ask = await start(`
exposures: { sampledShare: 1 }
experiments:
  - name: look-ahead
    shadow: { wide: { breadth: 400 } }
`);
  const behaviors = ['film-1', 'film-17', 'film-23'];
  const first = await ask({ behaviors, profile: { age: 'old' }, limit: 6, pageSize: 3 });
  expect(first).toMatchObject({ source: { kind: 'model' }, returned: 3 });
  await ask({ cursor: first['nextCursor'] });
  await ask({ behaviors, timings: true, explain: true });
  await ask({ limit: 3 });
  const before = await filesIn(home.folder);
  expect(await recorded()).toEqual([]);
  expect(await filesIn(home.folder)).toEqual(before);
  expect(before.filter((name) => /exposures|serving/.test(name))).toEqual([]);
});

it('records nothing of a request with record: false, or of a page with it', async () => {
  const ask = await start('exposures: { sampledShare: 1 }');
  const first = await ask({ userId: 'ada', limit: 6, pageSize: 3, record: false });
  await ask({ cursor: first['nextCursor'], record: false });
  expect(await recorded()).toEqual([]);
});

it('writes lines of the size documented in docs/operations.md', async () => {
  const docs = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const sizes = /(\d+) bytes, (\d+) more for a further page, and the id and (\d+) bytes for each item/.exec(docs)!;
  const [ofFirst = 0, ofFurther = 0, ofItem = 0] = sizes.slice(1).map(Number);
  const ask = await start('exposures: { sampledShare: 0 }');
  const { nextCursor } = await ask({ userId: 'ada', limit: 50, pageSize: 40 });
  await ask({ cursor: nextCursor });
  await ask({ userId: 'ben', limit: 5 });
  const records = await recorded();
  expect(records).toHaveLength(3);
  for (const record of records) {
    const bytesOfItems = record.items.reduce((sum, id) => sum + id.length + ofItem, 0);
    const rest = Buffer.byteLength(JSON.stringify(record)) + 1 - bytesOfItems;
    const expected = ofFirst + (record.offset > 0 ? ofFurther : 0);
    expect(Math.abs(rest - expected)).toBeLessThan(0.05 * expected);
  }
});

it('records nothing when disabled, but removes days older than the retention', async () => {
  await mkdir(join(exposuresFolder(), 'dt=2020-01-01'), { recursive: true });
  const ask = await start('exposures: { enabled: false }');
  await ask({ userId: 'ada' });
  expect(await recorded()).toEqual([]);
  expect(await readdir(exposuresFolder())).toEqual([]);
});

describe('experiments', () => {
  it('serve each user with the arm, name the arm, and record it', async () => {
    const other = await putBundle(home, { seed: 12 });
    const ask = await start(`
exposures: { sampledShare: 0 }
experiments:
  - name: bundle-test
    arms: { control: {}, other: { bundle: ${other.id} } }
  - name: merge-test
    arms: { control: {}, turns: { merge: { by: round-robin } } }
`);
    const responses: Record<string, unknown>[] = [];
    for (let user = 0; user < 20; user++) responses.push(await ask({ userId: `user-${user}`, behaviors: ['film-1'] }));
    const armOf = (response: Record<string, unknown>, name: string) =>
      (response['arms'] as Record<string, string>)[name];
    expect(new Set(responses.map((response) => armOf(response, 'bundle-test')))).toEqual(new Set(['control', 'other']));
    for (const response of responses) {
      const expected = armOf(response, 'bundle-test') === 'other' ? other.id : home.bundleRef.id;
      expect(response['bundleId']).toBe(expected);
    }
    const again = await ask({ userId: 'user-3', behaviors: ['film-1'] });
    expect(again['arms']).toEqual(responses[3]!['arms']);
    expect(await ask({ behaviors: ['film-1'] })).not.toHaveProperty('arms');
    const records = await recorded();
    expect(records.slice(0, 20).map(({ arms }) => arms)).toEqual(responses.map(({ arms }) => arms));
    const turns = records.filter(({ arms }) => arms['merge-test'] === 'turns');
    expect(turns.length).toBeGreaterThan(3);
    for (const { merge } of turns) expect(merge).toEqual({ by: 'round-robin' });
  });

  it('keep the arm on further pages, and count the list once', async () => {
    const ask = await start(`
experiments:
  - name: merge-test
    arms: { control: {}, turns: { merge: { by: round-robin } } }
`);
    const first = await ask({ userId: 'user-1', behaviors: ['film-1'], limit: 9, pageSize: 3 });
    const second = await ask({ cursor: first['nextCursor'] });
    const third = await ask({ cursor: second['nextCursor'] });
    const counted = (await metrics()).filter((line) => line.startsWith('facet_serving_arm_responses_total'));
    expect(counted).toEqual([expect.stringMatching(/ 1$/)]);
    const records = await recorded();
    expect(records.map(({ offset }) => offset)).toEqual([0, 3, 6]);
    for (const { arms } of [first, second, third, ...records]) expect(arms).toEqual(first['arms']);
    expect(new Set(records.map(({ merge }) => JSON.stringify(merge))).size).toBe(1);
  });

  it('add no arm of a forged cursor to the metrics', async () => {
    const ask = await start('exposures: { sampledShare: 0 }');
    const { nextCursor } = await ask({ userId: 'ada', limit: 6, pageSize: 3 });
    const sequence = JSON.parse(gunzipSync(Buffer.from(String(nextCursor), 'base64url')).toString()) as object;
    const made = gzipSync(JSON.stringify({ ...sequence, arms: { made: 'up' } })).toString('base64url');
    expect(await ask({ cursor: made })).toMatchObject({ arms: { made: 'up' } });
    const counted = (await metrics()).filter((line) => line.startsWith('facet_serving_arm_responses_total'));
    expect(counted).toEqual([]);
  });

  it('let no user enter an arm whose bundle cannot be loaded', async () => {
    const ask = await start(`
experiments:
  - name: bundle-test
    arms: { control: {}, other: { bundle: ${'f'.repeat(32)} } }
`);
    const arms: unknown[] = [];
    for (let user = 0; user < 10; user++) arms.push((await ask({ userId: `user-${user}` }))['arms']);
    expect(arms).toContainEqual({ 'bundle-test': 'control' });
    expect(arms).toContainEqual(undefined);
    expect(arms).not.toContainEqual({ 'bundle-test': 'other' });
  });

  it('record shadow arms without showing them', async () => {
    const other = await putBundle(home, { seed: 12 });
    const ask = await start(`
exposures: { sampledShare: 0 }
experiments:
  - name: look-ahead
    shadow: { other: { bundle: ${other.id} } }
`);
    const response = await ask({ userId: 'ada', limit: 5 });
    expect(response['bundleId']).toBe(home.bundleRef.id);
    expect(response).not.toHaveProperty('arms');
    const [record] = await recorded();
    expect(record!.shadow).toEqual([
      {
        experiment: 'look-ahead',
        arm: 'other',
        bundleId: other.id,
        items: expect.any(Array),
        interests: expect.any(Array),
      },
    ]);
    expect(record!.shadow![0]!.items).toHaveLength(5);
    expect(record!.shadow![0]!.items).not.toEqual(record!.items);
  });
});
