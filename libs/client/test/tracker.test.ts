import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { requireService } from '@facet/local-services';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { createTracker, RefusedEvent, Tracker } from '../src/browser/index.ts';
import { bundleTracker } from './bundle-tracker.ts';
import { startStandInCollector } from './stand-in-collector.ts';
import type { StandInCollector } from './stand-in-collector.ts';

/** Set by the script of the page. */
declare global {
  var facet: { createTracker: typeof createTracker };
  var tracker: Tracker;
  var refused: RefusedEvent[];
}

let browser: Browser;
let site: Server;
let siteUrl: string;
let collector: StandInCollector;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  const script = await bundleTracker('iife');
  site = createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    const { searchParams } = new URL(request.url ?? '', 'http://site');
    const options = JSON.stringify({ key: 'p&k', ...JSON.parse(searchParams.get('options') ?? '{}') });
    response.end(`<!doctype html><title>Shop</title><script>${script}</script><script>
      refused = [];
      tracker = facet.createTracker({ ...${options}, onRefused: (events) => refused.push(...events) });
    </script>`);
  });
  site.listen({ port: 0, host: '127.0.0.1' });
  await once(site, 'listening');
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  browser = await chromium.launch({ executablePath: requireService('chromium'), args });
});
afterAll(async () => {
  await browser?.close();
  site?.close();
});
beforeEach(async () => {
  collector = await startStandInCollector();
  context = await browser.newContext();
  page = await context.newPage();
});
afterEach(async () => {
  await context.close();
  await collector.stop();
});

const addressOf = (options: object) =>
  `${siteUrl}/?options=${encodeURIComponent(JSON.stringify({ url: collector.url, intervalMs: 100, ...options }))}`;
const open = (options: object = {}) => page.goto(addressOf(options));

/** Tracks clicks and returns their ids. */
const click = (count: number, on: Page = page) =>
  on.evaluate(
    (n) => Array.from({ length: n }, (_, i) => tracker.track({ type: 'click', itemId: `item-${i}`, position: i })),
    count,
  );
const arrived = () => [...new Set(collector.storedIds())].sort();
const untilArrived = (ids: readonly string[]) => expect.poll(arrived, { timeout: 15_000 }).toEqual([...ids].sort());

