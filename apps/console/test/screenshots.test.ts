import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePorts, startFacetProcess } from '@facet/local-services';
import { expect, it } from 'vitest';
import { openPage } from './browser.ts';
import { startConsole, startStack } from './stack.ts';

const home = process.env['FACET_SCREENSHOT_HOME'];
const folder = fileURLToPath(new URL('../../../docs/console', import.meta.url));

/** The views of docs/console.md on MovieLens 100K, by the name of their file, with a text that shows that they are complete. */
const views = {
  explore: { path: '/explore?user=777', text: 'Excluded', height: 980 },
} as const;

it.skipIf(home === undefined)(
  'writes the screenshots of docs/console.md; needs FACET_SCREENSHOT_HOME, a home of MovieLens from npm start',
  async () => {
    const { keysFile } = await startStack();
    const [port = 0] = await findFreePorts(1);
    const servingUrl = `http://127.0.0.1:${port}`;
    await startFacetProcess({
      app: 'serving',
      readyUrl: `${servingUrl}/readyz`,
      env: { FACET_HOME: home!, FACET_PORT: String(port), FACET_API_KEYS_FILE: keysFile, FACET_LOG_LEVEL: 'warn' },
    });
    const { url } = await startConsole({ keysFile, upstreams: { FACET_SERVING_URL: servingUrl } });
    mkdirSync(folder, { recursive: true });
    for (const [name, { path, text, height }] of Object.entries(views)) {
      const page = await openPage({ url, path });
      await page.setViewportSize({ width: 1280, height });
      await page.getByText(text).first().waitFor();
      await page.evaluate('document.activeElement?.blur()');
      const image = await page.screenshot({ path: join(folder, `${name}.png`) });
      expect(image.length).toBeLessThan(500_000);
    }
  },
  120_000,
);
