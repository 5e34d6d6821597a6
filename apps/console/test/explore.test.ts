// cspell:ignore rowindex
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, expectFits, openPage } from './browser.ts';
import type { OpenOptions } from './browser.ts';
import { busyBehaviors, busyUser, hostileTitles, startExploreStack } from './explore-home.ts';
import type { ExploreStack } from './explore-home.ts';
import { keys } from './stack.ts';

let stack: ExploreStack;

beforeAll(async () => {
  stack = await startExploreStack();
});

const open = (path: string, options: OpenOptions = {}): Promise<Page> => openPage({ url: stack.url, path, ...options });

async function ask<Body>(path: string, body: object): Promise<Body> {
  const response = await fetch(stack.servingUrl + path, {
    method: 'POST',
    headers: { 'x-api-key': keys.team, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.status === 503) return ask(path, body);
  expect(response.status).toBe(200);
  return (await response.json()) as Body;
}

interface List {
  readonly items: readonly { readonly itemId: string; readonly title: string }[];
}

const titlesIn = (page: Page): Promise<string[]> => page.locator('.items:not(.left) .item-title').allTextContents();
const readClipboard = (page: Page): Promise<string> =>
  page.evaluate('navigator.clipboard.readText()') as Promise<string>;
const heat = (page: Page) => page.getByRole('table', { name: 'Behaviors by interest' });
const isSettled = (page: Page) => page.locator('.items:not(.stale)').first().waitFor();

/** Waits until the list has these titles. */
async function expectTitles(page: Page, { items }: List): Promise<void> {
  await expect.poll(() => titlesIn(page)).toEqual(items.map(({ title }) => title));
}

describe('a user', () => {
  it('opens with an example: behaviors by interest, interests, and the list with reasons', async () => {
    const page = await open('/explore');
    await heat(page).waitFor();
    const userId = /^User (.+)$/.exec(await page.getByRole('heading', { name: /^User / }).innerText())![1]!;
    await expectTitles(page, await ask<List>('/v1/recommendations', { userId, limit: 20 }));
    const { interests } = await ask<{ interests: object[] }>('/v1/interests', { userId });
    await expect.poll(() => page.locator('.interest-card').count()).toBe(interests.length);
    expect(await page.locator('.item').first().innerText()).toContain('because of');
    await expect.poll(() => page.getByRole('columnheader').count()).toBe(interests.length + 2);
    const cells = await heat(page).getByRole('row').nth(1).getByRole('cell').allInnerTexts();
    const sum = cells.slice(0, interests.length).reduce((total, text) => total + Number(text), 0);
    expect(Math.abs(sum - 100)).toBeLessThanOrEqual(2);
  });

  it('what if: ignoring a behavior shows which items enter and leave the list, and can be undone', async () => {
    const page = await open('/explore?user=u3');
    await heat(page).waitFor();
    const before = await titlesIn(page);
    const button = page.getByRole('button', { name: /^Ignore / }).first();
    const name = (await button.getAttribute('aria-label'))!.replace('Ignore ', '');
    await button.click();
    const whatIf = page.getByRole('region', { name: 'What if' });
    await whatIf.getByText(/entered the list|same items/).waitFor();
    const { behaviors } = (await (
      await fetch(`${stack.servingUrl}/v1/users/u3`, { headers: { 'x-api-key': keys.team } })
    ).json()) as { behaviors: { itemId: string; title: string }[] };
    const { itemId } = behaviors.findLast(({ title }) => title === name)!;
    await expectTitles(page, await ask<List>('/v1/recommendations', { userId: 'u3', ignore: [itemId] }));
    const left = await page.locator('.items.left .truncate').allTextContents();
    expect(left).toEqual(before.filter((title) => !left.every((one) => one !== title)));
    await page.getByRole('button', { name: 'Undo all' }).click();
    await expect.poll(() => titlesIn(page)).toEqual(before);
    await page.goBack();
    await whatIf.waitFor();
  });

  it('what if: choosing a recommended item adds it to the behaviors', { tags: 'full' }, async () => {
    const page = await open('/explore?user=u3');
    await page
      .getByRole('button', { name: /^What if the user chooses / })
      .first()
      .click();
    await heat(page).getByText('added').waitFor();
    await page
      .getByRole('region', { name: 'What if' })
      .getByText(/entered the list|same items/)
      .waitFor();
  });

  it('controls change the list: merge, quota, number of interests, length, seen items and filters', async () => {
    const page = await open('/explore?user=u3');
    await heat(page).waitFor();
    await page.getByLabel('Merge').selectOption('round-robin');
    await expectTitles(page, await ask<List>('/v1/recommendations', { userId: 'u3', merge: { by: 'round-robin' } }));
    await page.getByLabel('Merge').selectOption('quota');
    await page.getByLabel('Minimum of interest 2').fill('15');
    const quota = { by: 'quota', floors: [0, 15, 0, 0] };
    await expectTitles(page, await ask<List>('/v1/recommendations', { userId: 'u3', merge: quota }));
    await page.getByLabel('Merge').selectOption('diverse');
    await page.getByLabel('Diversity attribute').selectOption('department');
    const diverse = { by: 'diverse', lambda: 0.1, attribute: 'department' };
    await expectTitles(page, await ask<List>('/v1/recommendations', { userId: 'u3', merge: diverse }));
    await page.getByLabel('Merge').selectOption('max');
    await page.getByRole('combobox', { name: /^Interests/ }).selectOption('1');
    await expectTitles(page, await ask<List>('/v1/recommendations', { userId: 'u3', interestCount: 1 }));
    await page.getByLabel('Items', { exact: true }).click();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('15', { delay: 300 });
    const longer = { userId: 'u3', interestCount: 1, limit: 15 };
    await expectTitles(page, await ask<List>('/v1/recommendations', longer));
    await page.getByLabel('Items', { exact: true }).fill('5');
    await page.getByLabel('Exclude seen items').uncheck();
    const seen = { userId: 'u3', interestCount: 1, limit: 5, excludeSeen: false };
    await expectTitles(page, await ask<List>('/v1/recommendations', seen));
    await page.getByText('Filters', { exact: true }).click();
    await page.getByLabel('Value').fill('music');
    await page.getByRole('button', { name: 'Add filter' }).click();
    const withFilter = (condition: object) =>
      ask<List>('/v1/recommendations', { ...seen, filter: { attributes: { department: condition } } });
    await expectTitles(page, await withFilter({ in: ['music'] }));
    await page.getByLabel('Value').fill('garden');
    await page.getByRole('button', { name: 'Add filter' }).click();
    await page.getByText('department is music or garden').waitFor();
    await expectTitles(page, await withFilter({ in: ['music', 'garden'] }));
    await page.getByLabel('Condition').selectOption('notIn');
    await page.getByLabel('Value').fill('music');
    await page.getByRole('button', { name: 'Add filter' }).click();
    await page.getByText('department is music or garden and is not music').waitFor();
    await expectTitles(page, await withFilter({ in: ['music', 'garden'], notIn: ['music'] }));
  });

  it('a permalink shows the same view, and "copy as curl" the same list', { tags: 'full' }, async () => {
    const path =
      '/explore?user=u5&merge=round-robin&interests=2&limit=7&with=["music-3"]&without=["garden-4"]&sort=interest';
    const page = await open(path);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await isSettled(page);
    const titles = await titlesIn(page);
    expect(titles).toHaveLength(7);
    await page.getByRole('button', { name: 'Copy link' }).click();
    const link = await readClipboard(page);
    const again = await open(link.slice(stack.url.length));
    await expect.poll(() => titlesIn(again)).toEqual(titles);
    expect(await again.getByRole('button', { name: 'By interest' }).getAttribute('aria-pressed')).toBe('true');

    await page.bringToFront();
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    const command = await readClipboard(page);
    const env = { ...process.env, FACET_SERVING_URL: stack.servingUrl, FACET_API_KEY: keys.serve };
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { env });
    expect((JSON.parse(stdout) as List).items.map(({ title }) => title)).toEqual(titles);
  });

  it('an unknown user gets popular items, and the page says so', async () => {
    const page = await open('/explore?user=stranger', { allowErrors: /404/ });
    await page.getByText('Nothing is stored for the user "stranger".').waitFor();
    await page.getByText('These items are popular.').waitFor();
  });

  it(
    'shows nothing of the previous user while another one loads, and says when the behaviors cannot be read',
    { tags: 'full' },
    async () => {
      const page = await open('/explore?user=u1', { allowErrors: /500/ });
      await isSettled(page);
      let proceed = (): void => {};
      const mayProceed = new Promise<void>((resolve) => (proceed = resolve));
      await page.route(/v1\/(interests|recommendations)$/, (route) => mayProceed.then(() => route.continue()));
      await page.route('**/v1/users/u12', (route) => route.fulfill({ status: 500, json: {} }), { times: 1 });
      await page.getByLabel('Find a user by id').fill('u12');
      await page.getByRole('option', { name: /^u12\b/ }).click();
      await page.getByText('Loading interests').waitFor();
      await page.getByText('Loading recommendations').waitFor();
      expect(await heat(page).count()).toBe(0);
      proceed();
      await page.getByText('The request failed').waitFor();
      expect(await page.getByText('No behaviors').count()).toBe(0);
      await heat(page).waitFor();
    },
  );

  it('records no exposure', async () => {
    const page = await open('/explore?user=u9');
    await isSettled(page);
    const metrics = await fetch(`${stack.servingUrl}/metrics`, { headers: { 'x-api-key': keys.admin } });
    expect(await metrics.text()).not.toMatch(/^facet_serving_exposures_total\{outcome="recorded"\} [1-9]/m);
  });
});

it('a history is built by searching items and choosing them', async () => {
  const page = await open('/explore?user=u1');
  await page.getByRole('button', { name: 'Build a history' }).click();
  for (const text of ['music thing no. 4', 'music thing no. 7', 'kitchen thing no. 9']) {
    await page.getByLabel('Add a behavior: search items by title').fill(text);
    await page
      .getByRole('option', { name: new RegExp(text) })
      .first()
      .click();
    await heat(page).getByText(text).waitFor();
  }
  await expectTitles(page, await ask<List>('/v1/recommendations', { behaviors: ['music-4', 'music-7', 'kitchen-9'] }));
  expect(await page.getByText('entered', { exact: true }).count(), 'against the history before').toBeGreaterThan(0);
});

it('works by keyboard alone', { tags: 'full' }, async () => {
  const page = await open('/explore?user=u1');
  await heat(page).waitFor();
  const tabTo = async (name: RegExp): Promise<void> => {
    for (let press = 0; press < 80; press++) {
      await page.keyboard.press('Tab');
      const focused = page.locator(':focus');
      const label = (await focused.getAttribute('aria-label')) ?? (await focused.innerText().catch(() => ''));
      if (name.test(label)) return;
    }
    throw new Error(`Tab does not reach ${name}.`);
  };
  await tabTo(/^Find a user/);
  await page.keyboard.type('u12');
  await page
    .getByRole('option', { name: /^u12\b/ })
    .first()
    .waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'User u12', exact: true }).waitFor();
  await heat(page).waitFor();
  await tabTo(/^Ignore /);
  await page.keyboard.press('Enter');
  await page
    .getByRole('region', { name: 'What if' })
    .getByText(/entered the list|same items/)
    .waitFor();
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('region', { name: 'What if' }).count()).toBe(0);
});

