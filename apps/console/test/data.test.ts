import { appendFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { expectAccessible, expectFits, openPage } from './browser.ts';
import { startOperations } from './operations-stack.ts';
import type { OperationsStack } from './operations-stack.ts';
import { keys, startStack } from './stack.ts';

let stack: OperationsStack;
const today = new Date().toISOString().slice(0, 10);

const eventOf = (eventId: string, more: object = {}) => ({
  eventId,
  type: 'click',
  userId: 'person-1',
  itemId: 'item-1',
  occurredAt: new Date().toISOString(),
  ...more,
});

beforeAll(async () => {
  stack = await startOperations();
  await stack.sendEvents([
    ...Array.from({ length: 150 }, (_, index) => eventOf(`web-${index}`, { userId: `person-${index % 60}` })),
    eventOf('web-0'),
    ...Array.from({ length: 5 }, (_, index) => eventOf(`timeless-${index}`, { occurredAt: 'soon' })),
  ]);
  await stack.publishEvents([
    eventOf('wish-1', { type: 'wishlist', userId: '<img src=x onerror=alert(1)>' }),
    eventOf('wish-2', { type: 'wishlist' }),
    eventOf('itemless', { itemId: '' }),
  ]);
});

const openData = (path = '', more: object = {}) => openPage({ url: stack.url, path: `/data${path}`, ...more });

it('shows the events of each day, the lag, and who sent what was refused', async () => {
  const url = `${stack.sinkUrl}/v1/data-health?day=${today}&maxAgeSeconds=1`;
  await expect
    .poll(async () => (await fetch(url, { headers: { 'x-api-key': keys.read } })).text())
    .toContain('not-a-time');
  const page = await openData();
  await page.getByRole('img', { name: /^Events by UTC day\. events: \d/ }).waitFor();
  await page.getByText('consuming').waitFor();
  const lag = page.getByRole('region', { name: 'Lag by partition' });
  await lag.getByText('facet.events.v1').first().waitFor();
  const days = page.getByRole('region', { name: 'Health by day' });
  await expect.poll(() => days.getByText('Checking…').count()).toBe(0);
  await expect.poll(() => days.getByRole('row').count()).toBe(15);
  const detail = page.locator('.card', { hasText: `${today} in detail` });
  await detail.getByText('not-a-time (occurredAt)').waitFor();
  await detail.getByText('ingest', { exact: true }).first().waitFor();

  // Robots and unknown items of an earlier day.
  await days.getByRole('link').nth(1).click();
  await page.getByText('robot').waitFor();
  await page
    .getByText(/^unlisted-/)
    .first()
    .waitFor();
  expect(page.url()).toMatch(/day=\d{4}/);
});

it('reads dead letters and redrives them when their cause is fixed', { tags: 'full' }, async () => {
  // The sink is restarted, and the page recovers.
  const page = await openData('', { allowErrors: /502/ });
  await page.getByRole('link', { name: 'unknown-type (type) · 2' }).click();
  const letters = page.getByRole('region', { name: 'Dead letters, newest first' });
  await letters.getByRole('button').last().click();
  // The message is shown as text.
  await page
    .getByLabel('Payload, utf8')
    .getByText(/"type": "wishlist"/)
    .waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Redrive…' }).click();
  await page.getByText('0 events would be sent. 2 are still invalid.').waitFor();
  await page.getByRole('button', { name: 'Close' }).click();

  await appendFile(stack.configFile, '\neventTypes: [wishlist]\n');
  await stack.restartSink();
  await letters.getByRole('button').last().click();
  await redriveOne(page);
  await page.locator('.data-letter-dialog button:disabled', { hasText: 'Redrive…' }).waitFor();
  expect(await page.getByText('1 event was sent.').isVisible()).toBe(true);
  await page.getByRole('button', { name: 'Close' }).click();
  // Until the first dialog is gone, both have a button of this name.
  await page.getByText('1 event was sent.').waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Close' }).click();

  await redriveOne(page);
  await page.getByText('No dead letters').waitFor();
  expect(await page.getByText('1 event was sent.').isVisible()).toBe(true);
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByText('Show all reasons').click();
  await expect.poll(() => page.getByRole('link', { name: /unknown-type/ }).count()).toBe(0);
});

async function redriveOne(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Redrive…' }).click();
  await page.getByText('1 event would be sent. 0 are still invalid.').waitFor();
  await page.getByRole('button', { name: 'Redrive', exact: true }).click();
  await page.getByText('1 event was sent.').waitFor();
}

it('shows the command that validates files before their import', { tags: 'full' }, async () => {
  const page = await openData();
  await page.getByText('facet validate --events orders.csv').waitFor();
  await page.getByRole('button', { name: 'Copy the command' }).waitFor();
});

it('says how to start the sink when it does not run', async () => {
  const { url } = await startStack();
  const page = await openPage({ url, path: '/data', allowErrors: /502/ });
  await page.getByText('The sink is not running').waitFor();
  await page.getByText('npm run collector -- sink').waitFor();
});

it('is accessible, and fits a phone', { tags: 'full' }, async () => {
  const page = await openData();
  await page.getByRole('img', { name: /^Events by UTC day/ }).waitFor();
  await page.getByRole('heading', { name: `${today} in detail` }).waitFor();
  await page.getByRole('heading', { name: 'Refused, by key and reason' }).waitFor();
  await expectAccessible(page);
  const phone = await openData('', { width: 360 });
  await phone.getByRole('img', { name: /^Events by UTC day/ }).waitFor();
  await expectFits(phone);
});
