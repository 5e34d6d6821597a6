import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEventClient } from '@facet/client';
import type { createTracker, Tracker } from '@facet/client/browser';
import { connectKafka, fetchExtents, readRecords, topicNames } from '@facet/kafka';
import { requireService, startFacetProcess, startKafka } from '@facet/local-services';
import type { FacetProcess, LocalKafka } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { folderOfFile } from '@facet/testing';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

/** The globals of the page. */
declare global {
  var facet: { createTracker: typeof createTracker };
  var tracker: Tracker;
}

const keys = { server: createApiKey(), browser: createApiKey() };
let kafka: LocalKafka;
const folder = folderOfFile();
let site: Server;
let siteUrl: string;
let collector: FacetProcess;
let browser: Browser | undefined;

beforeAll(async () => {
  [kafka, site] = await Promise.all([startKafka(), startSite()]);
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const keysFile = join(folder, 'keys.yaml');
  await addApiKey(keysFile, { name: 'server', scopes: ['ingest', 'admin'], sha256: hashApiKey(keys.server) });
  await addApiKey(keysFile, {
    name: 'browser',
    scopes: ['ingest'],
    sha256: hashApiKey(keys.browser),
    origins: [siteUrl],
  });
  collector = await startCollector();
});
afterEach(async () => {
  if (!collector.isRunning) collector = await startCollector();
});
afterAll(async () => {
  await browser?.close();
  site?.close();
  await collector?.stop();
  await kafka?.stop();
});

const topics = topicNames('client-test');

function startCollector(): Promise<FacetProcess> {
  return startFacetProcess({
    app: 'collector',
    args: ['ingest'],
    port: collector?.port,
    env: {
      FACET_HOME: folder,
      FACET_KAFKA_BROKERS: kafka.brokers.join(','),
      FACET_TOPIC_PREFIX: 'client-test',
      FACET_LOG_LEVEL: 'warn',
    },
  });
}

/** Serves a page that loads the bundled tracker. */
async function startSite(): Promise<Server> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['@facet/source', 'browser'] },
    build: {
      write: false,
      lib: { entry: fileURLToPath(import.meta.resolve('@facet/client/browser')), formats: ['iife'], name: 'facet' },
    },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (output === undefined || !('output' in output)) throw new Error('vite made no bundle');
  const page = `<!doctype html><title>Shop</title><script>${output.output[0].code}</script>`;
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page));
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  return server;
}

async function readTopic(topic: string): Promise<{ key: string; value: Record<string, unknown> | null }[]> {
  const connection = connectKafka({ brokers: kafka.brokers, clientId: 'e2e' });
  try {
    const extents = await fetchExtents(connection, topic);
    const ranges = extents.map(({ partition, start, end }) => ({ partition, from: start, to: end }));
    const found: { key: string; value: Record<string, unknown> | null }[] = [];
    for await (const { records } of readRecords(connection, { topic, ranges })) {
      for (const { key, value } of records) {
        found.push({ key: String(key), value: value === null ? null : JSON.parse(String(value)) });
      }
    }
    return found;
  } finally {
    await connection.close();
  }
}

const eventIds = async () => (await readTopic(topics.events)).map(({ value }) => value?.['eventId'] as string);