it.each(['/explore?user=u1', '/explore?user=u1&without=["music-1"]&merge=quota&focus=1', '/explore?build=true'])(
  '%s has no accessibility violations and fits a phone',
  async (path) => {
    const page = await open(path);
    await isSettled(page);
    await expectAccessible(page);
    await page.setViewportSize({ width: 360, height: 800 });
    await expectFits(page);
  },
);

it('shows titles with markup and in any script as text', { tags: 'full' }, async () => {
  const withAll = JSON.stringify(Object.keys(hostileTitles));
  const page = await open(`/explore?with=${encodeURIComponent(withAll)}&seen=true&limit=60`);
  await heat(page).waitFor();
  for (const title of Object.values(hostileTitles)) {
    expect(await page.getByTitle(title, { exact: true }).count(), title).toBeGreaterThan(0);
  }
  expect(await page.locator('#content img, #content script').count()).toBe(0);
  expect(await page.title()).toBe('Explore · Facet');
  await page.getByLabel('Add a behavior: search items by title').fill('<script>');
  await page.getByRole('option').getByText(hostileTitles['garden-2']).waitFor();
  await page.setViewportSize({ width: 360, height: 800 });
  await expectFits(page);
});

it(`a user with ${busyBehaviors} behaviors scrolls through all of them`, { tags: 'full' }, async () => {
  const page = await open(`/explore?user=${busyUser}`);
  await heat(page).waitFor();
  expect(await heat(page).getAttribute('aria-rowcount')).toBe(String(busyBehaviors + 1));
  expect(await heat(page).getByRole('row').count()).toBeLessThan(60);
  await page.getByRole('region', { name: 'Coupling of behaviors and interests' }).evaluate((region) => {
    region.scrollTop = region.scrollHeight;
  });
  await page.locator(`[aria-rowindex="${busyBehaviors + 1}"]`).waitFor();
});

it('shows 64 interests', { tags: 'full' }, async () => {
  const page = await open('/explore?user=u1&limit=5');
  await heat(page).waitFor();
  await page.route('**/v1/interests', async (route) => {
    const response = await route.fetch();
    const body = (await response.json()) as {
      interests: { interest: number }[];
      coupling: { behaviors: { coefficients: number[] }[] };
    };
    const interests = Array.from({ length: 64 }, (_, interest) => ({ ...body.interests[0]!, interest }));
    const behaviors = body.coupling.behaviors.map((behavior, position) => ({
      ...behavior,
      coefficients: Array.from({ length: 64 }, (_, interest) => (interest === (position * 5) % 64 ? 0.6 : 0.4 / 63)),
    }));
    const coupling = { ...body.coupling, behaviors };
    await route.fulfill({ json: { ...body, interestCount: 64, interests, coupling } });
  });
  await page
    .getByRole('button', { name: /^Ignore / })
    .first()
    .click();
  await expect.poll(() => page.locator('.interest-card').count()).toBe(64);
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 800 });
  await expectFits(page);
});
