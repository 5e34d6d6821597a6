import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { LakeEvent } from '@facet/lake';
import { describe, expect, it } from 'vitest';
import { openDataset, putDataset } from '../src/dataset/dataset-artifact.ts';
import { buildDataset } from '../src/dataset/build-dataset.ts';
import { assembleDataset } from '../src/dataset/dataset.ts';
import { temporaryFolder } from '@facet/testing';
import {
  closing,
  dayMs,
  opening,
  shopConfig,
  shopEvents,
  shopSources,
  testFrom,
  things,
  validationFrom,
} from './shops/tiny-shop.ts';

const events = shopEvents();
const purchases = events.filter(({ type }) => type === 'purchase');
const parts = buildDataset(shopSources(events), shopConfig());

function purchase(userId: string, itemId: string, occurredAt: number): LakeEvent {
  return {
    eventId: `${userId} ${itemId} ${occurredAt}`,
    type: 'purchase',
    userId,
    itemId,
    occurredAt,
    receivedAt: occurredAt,
  };
}

describe('buildDataset', () => {
  it('counts the events, the removed interactions and each window', () => {
    const { counts, dropped, split } = parts.info;
    expect(split).toEqual({ validationFrom, testFrom });
    expect(dropped).toEqual({
      notPositive: events.length - purchases.length,
      duplicateEvent: 0,
      sameMoment: 0,
      repeat: 0,
      bot: 0,
      rareItem: 0,
    });
    expect(counts).toEqual({
      events: events.length,
      interactions: purchases.length,
      users: 20,
      items: 24,
      bots: 0,
      trainInteractions: purchases.filter(({ occurredAt }) => occurredAt < validationFrom).length,
      testInteractions: purchases.filter(({ occurredAt }) => occurredAt >= testFrom).length,
    });
  });

  it('stores the interaction rules and the window in the manifest', () => {
    const files = { lakeVersion: 7, lake: [{ path: 'dt=1/a.parquet', sha256: 'ab', rows: 3 }], catalog: [] };
    const { info } = buildDataset({ ...shopSources(), files }, shopConfig());
    expect(info.interactions).toEqual({ positives: 'purchase', repeats: 'keep', tieSeed: 1 });
    expect(info.window).toEqual({
      occurredBefore: closing,
      receivedBefore: closing,
      offsets: {},
      itemsReceivedBefore: closing,
    });
    expect(info.sources).toEqual(files);
  });

  it('stores every interaction with its item in the sequences', () => {
    const { sequences, items } = parts;
    const read = sequences.userIds.flatMap((userId, user) =>
      Array.from(sequences.items.subarray(sequences.offsets[user]!, sequences.offsets[user + 1]!), (item, position) => [
        userId,
        items[item]!.itemId,
        sequences.times[sequences.offsets[user]! + position],
      ]),
    );
    const expected = purchases.map(({ userId, itemId, occurredAt }) => [userId, itemId, occurredAt]);
    expect(new Set(read.map(String))).toEqual(new Set(expected.map(String)));
    expect(read).toHaveLength(expected.length);
  });

  it('stores titles and attributes of items, and attributes of users if known', () => {
    const item = parts.items.find(({ itemId }) => itemId === 'thing05');
    expect(item).toEqual(things[5]);
    expect(parts.items[0]).toEqual({ itemId: '', attributes: {} });
    expect(parts.userAttributes[parts.sequences.userIds.indexOf('person18')]).toEqual({ age: 'old' });
    expect(parts.userAttributes[parts.sequences.userIds.indexOf('person19')]).toBeUndefined();
  });

  it('learns vocabulary and features only from data before the test window', () => {
    const late = [
      ...events,
      ...Array.from({ length: 30 }, (_, n) => purchase(`person0${n % 9}`, 'novelty', testFrom + n * 1000)),
      ...Array.from({ length: 30 }, (_, n) => purchase(`person0${n % 9}`, 'thing22', testFrom + dayMs + n * 1000)),
    ];
    const withLate = buildDataset(shopSources(late), shopConfig());
    const trained = (of: typeof parts): string[] =>
      of.items.slice(1, of.info.trainedCount + 1).map(({ itemId }) => itemId);
    expect(trained(withLate)).toEqual(trained(parts));
    expect(withLate.info.itemFeatures).toEqual(parts.info.itemFeatures);
    const cold = withLate.items.slice(withLate.info.trainedCount + 1).map(({ itemId }) => itemId);
    expect(cold).toContain('novelty');
    expect(cold).toContain('thing22');
    const counts = new Map<string, number>();
    for (const { itemId, occurredAt } of purchases) {
      if (occurredAt < testFrom) counts.set(itemId, (counts.get(itemId) ?? 0) + 1);
    }
    const popularity = trained(parts).map((itemId) => counts.get(itemId)!);
    expect(popularity).toEqual([...popularity].sort((a, b) => b - a));
    expect(new Set(trained(parts))).toEqual(new Set(counts.keys()));
  });

  it('does not depend on the order of the events', () => {
    expect(buildDataset(shopSources([...events].reverse()), shopConfig())).toEqual(parts);
  });

  it('includes an item without a catalog entry, without attributes', () => {
    const { items } = buildDataset(shopSources([...events, purchase('person01', 'unlisted', opening)]), shopConfig());
    expect(items).toContainEqual({ itemId: 'unlisted', attributes: {} });
  });

  it('adds title words once if configured, even if also named', () => {
    const featuresOf = (features: object): string[] =>
      buildDataset(shopSources(), shopConfig({ features: { minHolders: 2, ...features } })).info.itemFeatures.map(
        ({ name }) => name,
      );
    expect(featuresOf({})).toEqual(['kind', 'shop', 'title']);
    expect(featuresOf({ titleWords: false })).toEqual(['kind', 'shop']);
    expect(featuresOf({ items: ['kind'] })).toEqual(['kind', 'title']);
    expect(featuresOf({ items: ['title', 'kind'] })).toEqual(['title', 'kind']);
    expect(featuresOf({ items: [], titleWords: false })).toEqual([]);
  });

  it('reports the event types if no event is positive', () => {
    const build = (some: LakeEvent[], positives: string) => () => {
      const config = shopConfig({ interactions: { positives } });
      return buildDataset(shopSources(some, config), config);
    };
    expect(build(events, 'rating >= 4')).toThrow(
      expect.objectContaining({
        code: 'DATASET_NO_POSITIVES',
        remedy: 'Set interactions: { positives: view or purchase } in facet.yaml.',
      }),
    );
    expect(build(events, 'rating >= 4')).toThrow(
      `view (${events.length - purchases.length}), purchase (${purchases.length})`,
    );
    expect(build([], 'purchase')).toThrow(expect.objectContaining({ message: 'The lake contains no events.' }));
  });

  it.each([
    [{ testFrom: '2026-02-24' }, 'CONFIG_INVALID'],
    [{ validationFrom: '2026-02-14' }, 'CONFIG_INVALID'],
    [{ validationFrom: '2026-02-24', testFrom: '2026-02-14' }, 'CONFIG_INVALID'],
    [{ validationFrom: '2026-02-24', testFrom: '2026-02-24' }, 'CONFIG_INVALID'],
    [{ validationFrom: '2026-02-14', testFrom: '2026-13-45' }, 'CONFIG_INVALID'],
    [{ validationFrom: '2026-02-14', testFrom: '2026-02-24TnoonZ' }, 'CONFIG_INVALID'],
    [{ testDays: 7 }, 'CONFIG_INVALID'],
    [{ validationDays: 7 }, 'CONFIG_INVALID'],
    [{ testDays: 7, validationDays: 7, testFrom: '2026-02-24', validationFrom: '2026-02-14' }, 'CONFIG_INVALID'],
    [{ testDays: 7, validationFrom: '2026-02-14' }, 'CONFIG_INVALID'],
    [{ testDays: 30, validationDays: 30 }, 'DATASET_EMPTY_WINDOW'],
    [{ validationFrom: '2025-02-14', testFrom: '2026-02-24' }, 'DATASET_EMPTY_WINDOW'],
    [{ validationFrom: '2026-02-14', testFrom: '2027-02-24' }, 'DATASET_EMPTY_WINDOW'],
    [{ validationFrom: '2026-02-14T00:00:00Z', testFrom: '2026-02-14T00:00:01Z' }, 'DATASET_EMPTY_WINDOW'],
  ])('rejects the split %j', (split, code) => {
    expect(() => buildDataset(shopSources(), shopConfig({ split }))).toThrow(expect.objectContaining({ code }));
  });

  it('splits by whole days before the end of the data', () => {
    const splitOf = (occurredBefore: number) => {
      const window = { ...shopSources().window, occurredBefore };
      return buildDataset({ ...shopSources(), window }, shopConfig({ split: { testDays: 7, validationDays: 3 } })).info
        .split;
    };
    expect(splitOf(closing)).toEqual({ testFrom: closing - 7 * dayMs, validationFrom: closing - 10 * dayMs });
    expect(splitOf(closing + dayMs).testFrom).toBe(closing - 6 * dayMs);
    // A day without events is an empty window.
    expect(() => splitOf(closing + 8 * dayMs)).toThrow(
      expect.objectContaining({
        code: 'DATASET_EMPTY_WINDOW',
        message: expect.stringContaining('split.validationDays and split.testDays') as string,
      }),
    );
  });

  it('splits by shares of the newest interactions', () => {
    const { info } = buildDataset(shopSources(), shopConfig({ split: { testShare: 0.1, validationShare: 0.3 } }));
    const share = (from: number): number =>
      purchases.filter(({ occurredAt }) => occurredAt >= from).length / purchases.length;
    expect(share(info.split.testFrom)).toBeCloseTo(0.1, 1);
    expect(share(info.split.validationFrom)).toBeCloseTo(0.4, 1);
  });
});