it('the server client sends events, items, users and erasures', async () => {
  const client = createEventClient({ url: collector.url, key: keys.server });
  const events = Array.from({ length: 2_500 }, (_, i) => ({
    eventId: `sent-${i}`,
    type: i === 7 ? 'no-such-type' : 'click',
    userId: `user-${i % 10}`,
    itemId: `item-${i}`,
  }));

  const sent = await client.send([...events, { ...events[2_499]!, itemId: 'again' }]);

  expect(sent).toMatchObject({ accepted: 2_499, duplicates: 1, refused: 1 });
  expect(sent.results[7]).toMatchObject({
    status: 'refused',
    field: 'type',
    reason: 'unknown-type',
    eventId: 'sent-7',
  });
  expect(sent.results[2_500]?.status).toBe('duplicate');
  const expected = events.map(({ eventId }) => eventId).filter((id) => id !== 'sent-7');
  expect((await eventIds()).filter((id) => id.startsWith('sent-')).sort()).toEqual(expected.sort());

  expect((await client.send([{ type: 'click', userId: 'ada' }])).results).toMatchObject([
    { status: 'refused', field: 'itemId', reason: 'missing' },
  ]);
  expect(await client.putItems([{ itemId: 'a', title: 'A' }, { itemId: '' }])).toMatchObject({
    accepted: 1,
    refused: 1,
  });
  expect(await client.putUsers([{ userId: 'ada', attributes: { country: 'uk' } }])).toMatchObject({ accepted: 1 });
  const { erasureId } = await client.eraseUser('ada');
  expect(await readTopic(topics.erasures)).toMatchObject([{ key: 'ada', value: { erasureId } }]);
  expect((await readTopic(topics.users)).at(-1)).toEqual({ key: 'ada', value: null });

  const wrong = createEventClient({ url: collector.url, key: 'wrong' });
  await expect(wrong.send(events)).rejects.toMatchObject({ problem: { statusCode: 401 }, retryable: false });
});

it('acknowledged events survive kill -9 of the collector', { tags: 'full' }, async () => {
  const client = createEventClient({ url: collector.url, key: keys.server, batchSize: 50 });
  const acknowledged: string[] = [];
  let isSending = true;
  const sending = (async () => {
    for (let i = 0; isSending; i++) {
      const events = Array.from({ length: 200 }, (_, j) => ({
        type: 'view',
        userId: `user-${j}`,
        itemId: `item-${i}`,
      }));
      acknowledged.push(...(await client.send(events)).results.map(({ eventId }) => eventId));
    }
  })();
  await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(0);
  await collector.kill();
  collector = await startCollector();
  const before = acknowledged.length;
  await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(before);
  isSending = false;
  await sending;

  const found = new Set(await eventIds());
  expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
});

it(
  'events of a page survive a crash of the collector, a reload and the end of the page',
  { tags: 'full' },
  async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
    browser = await chromium.launch({ executablePath: requireService('chromium'), args });
    const page = await (await browser.newContext()).newPage();
    const open = async () => {
      await page.goto(siteUrl);
      await page.evaluate((options) => (tracker = facet.createTracker({ ...options, intervalMs: 50 })), {
        url: collector.url,
        key: keys.browser,
      });
    };
    const click = (itemId: string) => page.evaluate((id) => tracker.track({ type: 'click', itemId: id }), itemId);
    const untilArrived = (ids: readonly string[]) =>
      expect
        .poll(async () => new Set(await eventIds()), { timeout: 20_000, interval: 500 })
        .toEqual(expect.toSatisfy((found: Set<string>) => ids.every((id) => found.has(id))));

    await open();
    const ids = [await click('anonymous')];
    await page.evaluate(() => tracker.identify('grace'));
    expect(await page.evaluate(() => tracker.flush())).toBe(true);

    await collector.kill();
    ids.push(await click('during'));
    expect(await page.evaluate(() => tracker.flush())).toBe(false);
    collector = await startCollector();
    await open();
    await untilArrived(ids);

    ids.push(await click('last'));
    await page.goto('about:blank');
    await untilArrived(ids);

    const mine = (await readTopic(topics.events)).filter(({ value }) => value?.['sessionId'] !== undefined);
    const [session] = new Set(mine.map(({ value }) => value?.['sessionId']));
    expect(mine.filter(({ value }) => value?.['type'] === 'identify')).toMatchObject([
      { key: 'grace', value: { userId: 'grace', sessionId: session } },
    ]);
    expect(mine.find(({ value }) => value?.['itemId'] === 'anonymous')?.key).toBe(`session:${session}`);
    expect(mine.find(({ value }) => value?.['itemId'] === 'last')?.key).toBe('grace');
  },
);
