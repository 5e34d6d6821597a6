import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromiumPath, findFreePorts, startFacetProcess } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { logProgress, readOptions } from '../command-line.ts';

const help = `Measure the first view and the interactions of the page Explore in Chromium

  npm run bench -- console [options]

Options:
  --home DIR   Data home with a current bundle (default: .facet/movielens-100k, which npm start makes)
  --repeat N   Number of measurements (default: 10)
  --json       Print the results as JSON
  --help       Print this help

first view   From the request of the page, with an empty cache, to the first recommendation. Budget: 1,500 ms
script       Size of the scripts of that view, gzipped. Budget: 250 kB
interaction  From a change of the merge to the new list, without the time of the API. Budget: 100 ms

Exit code: 1 when a median exceeds its budget.`;

const { values } = readOptions(help, {
  home: { type: 'string', default: join('.facet', 'movielens-100k') },
  repeat: { type: 'string', default: '10' },
  json: { type: 'boolean', default: false },
});

const budgets = { firstViewMs: 1_500, scriptKilobytes: 250, interactionMs: 100 } as const;
type Figure = keyof typeof budgets;

/** Runs in the page: notes when the first recommendation appears. */
const watchFirstView = `new MutationObserver((_, observer) => {
  if (document.querySelector('.items .item') === null) return;
  window.firstViewMs = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true })`;

/** Runs in the page: changes the merge, and resolves with the time to the new list, less that of the API. */
const measureInteraction = `(merge) => new Promise((resolve) => {
  const list = () => document.querySelector('.items:not(.gone)');
  const before = list().textContent;
  const startedAt = performance.now();
  new MutationObserver((_, observer) => {
    if (list() === null || list().classList.contains('stale') || list().textContent === before) return;
    observer.disconnect();
    const ms = performance.now() - startedAt;
    const calls = performance.getEntriesByType('resource').filter(
      ({ name, startTime }) => name.endsWith('/v1/recommendations') && startTime >= startedAt);
    resolve(ms - Math.max(...calls.map(({ duration }) => duration)));
  }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
  const select = document.querySelector('.controls select');
  select.value = merge;
  select.dispatchEvent(new Event('change', { bubbles: true }));
})`;

const folder = await mkdtemp(join(tmpdir(), 'facet-bench-console-'));
try {
  const figures = await measure(Number(values.repeat));
  const medians = Object.fromEntries(Object.entries(figures).map(([name, all]) => [name, medianOf(all)]));
  if (values.json) console.log(JSON.stringify({ medians, figures, budgets }));
  else console.log(render(figures));
  process.exitCode = Object.entries(budgets).some(([name, budget]) => medians[name]! > budget) ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(repeats: number): Promise<Record<Figure, number[]>> {
  const { url, key, stop } = await startConsole();
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] });
  const figures: Record<Figure, number[]> = { firstViewMs: [], scriptKilobytes: [], interactionMs: [] };
  try {
    // Serving compiles its code during the first requests.
    await open(browser, url, key);
    for (let repeat = 0; repeat < repeats; repeat++) {
      const { page, scriptBytes } = await open(browser, url, key);
      figures.firstViewMs.push((await page.evaluate('window.firstViewMs')) as number);
      figures.scriptKilobytes.push(scriptBytes / 1000);
      for (const merge of ['round-robin', 'max']) {
        figures.interactionMs.push((await page.evaluate(`(${measureInteraction})('${merge}')`)) as number);
      }
      await page.context().close();
      logProgress(`${repeat + 1} of ${repeats}`);
    }
  } finally {
    await browser.close();
    await stop();
  }
  return figures;
}

interface Started {
  readonly url: string;
  readonly key: string;
  stop(): Promise<void>;
}

/** Starts serving and a console on the data home. */
async function startConsole(): Promise<Started> {
  const key = createApiKey();
  const keysFile = join(folder, 'keys.yaml');
  await addApiKey(keysFile, { name: 'bench', scopes: ['serve', 'admin'], sha256: hashApiKey(key) });
  const configFile = join(folder, 'facet.yaml');
  await writeFile(configFile, '');
  const [servingPort = 0, port = 0] = await findFreePorts(2);
  const servingUrl = `http://127.0.0.1:${servingPort}`;
  const env = {
    FACET_HOME: resolve(values.home),
    FACET_CONFIG: configFile,
    FACET_EXPOSURES: join(folder, 'exposures'),
    FACET_API_KEYS_FILE: keysFile,
    FACET_LOG_LEVEL: 'warn',
  };
  const serving = await startFacetProcess({
    app: 'serving',
    env: { ...env, FACET_PORT: String(servingPort) },
    readyUrl: `${servingUrl}/readyz`,
  });
  const url = `http://127.0.0.1:${port}`;
  const page = await startFacetProcess({
    app: 'console',
    env: { ...env, FACET_PORT: String(port), FACET_SERVING_URL: servingUrl },
    readyUrl: `${url}/readyz`,
  });
  const stop = async (): Promise<void> => void (await Promise.all([page.stop(), serving.stop()]));
  return { url, key, stop };
}

/** Opens Explore with an empty cache, and waits for its first recommendation. */
async function open(browser: Browser, url: string, key: string): Promise<{ page: Page; scriptBytes: number }> {
  const context = await browser.newContext();
  await context.request.post(`${url}/session`, { headers: { 'x-facet-console': '1' }, data: { key } });
  const page = await context.newPage();
  const scripts: Promise<Buffer>[] = [];
  page.on('response', (response) => {
    if (response.url().endsWith('.js')) scripts.push(response.body());
  });
  await page.addInitScript(watchFirstView);
  await page.goto(`${url}/explore`);
  await page.locator('.items .item').first().waitFor();
  const bodies = await Promise.all(scripts);
  return { page, scriptBytes: bodies.reduce((sum, body) => sum + gzipSync(body).length, 0) };
}

function medianOf(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
}

function render(figures: Record<Figure, number[]>): string {
  return Object.entries(figures)
    .map(([name, all]) => {
      const [median, high] = [medianOf(all), Math.max(...all)].map((value) => Math.round(value));
      return `${name.padEnd(16)} median ${median}   highest ${high}   budget ${budgets[name as Figure]}`;
    })
    .join('\n');
}
