import { loadBundle } from '@facet/bundles';
import type { BundleView } from '@facet/bundles';
import { upsertItems, upsertUsers } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import { buildPopularityTimeline, parsePositiveRule } from '@facet/features';
import type { Examples } from '@facet/features';
import { fitConfigs, indexDim, mergeInterests } from '@facet/model';
import { graphInterests } from './graph-interests.ts';
import type { GraphInterests } from './graph-interests.ts';
import { trainingExamples } from '@facet/model/batches';
import { createMemoryProfileStore, fillProfiles } from '@facet/profiles';
import type { ProfileStore } from '@facet/profiles';
import { inferUser, readRequester } from '@facet/recommendations';
import { describe, expect, it } from 'vitest';
import { homePaths, resolveModel } from '@facet/config';
import { createStageContext } from '../src/stage.ts';
import { datasetStage, indexStage, trainStage } from '../src/stages.ts';
import { openDataset } from '../src/dataset/dataset-artifact.ts';
import { openModel } from '../src/model/model-artifact.ts';
import type { FacetConfig } from '@facet/config';
import type { Dataset } from '../src/dataset/dataset.ts';
import type { Model } from '../src/model/model-artifact.ts';
import { forTest, temporaryFolder } from '@facet/testing';
import { importEvents } from './shops/lake-of-events.ts';
import { closing, dayMs, opening, people, shopConfig, shopEvents, smallModel, things } from './shops/tiny-shop.ts';

/** The largest permitted difference per coordinate between training and serving; float32 has seven digits. */
const toleranceMax = 1e-5;

/** Unusual events: baskets, repeats, duplicates, late arrivals, and users with a single interaction. */
function oddEvents(): LakeEvent[] {
  const bought = (userId: string, thing: number, occurredAt: number, more: Partial<LakeEvent> = {}): LakeEvent => ({
    eventId: `${userId} ${thing} ${occurredAt}`,
    type: 'purchase',
    userId,
    itemId: things[thing]!.itemId,
    occurredAt,
    receivedAt: occurredAt,
    ...more,
  });
  const noon = opening + 30 * dayMs + dayMs / 2;
  return [
    // A basket larger than L.
    ...[9, 3, 17, 1, 12, 6, 20, 14, 2, 8, 11].map((thing) => bought('basket', thing, noon)),
    ...[4, 7, 1].map((thing) => bought('basket', thing, noon + 12 * dayMs)),
    // Repeats, and twice at the same time.
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((day) => bought('faithful', day % 3, noon + day * dayMs)),
    bought('faithful', 1, noon + dayMs, { eventId: 'a copy under another id' }),
    bought('faithful', 1, noon + dayMs),
    // Received in another order.
    bought('late', 10, noon + 5 * dayMs, { receivedAt: noon + 6 * dayMs }),
    bought('late', 13, noon + dayMs, { receivedAt: noon + 9 * dayMs }),
    bought('late', 16, noon + 5 * dayMs, { receivedAt: noon + 5 * dayMs }),
    bought('once', 19, noon + 20 * dayMs),
    // No positive event.
    bought('looking', 19, noon, { type: 'view' }),
    // Not in the catalog.
    bought('stranger', 2, noon, { itemId: 'not in the catalog' }),
    bought('stranger', 5, noon + dayMs),
  ];
}

const users = [
  ...people,
  { userId: 'faithful', attributes: { age: 'old' } },
  { userId: 'idle', attributes: { age: 'young' } },
];

interface Both {
  readonly dataset: Dataset;
  readonly model: Model;
  readonly bundle: BundleView;
  readonly profiles: ProfileStore;
  readonly config: FacetConfig;
}

/** Processes the events with the stages of trainer and indexer, and with the code of the serving app. */
async function makeBoth(overrides: Record<string, unknown>): Promise<Both> {
  const home = homePaths(await temporaryFolder());
  const config = shopConfig({ training: { batchSize: 64, epochs: 2, windowDays: 10, extraMoments: 2 }, ...overrides });
  const events = [...shopEvents(), ...oddEvents()].sort((a, b) => a.receivedAt - b.receivedAt);
  await importEvents(home, events);
  await upsertItems(home.catalogFolder, things);
  await upsertUsers(home.catalogFolder, users);

  const context = createStageContext(home, config);
  const { datasetId } = (await datasetStage(context)).output;
  const { modelId } = (await trainStage(context, { datasetId })).output;
  const { bundleId } = (await indexStage(context, { datasetId, modelId })).output;
  const bundle = forTest(await loadBundle(context.store, { kind: 'bundle', id: bundleId }));
  const profiles = createMemoryProfileStore();
  await fillProfiles(profiles, home, { isPositive: parsePositiveRule(bundle.info.interactions.positives) });
  return {
    dataset: await openDataset(context.store, datasetId),
    model: await openModel(context.store, modelId),
    bundle,
    profiles,
    config,
  };
}

/** Computes interests of examples as training does. */
function trained({ dataset, model }: Both, examples: Examples): GraphInterests {
  const { spec } = model.info;
  const { sequences, userFeatures, itemFeatures, info } = dataset;
  const timeline = buildPopularityTimeline(sequences, spec.itemCount, closing);
  const candidates = Int32Array.from({ length: info.trainedCount }, (_, item) => item + 1);
  return graphInterests(
    { spec, weights: model.weights, itemFeatures, trainedCount: info.trainedCount },
    { sequences, userFeatures, timeline, candidates },
    examples,
  );
}

