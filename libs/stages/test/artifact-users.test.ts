import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { bundleFiles } from '@facet/bundles';
import { homePaths } from '@facet/config';
import { openLakeSnapshot, upsertItems, upsertUsers } from '@facet/lake';
import type { LakeSnapshot } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { beforeEach, expect, it } from 'vitest';
import * as erasures from '../src/erasures.ts';
import { createStageContext } from '../src/stage.ts';
import { datasetStage } from '../src/stages.ts';
import { openDataset } from '../src/dataset/dataset-artifact.ts';
import type { StageContext } from '../src/stage.ts';
import { addToLake } from './shops/lake-of-events.ts';
import { closing, people, shopConfig, shopEvents, things } from './shops/tiny-shop.ts';

const userId = 'person01';
let context: StageContext;
let datasetId: string;

beforeEach(async () => {
  const config = shopConfig({ split: { testDays: 10, validationDays: 10 } });
  context = createStageContext(homePaths(await temporaryFolder()), config);
  await addToLake(context.home.lakeFolder, shopEvents());
  await upsertItems(context.home.catalogFolder, things);
  await upsertUsers(context.home.catalogFolder, [...people, { userId, attributes: { city: 'Ghent' } }]);
  ({ datasetId } = (await datasetStage(context)).output);
});

/** Expects no damaged artifact. */
async function findUserInArtifacts(...args: Parameters<typeof erasures.findUserInArtifacts>) {
  const { found, damaged } = await erasures.findUserInArtifacts(...args);
  expect(damaged).toEqual([]);
  return found;
}

/** Expects no damaged artifact. */
async function eraseFromArtifacts(...args: Parameters<typeof erasures.eraseFromArtifacts>) {
  const { changed, damaged } = await erasures.eraseFromArtifacts(...args);
  expect(damaged).toEqual([]);
  return changed;
}

async function eraseUser(): Promise<LakeSnapshot> {
  await addToLake(context.home.lakeFolder, [], { erased: [userId], erasedAt: closing * 2 });
  return openLakeSnapshot(context.home.lakeFolder);
}

it('erases the id and the attributes of a user from a dataset, which keeps its id and its rows', async () => {
  const { store } = context;
  const before = await openDataset(store, datasetId);
  const row = before.sequences.userIds.indexOf(userId);
  expect(before.userAttributes[row]).toEqual({ city: 'Ghent' });
  expect(await eraseFromArtifacts(store, await openLakeSnapshot(context.home.lakeFolder))).toEqual([]);
  const recorded = await eraseUser();
  const ref = { kind: 'dataset', id: datasetId };
  expect(await findUserInArtifacts(store, userId, recorded.erasures)).toEqual([{ ref, path: 'users.jsonl', users: 1 }]);

  expect(await eraseFromArtifacts(store, recorded)).toEqual([{ ref, path: 'users.jsonl', users: 1 }]);
  expect(await eraseFromArtifacts(store, recorded)).toEqual([]);
  expect(await findUserInArtifacts(store, userId, recorded.erasures)).toEqual([]);
  const after = await openDataset(store, datasetId);
  expect(after.sequences.userIds[row]).toMatch(/^erased:/);
  expect(after.userAttributes[row]).toBeUndefined();
  expect(after.sequences.userIds.toSpliced(row, 1)).toEqual(before.sequences.userIds.toSpliced(row, 1));
  expect(after.sequences.items).toEqual(before.sequences.items);
});

it('does not change a dataset that was built after the erasure, or by a user who came back', async () => {
  await eraseUser();
  const back = { userId, occurredAt: closing, receivedAt: closing * 2 + 1 };
  const { lakeFolder } = context.home;
  await addToLake(lakeFolder, [{ ...back, eventId: 'back', type: 'purchase', itemId: 'thing01' }]);
  const later = (await datasetStage(context)).output.datasetId;
  expect((await openDataset(context.store, later)).sequences.userIds).toContain(userId);
  // A login opens the erasure again, because it may name an earlier session.
  await addToLake(lakeFolder, [{ ...back, eventId: 'login', type: 'identify', sessionId: 'new' }]);
  const recorded = await openLakeSnapshot(lakeFolder);
  const changed = await eraseFromArtifacts(context.store, recorded);
  expect(changed.map(({ ref }) => ref.id)).toEqual([datasetId]);
  expect(await findUserInArtifacts(context.store, userId, recorded.erasures)).toEqual([]);
  expect(await findUserInArtifacts(context.store, userId, [])).toHaveLength(1);
});

it('skips an artifact that is pruned while it is read or changed', async () => {
  const { store } = context;
  const recorded = await eraseUser();
  const remove = async (ref: ArtifactRef) =>
    rm(join(context.home.artifactsFolder, ref.kind, ref.id), { recursive: true });
  const prunedBeforeChange: ArtifactStore = {
    ...store,
    redact: async (ref, ...change) => {
      await remove(ref);
      await store.redact(ref, ...change);
    },
  };
  expect(await eraseFromArtifacts(prunedBeforeChange, recorded)).toEqual([]);
  const openedAndPruned = async (ref: ArtifactRef): ReturnType<ArtifactStore['open']> => {
    const opened = await store.open(ref);
    await remove(ref);
    return opened;
  };
  for (const search of [
    () => eraseFromArtifacts({ ...store, open: openedAndPruned }, recorded),
    () => findUserInArtifacts({ ...store, open: openedAndPruned }, userId, recorded.erasures),
  ]) {
    await store.put('dataset', (folder) => writeFile(join(folder, 'users.jsonl'), `{"userId":"${userId}"}\n`), {});
    expect(await search()).toEqual([]);
  }
});

it('lists a damaged artifact, which may contain the id', async () => {
  const { store, home } = context;
  const recorded = await eraseUser();
  const path = join(home.artifactsFolder, 'dataset', datasetId, 'users.jsonl');
  await writeFile(path, (await readFile(path, 'utf8')).slice(0, -5));
  const ref = { kind: 'dataset', id: datasetId };
  const damaged = [{ ref, problem: expect.stringContaining('users.jsonl') as string }];
  expect(await erasures.findUserInArtifacts(store, userId, recorded.erasures)).toEqual({ found: [], damaged });
  expect(await erasures.eraseFromArtifacts(store, recorded)).toEqual({ changed: [], damaged });
  await rm(join(home.artifactsFolder, 'dataset', datasetId), { recursive: true });
  expect(await findUserInArtifacts(store, userId, recorded.erasures)).toEqual([]);
});

it('erases the id from a bundle with a vector per user', async () => {
  const { store } = context;
  const ref = await store.put(
    'bundle',
    (folder) => writeFile(join(folder, bundleFiles.userIds), JSON.stringify(['person00', userId, 'person02'])),
    { datasetId },
  );
  const recorded = await eraseUser();
  expect(await findUserInArtifacts(store, userId, recorded.erasures)).toHaveLength(2);
  expect(await eraseFromArtifacts(store, recorded)).toHaveLength(2);
  const { folder } = await store.open(ref);
  expect(JSON.parse(await readFile(join(folder, bundleFiles.userIds), 'utf8'))).toEqual([
    'person00',
    expect.stringMatching(/^erased:/),
    'person02',
  ]);
  expect(await findUserInArtifacts(store, userId, recorded.erasures)).toEqual([]);
});
