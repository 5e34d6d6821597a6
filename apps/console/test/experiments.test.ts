import { beforeAll, expect, it } from 'vitest';
import { expectAccessible, expectFits, openPage } from './browser.ts';
import { startOperations } from './operations-stack.ts';
import type { OperationsStack } from './operations-stack.ts';
import { startStack } from './stack.ts';

let stack: OperationsStack;
beforeAll(async () => {
  stack = await startOperations();
});

const openExperiments = (path = '', more: object = {}) =>
  openPage({ url: stack.url, path: `/experiments${path}`, ...more });

it('compares the arms of an experiment: their users, rates, days and interests', async () => {
  const page = await openExperiments();
  await page.getByText('comparable arms').waitFor();
  const arms = page.getByRole('region', { name: 'Arms' });
  await expect.poll(() => arms.getByRole('row').count()).toBe(3);
  await page.getByRole('heading', { name: 'Click-through rate' }).waitFor();
  await page.getByRole('heading', { name: 'Conversion' }).waitFor();
  const clicks = page.getByRole('region', { name: 'Shares with click' });
  await clicks
    .getByText(/^[+−]\d+\.\d\d pp$/)
    .first()
    .waitFor();
  await page
    .getByRole('img', { name: /^Share of responses with click by UTC day, with intervals\. control: \d/ })
    .waitFor();
  await page.getByText('By the interest that found the item').first().click();
  const interests = page.getByRole('region', { name: 'Interests of items with click' });
  await expect.poll(() => interests.getByRole('row').count()).toBe(7);

  await page.getByLabel('Outcome window').selectOption('72');
  await expect.poll(() => page.url()).toContain('windowHours=72');
  await page.getByText('comparable arms').waitFor();
});

it('says how to start the trainer when it does not run', async () => {
  const { url } = await startStack();
  const page = await openPage({ url, path: '/experiments', allowErrors: /502/ });
  await page.getByText('The trainer is not running').waitFor();
});

it('is accessible, and fits a phone', { tags: 'full' }, async () => {
  const page = await openExperiments();
  await page.getByText('comparable arms').waitFor();
  await page.getByText('By the interest that found the item').first().click();
  await expectAccessible(page);
  const phone = await openExperiments('', { width: 360 });
  await phone.getByText('comparable arms').waitFor();
  await expectFits(phone);
});