/** Computes interests of a user's stored events at a time as serving does. */
async function served({ bundle, profiles }: Both, userId: string, moment: number) {
  const stored = await profiles.read(userId);
  const profile = stored && { ...stored, events: stored.events.filter(({ occurredAt }) => occurredAt < moment) };
  const readProfile = async () => ({ profile, isAvailable: true });
  const requester = await readRequester({ userId }, { bundle, readProfile, now: moment });
  return { ...inferUser(bundle, requester), userFeatures: bundle.encodeUserFeatures(requester.attributes) };
}

/** Each user of the dataset with all interactions, at the end of the data. */
function everybodyAtTheEnd({ sequences }: Dataset, moment: number): Examples {
  const { offsets, userIds } = sequences;
  return {
    count: userIds.length,
    user: Int32Array.from(userIds.keys()),
    start: offsets.slice(0, -1),
    end: offsets.slice(1),
    labelEnd: offsets.slice(1),
    time: new Float64Array(userIds.length).fill(moment),
  };
}

/**
 * Those whose history is all that had happened before the moment. A prefix example of the paper may end within a basket, which
 * serving never sees half of.
 */
function ofWholeMoments(examples: Examples, { sequences: { times } }: Dataset): Examples {
  const whole = [...examples.time.keys()].filter((one) => times[examples.end[one]! - 1]! < examples.time[one]!);
  const pick = <Column extends Int32Array | Float64Array>(column: Column): Column =>
    column.filter((_, one) => whole.includes(one)) as Column;
  const { user, start, end, labelEnd, time } = examples;
  return {
    count: whole.length,
    user: pick(user),
    start: pick(start),
    end: pick(end),
    labelEnd: pick(labelEnd),
    time: pick(time),
  };
}

async function expectSame(both: Both, examples: Examples): Promise<void> {
  const { dataset, model, bundle } = both;
  const { sequenceLength: L, embeddingDim: D } = model.info.spec.config;
  const dim = indexDim(model.info.spec);
  const graph = trained(both, examples);
  let largest = 0;
  for (let example = 0; example < examples.count; example++) {
    const userId = dataset.sequences.userIds[examples.user[example]!]!;
    const { rows, interests, userFeatures } = await served(both, userId, examples.time[example]!);
    const rowOf = (values: Int32Array): number[] => [...values.subarray(example * L, (example + 1) * L)];
    const sequence = { items: [...rows.items], ages: [...rows.ages], counts: [...rows.counts] };
    const { items, ages, counts } = graph.behaviors;
    expect(sequence, userId).toEqual({ items: rowOf(items), ages: rowOf(ages), counts: rowOf(counts) });
    expect(userFeatures, userId).toEqual(graph.userFeatures[example]);
    const expected = mergeInterests(model.info.spec.config, {
      count: graph.counts[example]!,
      vectors: Float32Array.from(graph.interests[example]!.slice(0, graph.counts[example]).flat()),
      behaviorWeights: new Float32Array(0),
    });
    expect(interests.count, userId).toBe(expected.count);
    for (let k = 0; k < interests.count; k++) {
      for (let d = 0; d < D; d++) {
        const difference = Math.abs(interests.vectors[k * dim + d]! - expected.vectors[k * D + d]!);
        // NaN must fail the comparison.
        expect(difference <= toleranceMax, `${userId}: ${difference}`).toBe(true);
        largest = Math.max(largest, Math.abs(interests.vectors[k * dim + d]!));
      }
    }
  }
  // Zero interests would make the comparison meaningless.
  expect(largest).toBeGreaterThan(100 * toleranceMax);
  expect(bundle.info.datasetId).toBe(dataset.id);
}

describe('training and serving compute the same interests from the same events', () => {
  it.each([
    ['facet', 'keep'],
    ['facet', 'first'],
    ['mind', 'keep'],
  ] as const)('%s, repeats: %s', { timeout: 240_000 }, async (variant, repeats) => {
    const both = await makeBoth({
      interactions: { positives: 'purchase', repeats },
      model: { ...smallModel, variant },
    });
    const { sequences } = both.dataset;
    const { sequenceLength } = both.model.info.spec.config;
    const lengths = sequences.userIds.map((_, user) => sequences.offsets[user + 1]! - sequences.offsets[user]!);
    // Some users have more than L behaviors, and one has a single behavior.
    expect(Math.max(...lengths)).toBeGreaterThan(sequenceLength);
    expect(Math.min(...lengths)).toBe(1);

    await expectSame(both, everybodyAtTheEnd(both.dataset, both.bundle.info.asOf));
    const { training } = resolveModel(both.config);
    const examples = ofWholeMoments(trainingExamples(sequences, fitConfigs(training)[0], closing), both.dataset);
    expect(examples.count).toBeGreaterThan(100);
    await expectSame(both, examples);
  });

  it(
    'computes no interests for a user without interactions, with or without attributes',
    { tags: 'full', timeout: 240_000 },
    async () => {
      const both = await makeBoth({});
      for (const userId of ['idle', 'looking', 'unknown']) {
        expect(both.dataset.sequences.userIds).not.toContain(userId);
        const { interests, rows } = await served(both, userId, closing);
        expect([interests.count, rows.items.some((item) => item !== 0)]).toEqual([0, false]);
      }
    },
  );
});