describe('the tracker in a browser', () => {
  it('is smaller than 4 kB, compressed', async () => {
    expect(gzipSync(await bundleTracker('es')).length).toBeLessThan(4_000);
  });

  it('sends tracked events in batches, each once, without a preflight', async () => {
    await open();
    const ids = await click(45);
    await untilArrived(ids);

    expect(collector.storedIds()).toHaveLength(45);
    expect(collector.requests.length).toBeLessThanOrEqual(3);
    for (const { method, url, contentType } of collector.requests) {
      expect({ method, url }).toEqual({ method: 'POST', url: '/v1/events?key=p%26k' });
      expect(contentType).toMatch(/^text\/plain/);
    }
    const sessionId = await page.evaluate(() => tracker.sessionId);
    expect(collector.stored[0]).toEqual({
      type: 'click',
      itemId: 'item-0',
      position: 0,
      eventId: ids[0],
      occurredAt: expect.any(Number),
      sessionId,
    });
    expect(await page.evaluate(() => tracker.counts)).toEqual({ queued: 0, dropped: 0 });
  });

  it('joins a session to its user once, across reloads, until logout', async () => {
    await open();
    await click(1);
    await page.evaluate(() => tracker.identify('ada'));
    await page.reload();
    await page.evaluate(() => tracker.identify('ada'));
    await click(1);
    await page.evaluate(() => tracker.reset());
    await click(1);
    await page.evaluate(() => tracker.flush());

    const seen = new Map(collector.stored.map((event) => [event['eventId'], event]));
    const [anonymous, identify, known, next] = [...seen.values()];
    expect(seen.size).toBe(4);
    expect(anonymous).not.toHaveProperty('userId');
    expect(identify).toEqual({
      type: 'identify',
      userId: 'ada',
      sessionId: anonymous?.['sessionId'],
      eventId: expect.any(String),
      occurredAt: expect.any(Number),
    });
    expect(known).toMatchObject({ type: 'click', userId: 'ada', sessionId: anonymous?.['sessionId'] });
    expect(next).not.toHaveProperty('userId');
    expect(next?.['sessionId']).not.toBe(anonymous?.['sessionId']);
  });

  it('starts a new session when another user logs in', async () => {
    await open();
    const [first, second] = await page.evaluate(() => {
      tracker.identify('ada');
      const before = tracker.sessionId;
      tracker.identify('bob');
      return [before, tracker.sessionId];
    });

    expect(second).not.toBe(first);
  });

  it('passes unsent events to the browser when the user leaves the page', async () => {
    await open({ intervalMs: 60_000 });
    const ids = await click(5);
    await page.goto('about:blank');

    await untilArrived(ids);
  });

  it('sends once when the page is hidden', async () => {
    await open({ intervalMs: 60_000 });
    const ids = await click(3);
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'hidden' });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    });

    await untilArrived(ids);
    expect(await page.evaluate(() => tracker.flush())).toBe(true);
    expect(collector.storedIds()).toHaveLength(3);
  });

  it('sends the events of a page that ended during an outage from the next page', async () => {
    collector.failAll({ status: 503 });
    await open();
    const ids = await click(30);
    await expect.poll(() => collector.requests.length).toBeGreaterThan(0);
    collector.failAll('hang-up');
    await page.goto('about:blank');
    collector.failAll(undefined);
    expect(collector.stored).toEqual([]);

    await open();
    await untilArrived(ids);
    // The last request of the left page may arrive late. The collector stores the same id once.
    expect(new Set(collector.storedIds())).toEqual(new Set(ids));
    // After the response.
    await expect.poll(() => page.evaluate(() => Object.keys(localStorage))).toEqual(['facet.session']);
  });

  it('sends events tracked offline when the network is back', async () => {
    await open();
    await context.setOffline(true);
    const ids = await click(25);
    // After this many failures, the backoff alone would be at least 8 s.
    for (let i = 0; i < 5; i++) expect(await page.evaluate(() => tracker.flush())).toBe(false);
    expect(collector.stored).toEqual([]);
    await context.setOffline(false);

    await expect.poll(arrived, { timeout: 6_000 }).toEqual([...ids].sort());
    expect(collector.storedIds()).toHaveLength(25);
  });

  it('retries after Retry-After of a 503, and after a lost response', async () => {
    collector.failNext({ status: 503, headers: { 'retry-after': '1' } }, 'hang-up-after-storing');
    await open();
    const startedAt = Date.now();
    const ids = await click(2);
    await expect.poll(() => page.evaluate(() => tracker.counts.queued), { timeout: 15_000 }).toBe(0);

    expect(Date.now() - startedAt).toBeGreaterThan(1_000);
    expect(arrived()).toEqual([...ids].sort());
    expect(collector.storedIds()).toEqual([...ids, ...ids]);
  });

  it('keeps the newest events during a long outage', async () => {
    collector.failAll({ status: 503 });
    await open({ queueMax: 10 });
    const ids = await click(25);
    expect(await page.evaluate(() => tracker.counts)).toEqual({ queued: 10, dropped: 15 });
    collector.failAll(undefined);
    await page.evaluate(() => tracker.flush());

    await untilArrived(ids.slice(15));
  });

  it('reports refused events and continues; halves a request that is too large', async () => {
    collector.failNext({ status: 413 });
    await open({ intervalMs: 60_000 });
    const ids = await page.evaluate(() =>
      ['a', '', 'c', 'd'].map((itemId) => tracker.track({ type: 'click', itemId })),
    );
    expect(await page.evaluate(() => tracker.flush())).toBe(true);

    expect(collector.requests.map(({ records }) => records.length)).toEqual([4, 2, 2]);
    expect(collector.storedIds()).toEqual([ids[0], ids[2], ids[3]]);
    expect(await page.evaluate(() => refused)).toEqual([
      { event: expect.objectContaining({ eventId: ids[1] }), field: 'itemId', reason: 'empty' },
    ]);
  });

  it('works when the browser blocks its storage', async () => {
    await page.addInitScript(() => {
      Object.defineProperty(window, 'localStorage', {
        get() {
          throw new DOMException('blocked', 'SecurityError');
        },
      });
    });
    await open();
    await page.evaluate(() => tracker.identify('ada'));
    const ids = await click(3);
    await expect.poll(() => collector.storedIds().length).toBe(4);

    expect(collector.stored.filter(({ type }) => type === 'click').map(({ eventId }) => eventId)).toEqual(ids);
    expect(new Set(collector.stored.map(({ userId, sessionId }) => `${userId} ${sessionId}`)).size).toBe(1);
  });

  it('works when the storage is full', async () => {
    await open();
    await page.evaluate(() => {
      localStorage.clear();
      localStorage.setItem('fill', 'x'.repeat(5 * 1024 * 1024 - 10));
    });
    const ids = await click(3);

    await untilArrived(ids);
    expect(new Set(collector.stored.map(({ sessionId }) => sessionId)).size).toBe(1);
    expect(collector.stored[0]?.['sessionId']).toEqual(expect.any(String));
  });

  it('does not send the events of another open page', async () => {
    collector.failAll({ status: 503 });
    await open();
    const ids = await click(2);
    const other = await context.newPage();
    await other.goto(addressOf({}));
    expect(await other.evaluate(() => tracker.counts.queued)).toBe(0);
    expect(await other.evaluate(() => tracker.sessionId)).toBe(await page.evaluate(() => tracker.sessionId));
    collector.failAll(undefined);
    await page.evaluate(() => tracker.flush());

    await untilArrived(ids);
    expect(collector.storedIds()).toHaveLength(2);
  });
});
