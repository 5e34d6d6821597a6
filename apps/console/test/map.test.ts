import { beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { expectAccessible, expectFits, openPage, withPicture } from './browser.ts';
import type { OpenOptions } from './browser.ts';
import { newItem, startExploreStack } from './explore-home.ts';
import { keys, startStack } from './stack.ts';

beforeAll(startStack);

const allowErrors = /EvalError|Content Security Policy/;

async function openMap(path = '/map', { width = 1280, url }: Pick<OpenOptions, 'width' | 'url'> = {}): Promise<Page> {
  const page = await openPage({ path, width, allowErrors, ...(url === undefined ? {} : { url }) });
  await page.locator('canvas[data-points]').waitFor();
  return page;
}

/** Tries to compile a script, in a later task: the policy of the page does not apply to a call of the debugger. */
function compile(page: Page): Promise<string> {
  return page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        setTimeout(() => {
          try {
            resolve(new Function("return 'compiled'")() as string);
          } catch (error) {
            resolve(String(error));
          }
        });
      }),
  );
}

it('shows every item, and the address keeps the color', async () => {
  const page = await openMap();
  const points = Number(await page.locator('canvas').getAttribute('data-points'));
  expect(points).toBeGreaterThan(10);
  const select = page.getByLabel('Color by');
  const attribute = await select.locator('option').last().getAttribute('value');
  await select.selectOption(attribute);
  await page.getByText('None').first().waitFor();
  expect(new URL(page.url()).searchParams.get('color')).toBe(attribute);
  await page.reload();
  await page.locator('canvas[data-points]').waitFor();
  expect(await select.inputValue()).toBe(attribute);
});

it('is a separate document: on the pages that it links to, scripts cannot be compiled', async () => {
  const page = await openMap();
  expect(await compile(page)).toBe('compiled');
  await page.getByRole('link', { name: 'Explore' }).click();
  await page.getByRole('heading', { name: 'Explore' }).waitFor();
  expect(await compile(page)).toMatch(/EvalError/);
  await page.getByRole('link', { name: 'Item map' }).click();
  await page.locator('canvas[data-points]').waitFor();
  expect(await compile(page)).toBe('compiled');
});

it('shows the interests and behaviors of a user', async () => {
  const page = await openMap();
  const { servingUrl } = await startStack();
  const response = await fetch(`${servingUrl}/v1/users?limit=20`, { headers: { 'x-api-key': keys.serve } });
  const { users } = (await response.json()) as { users: { userId: string; behaviors: number }[] };
  const { userId } = users.toSorted((a, b) => b.behaviors - a.behaviors)[0]!;
  await page.getByLabel('User id').fill(userId);
  await page.getByRole('button', { name: 'Show' }).click();
  await page.locator('.mark.interest').first().waitFor({ state: 'attached' });
  await page.locator('.mark.behavior').first().waitFor({ state: 'attached' });
  await page.getByText('A diamond is an interest').waitFor();
});

it('finds an item by its title and shows its most similar items', async () => {
  const page = await openMap();
  // The title of an item that is also the beginning of another one picks nothing.
  await page.getByLabel('Find an item').fill('music thing no. 1');
  await page
    .getByRole('option', { name: /music thing no. 1\d/ })
    .first()
    .waitFor();
  expect(new URL(page.url()).searchParams.get('item')).toBeNull();
  const option = page.getByRole('option', { name: /music thing no. 1\d/ }).first();
  const title = await option.locator('.truncate').innerText();
  await option.click();
  await page.locator('.item-title', { hasText: title }).waitFor();
  await page.getByRole('heading', { name: 'Most similar items' }).waitFor();
  await page.locator('.mark.selected').waitFor({ state: 'attached' });
  const selected = new URL(page.url()).searchParams.get('item');
  await page.locator('.item-list button').first().click();
  await expect.poll(() => new URL(page.url()).searchParams.get('item')).not.toBe(selected);
});

it('marks items that are new since the bundle', async () => {
  const { url } = await startExploreStack();
  const page = await openMap('/map', { url });
  await page.getByText('; 1 new since the bundle').waitFor();
  const entry = page.getByRole('listitem').filter({ hasText: 'New since the bundle' });
  const color = await entry.locator('rect').getAttribute('fill');
  await expect.poll(() => countPixels(page, color!)).toBeGreaterThan(10);
  await page.getByLabel('Find an item').fill(newItem.title);
  await page.getByRole('option', { name: newItem.title }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('new since the bundle', { exact: true }).waitFor();
  await page.locator('.mark.selected').waitFor({ state: 'attached' });
});

/** Returns the number of pixels of the map that have nearly the given color, `#rrggbb`. */
async function countPixels(page: Page, color: string): Promise<number> {
  const wanted = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  return withPicture(
    page,
    await page.locator('canvas').screenshot(),
    `const { data } = context.getImageData(0, 0, width, height);
    let count = 0;
    for (let pixel = 0; pixel < data.length; pixel += 4) {
      if (${JSON.stringify(wanted)}.every((part, place) => Math.abs(part - data[pixel + place]) < 40)) count++;
    }
    return count;`,
  );
}

it('a lasso lists the items in it', async () => {
  const page = await openMap();
  await page.getByRole('button', { name: 'Lasso' }).click();
  const box = (await page.locator('canvas').boundingBox())!;
  const corners = [
    [0.01, 0.01],
    [0.99, 0.01],
    [0.99, 0.99],
    [0.01, 0.99],
    [0.01, 0.02],
  ] as const;
  await page.mouse.move(box.x + box.width * 0.01, box.y + box.height * 0.01);
  await page.mouse.down();
  for (const [x, y] of corners) await page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 12 });
  await page.mouse.up();
  await page.getByRole('heading', { name: /selected items$/ }).waitFor();
  await page.getByRole('list', { name: 'Selected items' }).getByRole('button').first().click();
  await page.getByRole('heading', { name: 'Most similar items' }).waitFor();
});

it('is accessible, and fits a phone', async () => {
  const page = await openMap('/map', { width: 360 });
  await expectFits(page);
  await expectAccessible(page);
});
