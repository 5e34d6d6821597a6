import { createLogger, parseWith } from '@facet/platform';
import { ServingSettings } from '@facet/recommendations/settings';
import { forTest } from '@facet/testing';
import { expect, it } from 'vitest';
import { Jobs } from '../src/comparisons/jobs.ts';

it('keeps the failure of a job until a caller gets it', async () => {
  let starts = 0;
  const jobs = forTest(new Jobs(createLogger({ name: 'test', destination: { write: () => void starts++ } })));
  const side = { bundleId: 'f'.repeat(32), overrides: {} };
  const settings = parseWith(ServingSettings, {}, { source: 'settings' });
  const task = { artifactsFolder: '/none', before: side, after: side, settings, limit: 5, usersMax: 5 };
  const ask = () =>
    jobs.run({ kind: 'compare', ...task }, 0).then(
      () => 'running',
      ({ code }: { readonly code: string }) => code,
    );
  await expect.poll(ask, { timeout: 50_000 }).toBe('ARTIFACT_NOT_FOUND');
  expect(starts).toBe(1);
  await ask();
  await expect.poll(() => starts).toBe(2);
});
