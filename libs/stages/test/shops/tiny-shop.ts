import type { LakeInteractions, LakeEvent } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { createRandom, parsePositiveRule } from '@facet/features';
import type { PositiveRule } from '@facet/features';
import { fitConfigs, initializeWeights } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import { dayMs, parseWith } from '@facet/platform';
import { FacetConfig, resolveModel } from '@facet/config';
import { buildDataset } from '../../src/dataset/build-dataset.ts';
import type { DatasetSources } from '../../src/dataset/build-dataset.ts';
import { assembleDataset } from '../../src/dataset/dataset.ts';
import type { Dataset } from '../../src/dataset/dataset.ts';
import type { Model } from '../../src/model/model-artifact.ts';
import { modelFormat } from '../../src/model/model-artifact.ts';

export { dayMs };
/** The first day of the shop, a Monday. */
export const opening = Date.UTC(2026, 0, 5);
export const validationFrom = opening + 40 * dayMs;
export const testFrom = opening + 50 * dayMs;
/** The end of the data: midnight after 60 days. */
export const closing = opening + 60 * dayMs;

const kinds = ['tea', 'cup', 'jam'];

/** 24 things of three kinds. The last two have no interactions. */
export const things: Item[] = Array.from({ length: 24 }, (_, thing) => ({
  itemId: `thing${String(thing).padStart(2, '0')}`,
  title: `${kinds[thing % 3]!} number ${thing}`,
  ...(thing === 5 ? { available: false } : {}),
  attributes: { kind: kinds[thing % 3]!, shop: `shop${thing % 2}` },
}));

/** All people but the last one, as in the catalog. */
export const people: User[] = Array.from({ length: 19 }, (_, person) => ({
  userId: `person${String(person).padStart(2, '0')}`,
  attributes: { age: person % 2 === 0 ? 'old' : 'young' },
}));

/** 20 people who buy about every third day, mostly things of two kinds. Views are not positive. */
export function shopEvents(seed = 1): LakeEvent[] {
  const random = createRandom(seed);
  const events: LakeEvent[] = [];
  for (let person = 0; person < 20; person++) {
    for (let day = person % 3; day < 60; day += 3) {
      const kind = (person + random.int(2)) % 3;
      const thing = kind + 3 * random.int(7);
      const occurredAt = opening + day * dayMs + 10 * 3_600_000 + person * 60_000;
      const common = {
        userId: `person${String(person).padStart(2, '0')}`,
        itemId: things[thing]!.itemId,
        occurredAt,
        receivedAt: occurredAt,
      };
      events.push(
        { ...common, eventId: `v${events.length}`, type: 'view' },
        { ...common, eventId: `p${events.length}`, type: 'purchase' },
      );
    }
  }
  const [first] = events;
  // The data ends at midnight.
  events.push({ ...first!, eventId: 'last', type: 'view', occurredAt: closing - 1, receivedAt: closing - 1 });
  return events;
}

/** Returns the time of the first day that corresponds to a time of the {@link shopEvents}. */
export function withinOneDay(time: number): number {
  return opening + (time - opening) / 100;
}

/** The events of the shop within one day. */
export function eventsOfOneDay(): LakeEvent[] {
  return shopEvents().map((event) => ({ ...event, occurredAt: withinOneDay(event.occurredAt) }));
}

/** The sources of a dataset, as read from a lake. */
export function shopSources(events = shopEvents(), config = shopConfig()): DatasetSources {
  const interactions = interactionsOf(events, parsePositiveRule(config.interactions.positives));
  const window = { occurredBefore: closing, receivedBefore: closing, offsets: {}, itemsReceivedBefore: closing };
  const files = { lakeVersion: 1, lake: [], catalog: [] };
  return { interactions, items: things, users: people, files, window };
}

/** Sizes with which a model trains within seconds. */
export const smallModel = { embeddingDim: 6, interests: 3, sequenceLength: 8, hiddenUnits: [8], profileDim: 2 };
/** A model that trains in a fraction of the time of `facet`, for tests that do not depend on the variant. */
export const cheapModel = {
  ...smallModel,
  variant: 'comirec-sa',
  extractor: { units: 8 },
  negatives: 12,
  normalize: true,
  temperature: 0.2,
  temperatureMin: 0.2,
};
/** The training settings of the variant `facet`, for tests of other variants. */
export const facetExamples = { labels: 'window', examplesPerUser: 8, learningRate: 3e-3 };

/** A small, fast facet.yaml with a split by dates. */
export function shopConfig(overrides: Record<string, unknown> = {}): FacetConfig {
  const settings = {
    interactions: { positives: 'purchase' },
    split: { validationFrom: '2026-02-14', testFrom: '2026-02-24' },
    features: { minHolders: 2 },
    model: smallModel,
    training: { batchSize: 32, epochs: 3, labels: 'window', windowDays: 10 },
    evaluation: { cutoffs: [3, 10] },
    ...overrides,
  };
  return parseWith(FacetConfig, settings, { source: 'the test' });
}

export function shopDataset(events?: LakeEvent[], config = shopConfig()): Dataset {
  return assembleDataset('shop', buildDataset(shopSources(events, config), config));
}

/** Returns a model of the dataset that no training has changed. */
export function untrainedModel(
  dataset: Dataset,
  config = shopConfig(),
  drawWeights = (spec: ModelSpec): Weights => initializeWeights(spec, createRandom(3)),
): Model {
  const { model, training } = resolveModel(config);
  const spec: ModelSpec = {
    config: model,
    itemCount: dataset.items.length - 1,
    itemFeatures: [...dataset.info.itemFeatures],
    userFeatures: [...dataset.info.userFeatures],
  };
  const info = {
    formatVersion: modelFormat,
    datasetId: dataset.id,
    spec,
    training: fitConfigs(training)[0],
    fit: [],
    refit: [],
    bestEpoch: 1,
    start: { kind: 'full' as const },
  };
  return { id: 'untrained', info, weights: drawWeights(spec) };
}

/** Returns the columns of a lake with these events. */
export function interactionsOf(events: readonly LakeEvent[], isPositive: PositiveRule): LakeInteractions {
  const chosen = events.filter(isPositive);
  const userIds = [...new Set(chosen.map(({ userId }) => userId))].sort();
  const itemIds = [...new Set(chosen.map(({ itemId }) => itemId))];
  const byUser = userIds.map((id) => chosen.filter(({ userId }) => userId === id));
  const offsets = new Int32Array(userIds.length + 1);
  byUser.forEach((own, user) => (offsets[user + 1] = offsets[user]! + own.length));
  const eventTypes = new Map<string, number>();
  for (const { type } of events) eventTypes.set(type, (eventTypes.get(type) ?? 0) + 1);
  return {
    userIds,
    itemIds,
    offsets,
    items: Int32Array.from(byUser.flat(), ({ itemId }) => itemIds.indexOf(itemId)),
    times: Float64Array.from(byUser.flat(), ({ occurredAt }) => occurredAt),
    sessions: new Int32Array(chosen.length),
    eventTypes,
    newest: { occurredAt: closing - 1, receivedAt: closing - 1 },
    repeated: 0,
    bots: { users: 0, interactions: 0 },
  };
}
