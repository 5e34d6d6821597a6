import { beforeAll, expect, it } from 'vitest';
import { expectAccessible, expectFits, openPage } from './browser.ts';
import { keys, startStack } from './stack.ts';

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
  await page.getByRole('img', { name: /^p99 by stage\. profile: [\d.]+ / }).waitFor();
  await page.getByText('The gate has not checked this bundle').waitFor();
  await page.getByText('No Prometheus').waitFor();
  await expectAccessible(page);
});

it('the age of a process grows while the page is open', { tags: 'full' }, async () => {
  const page = await openPage({ path: '/health' });
  await page.clock.install();
  await page.reload();
  const age = page.getByRole('row', { name: /serving/ }).locator('time');
  await age.waitFor();
  await page.clock.fastForward('02:00:00');
  await expect.poll(() => age.innerText()).toMatch(/^\d h/);
});

it('Health fits a phone', async () => {
  const page = await openPage({ path: '/health', width: 360 });
  await page.getByText('Fallback share', { exact: true }).waitFor();
  await expectFits(page);
});

it('links to the documentation of the running version', { tags: 'full' }, async () => {
  const page = await openPage({ path: '/health' });
  const [docs] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('link', { name: 'What the stages are' }).click(),
  ]);
  await docs.getByRole('heading', { name: 'Request timing' }).waitFor();
  await expectAccessible(docs);
});

it('says that a key without the scope admin may not read metrics', { tags: 'full' }, async () => {
  const page = await openPage({ path: '/health', key: 'serve', allowErrors: /403/ });
  await page.getByText('This API key may not do that').waitFor();
});
