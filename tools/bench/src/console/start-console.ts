import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireService, startFacetProcess } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext } from 'playwright-core';

export interface StartedConsole {
  readonly url: string;
  /** Opens a session with an empty cache. */
  openSession(): Promise<BrowserContext>;
  stop(): Promise<void>;
}

/** WebGL runs on the CPU if the machine has no graphics card. */
const browserArgs = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
];

/** Starts serving and a console on a data home, and Chromium. Settings and keys are in `folder`. */
export async function startConsole(home: string, folder: string): Promise<StartedConsole> {
  const key = createApiKey();
  const keysFile = join(folder, 'keys.yaml');
  await addApiKey(keysFile, { name: 'bench', scopes: ['serve', 'admin'], sha256: hashApiKey(key) });
  const configFile = join(folder, 'facet.yaml');
  await writeFile(configFile, '');
  const env = {
    FACET_HOME: home,
    FACET_CONFIG: configFile,
    FACET_API_KEYS_FILE: keysFile,
    FACET_LOG_LEVEL: 'warn',
  };
  const serving = await startFacetProcess({ app: 'serving', env });
  const page = await startFacetProcess({ app: 'console', env: { ...env, FACET_SERVING_URL: serving.url } });
  const { url } = page;
  const browser: Browser = await chromium.launch({ executablePath: requireService('chromium'), args: browserArgs });
  return {
    url,
    async openSession() {
      const context = await browser.newContext();
      context.setDefaultTimeout(600_000);
      await context.request.post(`${url}/session`, { headers: { 'x-facet-console': '1' }, data: { key } });
      return context;
    },
    async stop() {
      await browser.close();
      await Promise.all([page.stop(), serving.stop()]);
    },
  };
}
