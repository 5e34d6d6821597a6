import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { beforeAll, expect, it } from 'vitest';
import { expectAccessible, expectFits, openPage } from './browser.ts';
import { keys, startStack } from './stack.ts';

let candidate: string;

beforeAll(async () => {
  const { home } = await startStack();
  const store = createFolderArtifactStore(join(home, 'artifacts'));
  const current = (await store.readRef('current'))!;
  const { folder, manifest } = await store.open(current);
  // The same model with another recorded metric is another bundle.
  const other = await store.put(
    'bundle',
    async (target) => {
      for (const { path } of manifest.files) cpSync(join(folder, path), join(target, path));
      const info = JSON.parse(readFileSync(join(folder, 'bundle.json'), 'utf8')) as { metrics: object };
      writeFileSync(join(target, 'bundle.json'), JSON.stringify({ ...info, metrics: { ...info.metrics, copied: 1 } }));
    },
    manifest.metadata,
  );
  candidate = other.id;
});

it('compares two bundles for one user and for a sample', async () => {
  const page = await openPage({ path: '/compare' });
  await page.getByLabel('Bundle or arm').last().selectOption(candidate);
  await page.getByLabel('Merge').last().selectOption('round-robin');
  const { servingUrl } = await startStack();
  const response = await fetch(`${servingUrl}/v1/users?limit=1`, { headers: { 'x-api-key': keys.serve } });
  const { users } = (await response.json()) as { users: { userId: string }[] };
  await page.getByLabel('User id').fill(users[0]!.userId);
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.getByText('of the items stay').waitFor();
  await page.locator('.compare-list').nth(1).waitFor();
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  await page.getByRole('rowheader', { name: 'NDCG@50' }).waitFor();
  await page.getByText('of a list stays').waitFor();
  const { searchParams } = new URL(page.url());
  expect(searchParams.get('after')).toBe(candidate);
  expect(searchParams.get('afterMerge')).toBe('round-robin');
});

it('tries again to compare when that failed', { tags: 'full' }, async () => {
  const page = await openPage({ path: `/compare?after=${candidate}`, allowErrors: /500/ });
  await page.route('**/v1/comparisons', (route) => route.fulfill({ status: 500, json: {} }), { times: 1 });
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  await page.getByText('Trying again every few seconds.').waitFor();
  await page.getByRole('rowheader', { name: 'NDCG@50' }).waitFor();
});

it('shows the verdict of the gate check by check, promotes, and rolls back', async () => {
  const page = await openPage({ path: `/compare?after=${candidate}` });
  await page.getByText('The gate has not checked this bundle').waitFor();
  await page.getByRole('button', { name: 'Run the gate' }).click();
  await page.getByText(/^(passed|rejected)$/).waitFor();
  await page
    .getByRole('rowheader', { name: /^latency|^users/ })
    .first()
    .waitFor();
  const promote = page.getByRole('button', { name: `Promote ${candidate.slice(0, 12)}` });
  await expect.poll(() => promote.isDisabled()).toBe(true);
  await page.getByLabel('Reason, for the promotion log').fill('Looks <b>good</b>');
  await promote.click();
  await page.getByText('goes live within seconds').waitFor();
  await page.getByText(': Looks <b>good</b>').waitFor();
  await page.getByLabel('Reason, for the promotion log').fill('It was a test');
  await page.getByRole('button', { name: /^Roll back to/ }).click();
  await page.locator('.promotions li', { hasText: 'It was a test' }).getByText('rollback').waitFor();
});

it('says which scope is missing', { tags: 'full' }, async () => {
  const page = await openPage({ path: '/compare', key: 'serve' });
  await page.getByText('This API key may not compare bundles').waitFor();
});

it('is accessible, and fits a phone', { tags: 'full' }, async () => {
  const page = await openPage({ path: `/compare?after=${candidate}`, width: 360 });
  await page.getByRole('heading', { name: 'Promotion log' }).waitFor();
  await expectFits(page);
  await expectAccessible(page);
});
