import { createFolderArtifactStore } from '@facet/artifacts';
import { homePaths } from '@facet/config';
import { createRunStore } from '@facet/runs';
import { beforeAll, expect, it } from 'vitest';
import { expectAccessible, expectFits, openPage } from './browser.ts';
import { startOperations } from './operations-stack.ts';
import type { OperationsStack } from './operations-stack.ts';
import { startStack } from './stack.ts';

let stack: OperationsStack;
beforeAll(async () => {
  stack = await startOperations();
});

/** The artifacts of past runs were deleted. */
const allowErrors = /404 .*\/(lineage|models)\//;
const openRefreshes = (path = '', more: object = {}) =>
  openPage({ url: stack.url, path: `/refreshes${path}`, allowErrors, ...more });

it('shows the schedule, past runs and why they ended', async () => {
  const page = await openRefreshes();
  await page.getByText('Next refresh').waitFor();
  const runs = page.getByRole('list', { name: 'Runs, newest first' });
  await runs.getByRole('listitem').nth(7).waitFor();
  await runs.getByText('rejected').click();
  await page.getByText('The bundle was deleted.').waitFor();
  await runs.getByText('failed').click();
  await page.getByText('The loss rose to 31.2 in epoch 3. Lower training.learningRate.').waitFor();
  expect(page.url()).toMatch(/run=\d{4}-\d\d-\d\d/);
  // The address reproduces the view.
  await page.reload();
  await page.getByText('The loss rose to 31.2 in epoch 3. Lower training.learningRate.').waitFor();
  await page.getByText('The next 5 refreshes').click();
  await expect.poll(() => page.getByRole('table').first().getByRole('row').count()).toBe(6);
});

it(
  'starts a refresh and shows it live, without a reload, until it is promoted; then traces its bundle',
  { tags: 'full' },
  async () => {
    const page = await openRefreshes();
    let loads = 0;
    page.on('load', () => loads++);
    await page.getByRole('button', { name: 'Start a refresh' }).click();
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.getByText(/No run was started/).waitFor();
    await page.getByLabel(/Force: run even/).check();
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.getByRole('progressbar', { name: 'Progress of train' }).waitFor();
    await page.getByText(/examples\/s/).waitFor();
    await page.getByRole('img', { name: /^Loss\. fit.*: \d/ }).waitFor();
    await page.getByRole('img', { name: /^Recall@50 in the validation window\. fit.*: \d/ }).waitFor();
    await page
      .getByText(/Requested by team/)
      .first()
      .waitFor();
    const detail = page.locator('.card', { hasText: 'Requested by team' });
    await detail.getByText('promoted').waitFor();
    await page.getByText(/best epoch \d+/).waitFor();
    await page
      .getByText(
        /^\d interests?, labels \w+\. Validation recall: 0\.\d{4} \(\d interests, labels window\), 0\.\d{4} \(\d interests, labels share\), 0\.\d{4} \(1 interest, labels window\), 0\.\d{4} \(1 interest, labels share\)\.$/,
      )
      .waitFor();

    const lineage = page.getByRole('list', { name: /^Lineage/ });
    await lineage.getByRole('button', { name: /Promoted once/ }).waitFor();
    await lineage.getByRole('button', { name: /Lake, version/ }).click();
    await page
      .getByRole('region', { name: 'Files of the lake' })
      .getByText(/dt=\d{4}/)
      .first()
      .waitFor();
    await lineage.getByRole('button', { name: /Model/ }).click();
    await page.getByText('Started from').waitFor();
    expect(loads).toBe(0);
    await expectAccessible(page);
  },
);

// The test before this one makes the bundle.
it('leads from a rejected run to the comparison of its bundle, while it exists', { tags: 'full' }, async () => {
  const { artifactsFolder, runsFolder } = homePaths(stack.home);
  const [bundle] = await createFolderArtifactStore(artifactsFolder).list('bundle');
  const runs = createRunStore(runsFolder);
  const rejected = (await runs.list({ limit: 20 })).find(({ state }) => state === 'rejected')!;
  const { runId } = rejected.run;
  const stages = rejected.stages.filter(({ outputs }) => outputs?.bundleId !== undefined);
  for (const record of stages) {
    await runs.write(runId, { ...record, outputs: { ...record.outputs, bundleId: bundle!.ref.id } });
  }
  try {
    const page = await openRefreshes(`?run=${runId}`);
    const link = page.getByRole('link', { name: 'Compare it with the current one' });
    await link.waitFor();
    expect(await link.getAttribute('href')).toBe(`/compare?after=${bundle!.ref.id}`);
  } finally {
    // For other tests, the bundle of this run is deleted.
    for (const record of stages) await runs.write(runId, record);
  }
});

it('cancels a run with a reason', { tags: 'full' }, async () => {
  const page = await openRefreshes('', { allowErrors: /404|409/ });
  await page.getByRole('button', { name: 'Start a refresh' }).click();
  await page.getByLabel(/Force: run even/).check();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  const refusal = { status: 409, json: { message: 'It ends already.' } };
  await page.route('**/cancel', (route) => route.fulfill(refusal), { times: 1 });
  await page.getByRole('button', { name: 'Cancel this run' }).click();
  await page.getByRole('button', { name: 'Cancel the run' }).click();
  await page.getByText('It ends already.').waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  // The earlier error is not about this attempt.
  await page.getByRole('button', { name: 'Cancel this run' }).click();
  await page.getByRole('dialog').waitFor();
  expect(await page.getByText('It ends already.').count()).toBe(0);
  await page.getByLabel('Reason').fill('A test of <b>canceling</b>');
  await page.getByRole('button', { name: 'Cancel the run' }).click();
  await page.locator('.card', { hasText: 'Requested by team' }).getByText('canceled').waitFor();
  await page.locator('.runs .card').nth(1).getByText('A test of <b>canceling</b>', { exact: true }).waitFor();
});

it('lets a key with the scope read look, and no other', async () => {
  const page = await openRefreshes('', { key: 'read' });
  await page.getByText('Next refresh').waitFor();
  await expect.poll(() => page.getByRole('button', { name: 'Start a refresh' }).isDisabled()).toBe(true);
  const refused = await openRefreshes('', { key: 'serve', allowErrors: /403/ });
  await refused.getByText('This API key may not do that').first().waitFor();
});

it('says how to start the trainer when it does not run', { tags: 'full' }, async () => {
  const { url } = await startStack();
  const page = await openPage({ url, path: '/refreshes', allowErrors: /502/ });
  await page.getByText('The trainer is not running').first().waitFor();
  await page.getByText('npm run trainer').first().waitFor();
});

it('is accessible, and fits a phone', { tags: 'full' }, async () => {
  const page = await openRefreshes();
  await page.getByRole('list', { name: 'Runs, newest first' }).getByText('rejected').click();
  await page.getByText('The bundle was deleted.').waitFor();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Start a refresh' }).click();
  await page.getByRole('dialog').waitFor();
  await expectAccessible(page);
  const phone = await openRefreshes('', { width: 360 });
  await phone.getByRole('list', { name: 'Runs, newest first' }).waitFor();
  await expectFits(phone);
});
