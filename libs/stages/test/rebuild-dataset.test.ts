import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changeRecords, compactLake, openLakeWriter, upsertItems, upsertUsers } from '@facet/lake';
import type { Event } from '@facet/schemas';
import { beforeEach, describe, expect, it } from 'vitest';
import { homePaths } from '@facet/config';
import { createStageContext } from '../src/stage.ts';
import { datasetStage } from '../src/stages.ts';
import { openDataset } from '../src/dataset/dataset-artifact.ts';
import { rebuildDataset } from '../src/dataset/dataset-from-lake.ts';
import type { DatasetCut } from '../src/dataset/dataset.ts';
import type { StageContext } from '../src/stage.ts';
import { temporaryFolder } from '@facet/testing';
import { addToLake, source } from './shops/lake-of-events.ts';
import { closing, dayMs, opening, people, shopConfig, shopEvents, things } from './shops/tiny-shop.ts';

let context: StageContext;

beforeEach(async () => {
  const config = shopConfig({ split: { testDays: 10, validationDays: 10 } });
  context = createStageContext(homePaths(await temporaryFolder()), config);
  await log(shopEvents());
  await upsertItems(context.home.catalogFolder, things, opening);
  await upsertUsers(context.home.catalogFolder, people);
});

function log(events: readonly Event[], erased: readonly string[] = []): Promise<number> {
  return addToLake(context.home.lakeFolder, events, { erased, erasedAt: closing * 2 });
}

async function offsetsNow(): Promise<Record<string, number>> {
  const writer = await openLakeWriter(context.home.lakeFolder);
  const next = writer.committed(source);
  await writer.close();
  return { [source]: next };
}

function purchase(itemId: string, occurredAt: number, receivedAt = occurredAt): Event {
  return { eventId: `${itemId} bought`, type: 'purchase', userId: 'person01', itemId, occurredAt, receivedAt };
}

async function titleOf(itemId: string, cut?: DatasetCut): Promise<string | undefined> {
  const { items } = await openDataset(context.store, (await datasetStage(context, cut)).output.datasetId);
  return items.find((item) => item.itemId === itemId)?.title;
}

/** Adds late and newer events, a duplicate, changed, new and removed items, changed users, and a compaction. */
async function letLifeGoOn(): Promise<void> {
  await log([
    purchase('late', closing - 5 * dayMs, closing + 5),
    purchase('newer', closing + dayMs),
    { ...purchase('thing03', closing - dayMs, closing + 9), eventId: 'p1' },
  ]);
  const { catalogFolder } = context.home;
  await upsertItems(catalogFolder, [{ itemId: 'thing01', title: 'renamed', attributes: { kind: 'tea' } }], closing + 1);
  await changeRecords('items', catalogFolder, new Map([['thing22', undefined]]), closing + 2);
  await upsertItems(catalogFolder, [{ itemId: 'fresh', title: 'fresh', attributes: {} }], closing + 3);
  await upsertUsers(catalogFolder, [{ userId: 'person02', attributes: { age: 'young', city: 'Ghent' } }]);
  await compactLake(context.home.lakeFolder, { graceMs: 0 });
}

describe('items of a dataset', () => {
  it('have their state before the cut, without later items', { tags: 'full' }, async () => {
    await letLifeGoOn();
    const at = (receivedBefore: number): DatasetCut => ({ receivedBefore });
    expect(await titleOf('thing01', at(closing + 1))).toBe('tea number 1'.replace('tea', 'cup'));
    expect(await titleOf('thing01', at(closing + 2))).toBe('renamed');
    expect(await titleOf('thing22', at(closing + 2))).toBe('cup number 22');
    expect(await titleOf('thing22', at(closing + 3))).toBeUndefined();
    expect(await titleOf('fresh', at(closing + 3))).toBeUndefined();
    expect(await titleOf('fresh', at(closing + 4))).toBe('fresh');
    expect(await titleOf('fresh')).toBe('fresh');
  });

  it('do not change the dataset of an earlier cut by later versions', { tags: 'full' }, async () => {
    const cut = { occurredBefore: closing, receivedBefore: closing };
    const before = await datasetStage(context, cut);
    await upsertItems(context.home.catalogFolder, [{ itemId: 'thing01', title: 'renamed', attributes: {} }], closing);
    expect(await datasetStage(context, cut)).toEqual({ output: before.output, isReused: true });
  });
});

