/** @module-tag full */
import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { openPage } from './browser.ts';
import { startHostileApi } from './hostile-api.ts';
import type { HostileApi, Treatment } from './hostile-api.ts';
import { startOperations } from './operations-stack.ts';
import { startConsole, startStack } from './stack.ts';

type ApiName = 'serving' | 'sink' | 'trainer';

let url: string;
const apis = new Map<ApiName, HostileApi>();

beforeAll(async () => {
  const { servingUrl, keysFile } = await startStack();
  const { sinkUrl, trainerUrl } = await startOperations();
  for (const [name, target] of Object.entries({ serving: servingUrl, sink: sinkUrl, trainer: trainerUrl })) {
    apis.set(name as ApiName, await startHostileApi(target));
  }
  const upstreams = Object.fromEntries([...apis].map(([name, api]) => [`FACET_${name.toUpperCase()}_URL`, api.url]));
  ({ url } = await startConsole({ keysFile, upstreams }));
});

/** What each page shows when its API responds. */
const pages: readonly (readonly [path: string, api: ApiName, content: (page: Page) => Locator])[] = [
  ['/explore?user=u1', 'serving', (page) => page.getByRole('table', { name: 'Behaviors by interest' })],
  ['/refreshes', 'trainer', (page) => page.getByText('Next refresh', { exact: true })],
  ['/data', 'sink', (page) => page.getByText('Events in the lake')],
  ['/map', 'serving', (page) => page.locator('canvas[data-points]')],
  ['/compare', 'serving', (page) => page.getByRole('heading', { name: 'For a sample of users' })],
  ['/experiments', 'trainer', (page) => page.getByRole('region', { name: 'Declared experiments' })],
  ['/health', 'serving', (page) => page.getByText('Fallback share', { exact: true })],
];

/** What a page says about each failure. */
const titles: readonly (readonly [Treatment, RegExp])[] = [
  ['slow', /takes longer than usual/],
  ['down', /(Serving|The sink|The trainer) is not running|^Not running$/],
  [401, /This API key is not accepted/],
  [429, /Too many requests/],
  [503, /(Serving|The sink|The trainer) is busy or not ready/],
];

const title = '%s says that its API is slow, down, or refuses requests, and recovers';
// One page of each API.
it.each(pages.slice(0, 3))(title, recovers);
it.each(pages.slice(3))(title, { tags: 'full' }, recovers);

async function recovers(...[path, name, content]: (typeof pages)[number]): Promise<void> {
  const api = apis.get(name)!;
  const page = await openPage({
    url,
    path: '/docs/serving.md',
    allowErrors: /40[14]|429|50[24]|EvalError|Content Security/,
  });
  await page.clock.install();
  for (const [treatment, title] of titles) {
    api.treat(treatment);
    await page.goto(url + path);
    await passTimeUntil(page.getByText(title).first());
    expect(await content(page).count(), `${treatment}`).toBe(0);
    api.treat('normal');
    // A refused key needs a person.
    if (treatment === 401) await page.getByRole('button', { name: 'Try again' }).first().click();
    await passTimeUntil(content(page));
    await expect.poll(() => page.getByRole('alert').count(), { message: `${treatment}` }).toBe(0);
  }
}

/** Lets time pass in the page until something appears. */
async function passTimeUntil(locator: Locator): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    await locator.page().clock.fastForward(1_000);
    return locator.isVisible();
  };
  await expect.poll(isThere, { timeout: 240_000, interval: 50 }).toBe(true);
}
