import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleFiles } from '@facet/bundles';
import { homePaths } from '@facet/config';
import { openLakeSnapshot, openLakeWriter, upsertItems, upsertUsers } from '@facet/lake';
import { hashUser } from '@facet/schemas';
import { temporaryFolder } from '@facet/testing';
import { beforeEach, expect, it } from 'vitest';
import { writeFile } from 'node:fs/promises';
import { eraseFromArtifacts, findUserInArtifacts } from '../src/erasures/index.ts';
import { createStageContext, datasetStage, openDataset } from '../src/index.ts';
import type { StageContext } from '../src/index.ts';
import { closing, people, shopConfig, shopEvents, things } from './tiny-shop.ts';

const userId = 'person01';
let context: StageContext;
let datasetId: string;

beforeEach(async () => {
  const config = shopConfig({ split: { testDays: 10, validationDays: 10 } });
  context = createStageContext(homePaths(await temporaryFolder()), config);
  const writer = await openLakeWriter(context.home.lakeFolder);
  const events = shopEvents();
  const logged = events.map((event, offset) => ({ offset, event }));
  writer.add('facet.events.v1-0', logged, events.length);
  await writer.commit();
  await writer.close();
  await upsertItems(context.home.catalogFolder, things);
  await upsertUsers(context.home.catalogFolder, [...people, { userId, attributes: { city: 'Ghent' } }]);
  ({ datasetId } = (await datasetStage(context)).output);
});

async function eraseUser(): Promise<readonly { readonly userHash: string; readonly version: number }[]> {
  const writer = await openLakeWriter(context.home.lakeFolder);
  const erasure = { erasureId: 'e', userHash: hashUser(userId), requestedAt: closing * 2, requestedBy: 'test' };
  writer.addErasure({ ...erasure, sessionHashes: [] });
  await writer.commit();
  await writer.close();
  return (await openLakeSnapshot(context.home.lakeFolder)).erasures;
}

it('erases the id and the attributes of a user from a dataset, which keeps its id and its rows', async () => {
  const { store } = context;
  const before = await openDataset(store, datasetId);
  const row = before.sequences.userIds.indexOf(userId);
  expect(before.userAttributes[row]).toEqual({ city: 'Ghent' });
  expect(await eraseFromArtifacts(store, [])).toEqual([]);
  const erasures = await eraseUser();
  const ref = { kind: 'dataset', id: datasetId };
  expect(await findUserInArtifacts(store, userId, erasures)).toEqual([{ ref, path: 'users.jsonl', users: 1 }]);

  expect(await eraseFromArtifacts(store, erasures)).toEqual([{ ref, path: 'users.jsonl', users: 1 }]);
  expect(await eraseFromArtifacts(store, erasures)).toEqual([]);
  expect(await findUserInArtifacts(store, userId, erasures)).toEqual([]);
  const after = await openDataset(store, datasetId);
  expect(after.sequences.userIds[row]).toMatch(/^erased:/);
  expect(after.userAttributes[row]).toBeUndefined();
  expect(after.sequences.userIds.toSpliced(row, 1)).toEqual(before.sequences.userIds.toSpliced(row, 1));
  expect(after.sequences.items).toEqual(before.sequences.items);
});

it('does not change a dataset that was built after the erasure, or by a user who came back', async () => {
  const erasures = await eraseUser();
  const writer = await openLakeWriter(context.home.lakeFolder);
  const offset = writer.committed('facet.events.v1-0');
  const event = {
    eventId: 'back',
    type: 'purchase',
    userId,
    itemId: 'thing01',
    occurredAt: closing,
    receivedAt: closing * 2 + 1,
  };
  writer.add('facet.events.v1-0', [{ offset, event }], offset + 1);
  await writer.commit();
  await writer.close();
  const later = (await datasetStage(context)).output.datasetId;
  expect((await openDataset(context.store, later)).sequences.userIds).toContain(userId);
  const changed = await eraseFromArtifacts(context.store, erasures);
  expect(changed.map(({ ref }) => ref.id)).toEqual([datasetId]);
  expect(await findUserInArtifacts(context.store, userId, erasures)).toEqual([]);
  expect(await findUserInArtifacts(context.store, userId, [])).toHaveLength(1);
});

it('erases the id from a bundle with a vector per user', async () => {
  const { store } = context;
  const ref = await store.put(
    'bundle',
    (folder) => writeFile(join(folder, bundleFiles.userIds), JSON.stringify(['person00', userId, 'person02'])),
    { datasetId },
  );
  const erasures = await eraseUser();
  expect(await findUserInArtifacts(store, userId, erasures)).toHaveLength(2);
  expect(await eraseFromArtifacts(store, erasures)).toHaveLength(2);
  const { folder } = await store.open(ref);
  expect(JSON.parse(await readFile(join(folder, bundleFiles.userIds), 'utf8'))).toEqual([
    'person00',
    expect.stringMatching(/^erased:/),
    'person02',
  ]);
  expect(await findUserInArtifacts(store, userId, erasures)).toEqual([]);
});