describe('a cut that ends at offsets', () => {
  it('gives one dataset, built once, despite later changes of the files', async () => {
    const cut = { occurredBefore: closing, receivedBefore: closing, offsets: await offsetsNow() };
    const before = await datasetStage(context, cut);
    await letLifeGoOn();
    expect(await datasetStage(context, cut)).toEqual({ output: before.output, isReused: true });
    await log([], ['person07']);
    expect((await datasetStage(context, cut)).isReused).toBe(false);
  });
});

describe('rebuildDataset', () => {
  it.each([
    ['all there was', undefined],
    ['a cut', { occurredBefore: closing - dayMs, receivedBefore: closing - dayMs }],
  ])('rebuilds the same bytes from the manifest of %s, despite newer data', async (_, cut) => {
    const { datasetId } = (await datasetStage(context, cut)).output;
    await letLifeGoOn();
    // The current settings do not matter.
    const today = createStageContext(context.home, shopConfig({ interactions: { positives: 'view' } }));
    expect(await rebuildDataset(today, datasetId)).toMatchObject({ datasetId, isSame: true, reasons: [] });
    expect((await datasetStage(context, undefined)).output.datasetId).not.toBe(datasetId);
  });

  it('applies an identify event at the end of the data', { tags: 'full' }, async () => {
    const anonymous = { eventId: 'a', type: 'purchase', sessionId: 's', itemId: 'thing01', occurredAt: closing };
    const identify = { eventId: 'i', type: 'identify', sessionId: 's', userId: 'person01', occurredAt: closing + 5 };
    await log([
      { ...anonymous, receivedAt: closing },
      { ...identify, receivedAt: closing + 6 },
    ]);
    const { datasetId, info } = (await datasetStage(context)).output;
    expect(info.window).toMatchObject({ occurredBefore: closing + 6, receivedBefore: closing + 7 });
    await letLifeGoOn();
    expect((await rebuildDataset(context, datasetId)).isSame).toBe(true);
  });

  it('reports erased users, and rebuilds the dataset without them', async () => {
    const { datasetId } = (await datasetStage(context)).output;
    await log([], ['person07']);
    const before = await rebuildDataset(context, datasetId);
    expect(before).toMatchObject({ isSame: false, reasons: ['1 user was erased since then'] });
    expect(before.differing).toEqual(expect.arrayContaining(['dataset.json', 'users.jsonl', 'sequences.safetensors']));
    expect((await openDataset(context.store, before.datasetId)).sequences.userIds).not.toContain('person07');
    await compactLake(context.home.lakeFolder, { graceMs: 0 });
    expect(await rebuildDataset(context, datasetId)).toEqual(before);
  });

  it('reports events that the lake has lost', { tags: 'full' }, async () => {
    const { datasetId } = (await datasetStage(context)).output;
    const emptied = createStageContext(homePaths(await temporaryFolder()), context.config);
    await log(shopEvents());
    const lost = { ...context, home: { ...context.home, lakeFolder: emptied.home.lakeFolder } };
    const here = context;
    context = lost;
    await log(shopEvents().slice(0, 300));
    context = here;
    expect((await rebuildDataset(lost, datasetId)).reasons).toEqual([
      expect.stringMatching(/^the lake contains facet.events.v1-0 only below offset 300, not below \d+$/),
    ]);
  });

  it('rejects an altered dataset', async () => {
    const { datasetId } = (await datasetStage(context)).output;
    const manifest = join(context.home.artifactsFolder, 'dataset', datasetId, 'dataset.json');
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"keep"', '"lose"'));
    await expect(rebuildDataset(context, datasetId)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await appendFile(manifest, ' ');
  });
});
