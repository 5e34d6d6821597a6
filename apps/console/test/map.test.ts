import { beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { expectAccessible, expectFits, openPage, withPicture } from './browser.ts';
import type { OpenOptions } from './browser.ts';
import { newItem, startExploreStack } from './explore-home.ts';
import { keys, startStack } from './stack.ts';

beforeAll(startStack);

async function openMap(options: Pick<OpenOptions, 'width' | 'url'> = {}): Promise<Page> {
  const page = await openPage({ path: '/map', ...options });
  await page.locator('canvas[data-points]').waitFor();
  return page;
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

it('shows the interests and behaviors of a user', { tags: 'full' }, async () => {
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

it('finds an item by its title and shows its most similar items', { tags: 'full' }, async () => {
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

it('marks items that were added since the bundle', { tags: 'full' }, async () => {
  const { url } = await startExploreStack();
  const page = await openMap({ url });
  await page.getByText('; 1 added since the bundle').waitFor();
  const entry = page.getByRole('listitem').filter({ hasText: 'Added since the bundle' });
  const color = await entry.locator('rect').getAttribute('fill');
  await expect.poll(() => countPixels(page, color!)).toBeGreaterThan(10);
  await page.getByLabel('Find an item').fill(newItem.title);
  await page.getByRole('option', { name: newItem.title }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('added since the bundle', { exact: true }).waitFor();
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

it('zooms, shows the title of the item under the pointer, pans, and picks the item with a click', async () => {
  const page = await openMap();
  const canvas = page.locator('canvas');
  const isDrawn = async (): Promise<string> => (await canvas.screenshot()).toString('base64');
  const whole = await isDrawn();
  await page.getByLabel('Find an item').fill('music thing no. 1');
  await page
    .getByRole('option', { name: /music thing no. 1\d/ })
    .first()
    .click();
  const title = await page.locator('.item-title').innerText();
  const mark = page.locator('.mark.selected');
  const at = async (): Promise<readonly [number, number]> => {
    const { x, y, width, height } = (await mark.boundingBox())!;
    return [x + width / 2, y + height / 2];
  };
  await page.mouse.move(...(await at()));
  await expect.poll(() => page.locator('.map-hint').innerText()).not.toContain('Drag to pan');
  await page.mouse.wheel(0, -2_000);
  await expect.poll(isDrawn).not.toBe(whole);
  // The position under the pointer keeps its place.
  await page.mouse.move(...(await at()));
  await expect.poll(() => page.locator('.map-hint').innerText()).toBe(title);
  const selected = new URL(page.url()).searchParams.get('item');
  const start = await at();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.mouse.move(...start);
  await page.mouse.down();
  await page.mouse.move(start[0] + 80, start[1] + 40, { steps: 4 });
  await page.mouse.up();
  expect(new URL(page.url()).searchParams.get('item')).toBeNull();
  await page.mouse.click(start[0] + 80, start[1] + 40);
  await expect.poll(() => new URL(page.url()).searchParams.get('item')).toBe(selected);
});

/** Returns a safetensors file with one column of the map. */
function writeColumn(name: string, data: Float32Array): Buffer {
  const shape = name === 'position' ? [data.length / 2, 2] : [data.length];
  const entry = { dtype: 'F32', shape, data_offsets: [0, data.byteLength] };
  const header = Buffer.from(JSON.stringify({ [name]: entry }).padEnd(256));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.from(data.buffer)]);
}

/** Makes the map show generated items in place of those of the bundle. */
async function showGenerated(page: Page, items: number): Promise<void> {
  const { url } = await startStack();
  await page.route('**/v1/item-map', async (route) => {
    const response = await route.fetch({ url: `${url}/api/serving/v1/item-map` });
    await route.fulfill({ json: { ...(await response.json()), items, addedItems: 0, hasPositions: true } });
  });
  // Sunflower seeds: evenly over a circle.
  const positions = Float32Array.from({ length: 2 * items }, (_, index) => {
    const item = index >> 1;
    const angle = item * Math.PI * (3 - Math.sqrt(5));
    return Math.sqrt(item / items) * (index % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
  const popularity = Float32Array.from({ length: items }, (_, item) => item % 1_000);
  await page.route('**/v1/item-map/columns?*', (route) => {
    const name = new URL(route.request().url()).searchParams.get('column')!;
    const body = writeColumn(name, name === 'position' ? positions : popularity);
    return route.fulfill({ body, contentType: 'application/octet-stream' });
  });
}

/** Collects the durations of the callbacks of all frames in `frameMs`, in milliseconds. */
const timeFrames = `
  globalThis.frameMs = [];
  const request = requestAnimationFrame;
  globalThis.requestAnimationFrame = (draw) =>
    request((time) => {
      const start = performance.now();
      draw(time);
      frameMs.push(performance.now() - start);
    });`;

/** Returns the processor time of all processes of the browser, in milliseconds. */
async function processorMs(page: Page): Promise<number> {
  const session = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return 1000 * processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

const items = Number(process.env['MAP_ITEMS'] ?? 100_000);

it(`pans ${items.toLocaleString('en')} items within the time of a frame`, { tags: 'full' }, async ({ annotate }) => {
  const page = await openPage({ path: '/explore' });
  await showGenerated(page, items);
  await page.evaluate(timeFrames);
  await page.getByRole('link', { name: 'Item map' }).click();
  await page.locator(`canvas[data-points="${items}"]`).waitFor();
  const box = (await page.locator('canvas').boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.evaluate('frameMs.length = 0');
  const before = await processorMs(page);
  for (let move = 0; move < 120; move++) await page.mouse.move(x + 100 * Math.sin(move / 10), y + move);
  const frames = await page.evaluate<number[]>('frameMs');
  const perFrame = ((await processorMs(page)) - before) / frames.length;
  await page.mouse.up();
  const sorted = frames.toSorted((a, b) => a - b);
  const [p50, p95] = [0.5, 0.95].map((share) => sorted[Math.floor(share * sorted.length)]!) as [number, number];
  await annotate(
    `${frames.length} frames. Script: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms. ` +
      `Processor time of all processes of the browser: ${perFrame.toFixed(1)} ms per frame`,
  );
  expect(frames.length).toBeGreaterThan(30);
  // 60 frames a second leave 16.7 ms for each. Other programs on the machine may take two thirds of the time.
  expect(p50).toBeLessThan((50 * Math.max(items, 100_000)) / 100_000);
});

it('is accessible, and fits a phone', async () => {
  const page = await openMap({ width: 360 });
  await expectFits(page);
  await expectAccessible(page);
});
