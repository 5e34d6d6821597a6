import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { openPage } from './browser.ts';
import { startOperations } from './operations-stack.ts';

const isWanted = process.env['FACET_SCREENSHOT_HOME'] !== undefined;
const folder = fileURLToPath(new URL('../../../docs/console', import.meta.url));

interface View {
  readonly height: number;
  /** Resolves when the view is complete. */
  readonly show: (page: Page) => Promise<void>;
}

const views: Readonly<Record<'data' | 'experiments' | 'refreshes', View>> = {
  data: {
    height: 1180,
    async show(page) {
      const days = page.getByRole('region', { name: 'Health by day' });
      await days.waitFor();
      await expect.poll(() => days.getByText('Checking…').count()).toBe(0);
    },
  },
  experiments: {
    height: 1000,
    show: (page) => page.getByRole('img', { name: /^Share of responses with click/ }).waitFor(),
  },
  refreshes: {
    height: 1180,
    async show(page) {
      await page.getByRole('button', { name: 'Start a refresh' }).click();
      await page.getByLabel(/Force: run even/).check();
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.getByText(/epoch ([6-9]|1\d) of/).waitFor();
    },
  },
};

it.skipIf(!isWanted).each(Object.entries(views))(
  'writes the screenshot of %s for docs/console.md; needs FACET_SCREENSHOT_HOME',
  async (name, { height, show }) => {
    const { url, sendEvents } = await startOperations();
    await sendEvents(
      Array.from({ length: 140 }, (_, place) => ({
        eventId: `shot-${place}`,
        type: place % 3 === 0 ? 'purchase' : 'click',
        userId: `person-${place % 60}`,
        itemId: `item-${place}`,
        occurredAt: place > 137 ? 'soon' : new Date(Date.now() - place * 1000).toISOString(),
      })),
    );
    const page = await openPage({ url, path: `/${name}`, allowErrors: /404 .*\/(lineage|models)\// });
    await page.setViewportSize({ width: 1280, height });
    await show(page);
    await page.evaluate('document.activeElement?.blur()');
    const image = await page.screenshot({ path: join(folder, `${name}.png`) });
    expect(image.length).toBeLessThan(500_000);
  },
);
