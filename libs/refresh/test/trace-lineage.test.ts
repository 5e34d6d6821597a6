import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { homePaths } from '@facet/config';
import { AppError } from '@facet/platform';
import { temporaryFolder } from '@facet/testing';
import { expect, it } from 'vitest';
import { traceLineage } from '../src/execution/trace-lineage.ts';

it('marks a dataset of another format as gone, but not a dataset that the store cannot read during an outage', async () => {
  const home = homePaths(await temporaryFolder());
  const store = createFolderArtifactStore(home.artifactsFolder);
  const { id } = await store.put('dataset', (folder) => writeFile(join(folder, 'dataset.json'), '{}'), {});
  expect(await traceLineage(id, { home, store })).toMatchObject({ dataset: { id, isGone: true } });

  const outage = new AppError('S3 did not respond.', {
    code: 'S3_UNREACHABLE',
    category: 'unavailable',
    retryable: true,
  });
  const unreachable = { ...store, open: async () => Promise.reject(outage) };
  await expect(traceLineage(id, { home, store: unreachable })).rejects.toBe(outage);
});
