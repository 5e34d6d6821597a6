import { beforeAll, expect, it } from 'vitest';
import { expectAccessible, expectFits, openPage } from './browser.ts';
import { startHostileApi } from './hostile-api.ts';
import type { Treatment } from './hostile-api.ts';
import { keys, startConsole, startStack } from './stack.ts';

beforeAll(startStack);

async function askFor(userId: string): Promise<void> {
  const { servingUrl } = await startStack();
  const response = await fetch(`${servingUrl}/v1/recommendations`, {
    method: 'POST',
    headers: { 'x-api-key': keys.serve, 'content-type': 'application/json' },
    body: JSON.stringify({ userId, limit: 5 }),
  });
  expect(response.status).toBe(200);
}

it('shows the processes, what serving serves, and the latency of each stage', async () => {
  await askFor('u1');
  await askFor('no such user');
  const page = await openPage({ path: '/health' });
  const serving = page.getByRole('row', { name: /serving/ });
  await serving.getByText('Ready').waitFor();
  await serving.getByText('0.1.0').waitFor();
  await page
    .getByRole('row', { name: /trainer/ })
    .getByText('Not running')
    .waitFor();
  await page.getByText(/of \d+ recommendations are popular items/).waitFor();
  await page
    .getByRole('row', { name: /interests/ })
    .first()
    .waitFor();
  await page.getByRole('img', { name: /^Duration of requests for recommendations\. p50: [\d.]+ / }).waitFor();
  await page.getByRole('img', { name: /^p99 of each stage of these requests\. profile: [\d.]+ / }).waitFor();
  await page.getByText('The gate has not checked this bundle').waitFor();
  await page.getByText('No Prometheus').waitFor();
  await expectAccessible(page);
});

it('Health fits a phone', async () => {
  const page = await openPage({ path: '/health', width: 360 });
  await page.getByText('Fallback share', { exact: true }).waitFor();
  await expectFits(page);
});

it('links to the documentation of the running version', async () => {
  const page = await openPage({ path: '/health' });
  const [docs] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('link', { name: 'What the stages are' }).click(),
  ]);
  await docs.getByRole('heading', { name: 'Request timing' }).waitFor();
  await expectAccessible(docs);
});

it('says that a key without the scope admin may not read metrics', async () => {
  const page = await openPage({ path: '/health', key: 'serve', allowErrors: /403/ });
  await page.getByText('This API key may not do that').waitFor();
});

it.each<[string, Treatment, string | RegExp]>([
  ['refuses the key', { status: 401 }, 'This API key is not accepted'],
  ['limits the rate', { status: 429 }, 'Too many requests'],
  ['is overloaded', { status: 503 }, 'Serving is busy or not ready'],
])('says that an API %s, and recovers', async (_what, treatment, title) => {
  const { servingUrl, keysFile } = await startStack();
  const api = await startHostileApi(servingUrl);
  const { url } = await startConsole({ keysFile, upstreams: { FACET_SERVING_URL: api.url } });
  const page = await openPage({ url, path: '/docs/serving.md', allowErrors: /40[13]|429|50[234]/ });
  await page.getByRole('heading', { name: 'Metrics' }).waitFor();
  // The state of the processes is asked first.
  await page.route('**/api/serving/metrics', async (route) => {
    api.treatment = isHostile ? treatment : 'normal';
    await route.continue();
  });
  let isHostile = true;
  await page.getByRole('link', { name: 'Health' }).click();
  await page.getByText(title).waitFor();
  isHostile = false;
  api.treatment = 'normal';
  await page.getByText('Fallback share', { exact: true }).waitFor();
});

it('says that an API is slow, and shows its data when it comes', async () => {
  const { servingUrl, keysFile } = await startStack();
  const api = await startHostileApi(servingUrl);
  const { url } = await startConsole({ keysFile, upstreams: { FACET_SERVING_URL: api.url } });
  const page = await openPage({ url, path: '/docs/serving.md' });
  await page.route('**/api/serving/metrics', async (route) => {
    api.treatment = { delayMs: 6_000 };
    await route.continue();
  });
  await page.getByRole('link', { name: 'Health' }).click();
  await page.getByText('Loading the metrics of serving takes longer than usual').waitFor();
  await page.getByText('Fallback share', { exact: true }).waitFor();
});

it('says that an API is down, and shows it again when it is back', async () => {
  const { servingUrl, keysFile } = await startStack();
  const api = await startHostileApi(servingUrl);
  const { url } = await startConsole({ keysFile, upstreams: { FACET_SERVING_URL: api.url } });
  const page = await openPage({ url, path: '/health', allowErrors: /502/ });
  const row = page.getByRole('row', { name: /serving/ });
  await row.getByText('Ready').waitFor();
  api.treatment = 'down';
  await row.getByText('Not running').waitFor();
  api.treatment = 'normal';
  await row.getByText('Ready').waitFor();
});
