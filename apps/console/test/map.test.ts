import { beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { expectAccessible, expectFits, openPage } from './browser.ts';
import { keys, startStack } from './stack.ts';

beforeAll(startStack);

const allowErrors = /EvalError|Content Security Policy/;

async function openMap(path = '/map', width = 1280): Promise<Page> {
  const page = await openPage({ path, width, allowErrors });
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
  const options = page.locator('#found-items option');
  await page.getByLabel('Find an item').fill('e');
  await options.first().waitFor({ state: 'attached' });
  const title = (await options.first().getAttribute('value'))!;
  await page.getByLabel('Find an item').fill(title);
  await page.locator('.item-title', { hasText: title }).waitFor();
  await page.getByRole('heading', { name: 'Most similar items' }).waitFor();
  await page.locator('.mark.selected').waitFor({ state: 'attached' });
  const selected = new URL(page.url()).searchParams.get('item');
  await page.locator('.item-list button').first().click();
  await expect.poll(() => new URL(page.url()).searchParams.get('item')).not.toBe(selected);
});

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
  const page = await openMap('/map', 360);
  await expectFits(page);
  await expectAccessible(page);
});
