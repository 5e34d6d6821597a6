import type { LakeEvent } from '@facet/lake';
import { beforeEach, describe, expect, it } from 'vitest';
import { homePaths } from '@facet/config';
import { createStageContext } from '../src/stage.ts';
import { datasetStage } from '../src/stages.ts';
import { openDataset } from '../src/dataset/dataset-artifact.ts';
import type { DatasetCut } from '../src/dataset/dataset.ts';
import type { StageContext } from '../src/stage.ts';
import { temporaryFolder } from '@facet/testing';
import { addToLake, source } from './shops/lake-of-events.ts';
import { closing, dayMs, shopConfig, shopEvents } from './shops/tiny-shop.ts';

let context: StageContext;
let next: number;

beforeEach(async () => {
  context = createStageContext(homePaths(await temporaryFolder()), shopConfig());
  next = 0;
  await log(shopEvents());
});

/** Writes events to the lake, one offset each. */
async function log(events: readonly LakeEvent[], from = source): Promise<void> {
  const end = await addToLake(context.home.lakeFolder, events, { from });
  if (from === source) next = end;
}

function purchase(itemId: string, occurredAt: number, receivedAt = occurredAt): LakeEvent {
  return { eventId: `${itemId} bought`, type: 'purchase', userId: 'person01', itemId, occurredAt, receivedAt };
}

/** Returns the items of a cut's dataset that only this file's events contain. */
async function itemsOf(cut?: DatasetCut): Promise<string[]> {
  const { output } = await datasetStage(context, cut);
  const { items } = await openDataset(context.store, output.datasetId);
  return items.flatMap(({ itemId }) => (itemId === '' || itemId.startsWith('thing') ? [] : [itemId])).sort();
}

describe('a cut', () => {
  it('excludes events at both limits', async () => {
    const hour = 3_600_000;
    await log([
      purchase('occurred 1 ms before', closing - 1),
      purchase('occurred at', closing),
      purchase('occurred 1 ms after', closing + 1),
      purchase('received 1 ms before', closing - hour, closing + hour - 1),
      purchase('received at', closing - hour, closing + hour),
      purchase('received 1 ms after', closing - hour, closing + hour + 1),
    ]);
    const cut = { occurredBefore: closing, receivedBefore: closing + hour };
    expect(await itemsOf(cut)).toEqual(['occurred 1 ms before', 'received 1 ms before']);
    expect(await itemsOf({ occurredBefore: closing })).toEqual([
      'occurred 1 ms before',
      'received 1 ms after',
      'received 1 ms before',
      'received at',
    ]);
    expect(await itemsOf({ receivedBefore: closing + hour })).toEqual([
      'occurred 1 ms after',
      'occurred 1 ms before',
      'occurred at',
      'received 1 ms before',
    ]);
    expect(await itemsOf()).toHaveLength(6);
  });

  it('ends at an offset per source, and reads no source without one', async () => {
    const start = next;
    await log([purchase('below', closing - 3), purchase('at', closing - 2), purchase('above', closing - 1)]);
    await log([purchase('elsewhere', closing - 1)], 'facet.events.v1-1');
    expect(await itemsOf({ offsets: { [source]: start } })).toEqual([]);
    expect(await itemsOf({ offsets: { [source]: start + 1 } })).toEqual(['below']);
    expect(await itemsOf({ offsets: { [source]: start + 3, 'facet.events.v1-1': 1 } })).toHaveLength(4);
  });

  it('is stored in the manifest as it was applied', { tags: 'full' }, async () => {
    const windowOf = async (cut?: DatasetCut): Promise<object> => (await datasetStage(context, cut)).output.info.window;
    const offsets = { [source]: next };
    expect(await windowOf()).toEqual({
      occurredBefore: closing,
      receivedBefore: closing,
      offsets,
      itemsReceivedBefore: 1,
    });
    const cut = { occurredBefore: closing + 5 * dayMs, receivedBefore: closing + 6 * dayMs };
    expect(await windowOf(cut)).toEqual({ ...cut, offsets, itemsReceivedBefore: cut.receivedBefore });
    expect(await windowOf({ offsets: { [source]: next - 1 } })).toMatchObject({ offsets: { [source]: next - 1 } });
    expect(await windowOf({ offsets: { [source]: next + 9, unheard: 4 } })).toMatchObject({ offsets });
  });

  it(
    'adds late events to the next dataset, without changing the windows of the old one',
    { tags: 'full' },
    async () => {
      const old = { occurredBefore: closing, receivedBefore: closing };
      const before = await datasetStage(context, old);
      await log([purchase('late', closing - 2 * dayMs, closing + 1), purchase('tomorrow', closing + 1)]);

      const again = await datasetStage(context, old);
      expect(again.output).toEqual(before.output);
      const following = { occurredBefore: closing + dayMs, receivedBefore: closing + dayMs };
      expect(await itemsOf(following)).toEqual(['late', 'tomorrow']);
      const { counts } = (await datasetStage(context, following)).output.info;
      expect(counts['testInteractions']).toBe(before.output.info.counts['testInteractions']! + 2);
    },
  );

  it('keeps the first received of repeated events before the cut', async () => {
    const sent = { ...purchase('sent twice', closing - dayMs, closing + 10), eventId: 'twice' };
    await log([sent, { ...sent, itemId: 'sent once more', receivedAt: closing + 5 }]);
    expect(await itemsOf()).toEqual(['sent once more']);
    expect(await itemsOf({ receivedBefore: closing + 5 })).toEqual([]);
    expect(await itemsOf({ offsets: { [source]: next - 1 } })).toEqual(['sent twice']);
  });

  it('assigns sessions to users only by events before the cut', async () => {
    const anonymous = { eventId: 'a', type: 'purchase', sessionId: 's', itemId: 'thing01', occurredAt: closing - 9 };
    const identify = { eventId: 'i', type: 'identify', sessionId: 's', userId: 'person01', occurredAt: closing - 8 };
    await log([
      { ...anonymous, receivedAt: closing } as unknown as LakeEvent,
      { ...identify, receivedAt: closing + 5 } as unknown as LakeEvent,
    ]);
    const isKnown = async (cut: DatasetCut): Promise<boolean> => {
      const { output } = await datasetStage(context, cut);
      const { sequences } = await openDataset(context.store, output.datasetId);
      return !sequences.userIds.includes('session:s');
    };
    expect(await isKnown({ receivedBefore: closing + 6 })).toBe(true);
    expect(await isKnown({ receivedBefore: closing + 5 })).toBe(false);
    expect(await isKnown({ offsets: { [source]: next - 1 } })).toBe(false);
  });
});