describe('the dataset artifact', () => {
  it('returns what was stored, with the same encoded features', async () => {
    const store = createFolderArtifactStore(await temporaryFolder());
    const { id } = await putDataset(store, parts);
    const opened = await openDataset(store, id);
    const { vocabulary, ...rest } = assembleDataset(id, parts);
    expect(opened).toMatchObject({
      ...rest,
      vocabulary: { itemIds: vocabulary.itemIds, trainedCount: vocabulary.trainedCount },
    });
    for (const index of [1, 5, 24]) expect(opened.vocabulary.indexOf(opened.items[index]!.itemId)).toBe(index);
  });

  it('has the same id for the same parts, and another id for others', async () => {
    const [one, two] = [
      createFolderArtifactStore(await temporaryFolder()),
      createFolderArtifactStore(await temporaryFolder()),
    ];
    const again = buildDataset(shopSources(shopEvents()), shopConfig());
    const { id } = await putDataset(one, parts);
    expect((await putDataset(two, again)).id).toBe(id);
    const other = buildDataset(
      shopSources(),
      shopConfig({ interactions: { positives: 'purchase', repeats: 'first' } }),
    );
    expect((await putDataset(one, other)).id).not.toBe(id);
  });

  it('preserves any JSON text in ids and titles', async () => {
    const strange = 'line\nbreak "quoted" \u2028 é 🎬';
    const store = createFolderArtifactStore(await temporaryFolder());
    const sources = shopSources([...events, purchase(strange, strange, opening)]);
    const { id } = await putDataset(store, buildDataset(sources, shopConfig()));
    const opened = await openDataset(store, id);
    expect(opened.vocabulary.indexOf(strange)).toBeDefined();
    expect(opened.sequences.userIds).toContain(strange);
  });

  it('rejects a truncated or altered file and names it', async () => {
    const root = await temporaryFolder();
    const store = createFolderArtifactStore(root);
    const { id } = await putDataset(store, parts);
    const path = join(root, 'dataset', id, 'users.jsonl');
    const whole = await readFile(path, 'utf8');
    await truncate(path, 100);
    await expect(openDataset(store, id)).rejects.toMatchObject({
      code: 'ARTIFACT_CORRUPT',
      message: expect.stringContaining('users.jsonl') as string,
    });
    await writeFile(path, whole.replace('old', 'odd'));
    await expect(openDataset(store, id)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    await writeFile(path, whole);
    await expect(openDataset(store, id)).resolves.toMatchObject({ id });
    await expect(openDataset(store, 'f'.repeat(id.length))).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
  });
});
