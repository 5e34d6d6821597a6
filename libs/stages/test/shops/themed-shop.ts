import type { ArtifactStore } from '@facet/artifacts';
import type { LakeEvent } from '@facet/lake';
import type { Item } from '@facet/schemas';
import { createRandom, parsePositiveRule } from '@facet/features';
import { initializeWeights } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import { parseWith } from '@facet/platform';
import { FacetConfig } from '@facet/config';
import { openDataset, putDataset } from '../../src/dataset/dataset-artifact.ts';
import type { Dataset } from '../../src/dataset/dataset.ts';
import { buildDataset } from '../../src/dataset/build-dataset.ts';
import { buildBundle } from '../../src/indexing/build-bundle.ts';
import { interactionsOf, dayMs, opening, untrainedModel } from './tiny-shop.ts';

const themes = 12;
const itemsPerTheme = 20;
const shopperCount = 150;

/** 240 items of 12 themes. */
export const themedItems: Item[] = Array.from({ length: themes * itemsPerTheme }, (_, item) => ({
  itemId: `item${String(item).padStart(3, '0')}`,
  title: `Item ${item}`,
  attributes: { theme: `theme${item % themes}` },
}));

export const dayOf = (day: number): number => opening + day * dayMs;

/** Each of the shoppers buys an item of one of two themes on two days of five, from day 0 to `days`. */
export function themedEvents(days: number, shoppers = shopperCount): LakeEvent[] {
  const random = createRandom(4);
  const events: LakeEvent[] = [];
  for (let day = 0; day < days; day++) {
    for (let shopper = 0; shopper < shoppers; shopper++) {
      if (random.next() > 0.4) continue;
      const theme = random.next() < 0.5 ? shopper % themes : (5 * shopper + 3) % themes;
      const occurredAt = dayOf(day) + 10 * 3_600_000 + shopper;
      events.push({
        eventId: `e${events.length}`,
        type: 'purchase',
        userId: `shopper${shopper}`,
        itemId: themedItems[theme + themes * random.int(itemsPerTheme)]!.itemId,
        occurredAt,
        receivedAt: occurredAt,
      });
    }
  }
  return events;
}

/** Shuffles the items of the events since `from`: popularity stays the same, but no event fits its user. */
export function shuffledSince(events: readonly LakeEvent[], from: number): LakeEvent[] {
  const items = events.filter(({ occurredAt }) => occurredAt >= from).map(({ itemId }) => itemId);
  createRandom(9).shuffle(items);
  let dealt = 0;
  return events.map((event) => (event.occurredAt < from ? event : { ...event, itemId: items[dealt++]! }));
}

export function themedConfig(overrides: Record<string, unknown> = {}): FacetConfig {
  const settings = {
    interactions: { positives: 'purchase' },
    features: { titleWords: false },
    model: { embeddingDim: themes, interests: 3, sequenceLength: 16, hiddenUnits: [8], profileDim: 2 },
    ...overrides,
  };
  return parseWith(FacetConfig, settings, { source: 'the test' });
}

/** Stores a dataset of the days before `days`, with the last `testDays` as the test window. */
export async function putThemedDataset(
  store: ArtifactStore,
  days: number,
  options: {
    readonly testDays?: number;
    readonly events?: readonly LakeEvent[];
    readonly items?: readonly Item[];
  } = {},
): Promise<Dataset> {
  const { testDays = 1, events = themedEvents(days), items = themedItems } = options;
  const isoDay = (day: number): string => new Date(dayOf(day)).toISOString().slice(0, 10);
  const split = { validationFrom: isoDay(days - testDays - 3), testFrom: isoDay(days - testDays) };
  const config = themedConfig({ split });
  const parts = buildDataset(
    {
      interactions: interactionsOf(events, parsePositiveRule(config.interactions.positives)),
      items,
      users: [],
      files: { lakeVersion: 1, lake: [], catalog: [] },
      window: { occurredBefore: dayOf(days), receivedBefore: dayOf(days), offsets: {}, itemsReceivedBefore: 1 },
    },
    config,
  );
  const { id } = await putDataset(store, parts);
  return openDataset(store, id);
}

/** Weights that encode every item's theme, and so every shopper's taste. */
function knowingWeights(spec: ModelSpec, dataset: Dataset): Weights {
  const weights = initializeWeights(spec, createRandom(3));
  const D = spec.config.embeddingDim;
  const point = (data: Float32Array, row: number, theme: string): void => {
    data.fill(0, row * D, (row + 1) * D);
    data[row * D + Number(theme.slice('theme'.length))] = 1;
  };
  dataset.items.forEach(({ attributes }, item) => {
    if (item > 0) point(weights['item/id']!.data, item, attributes['theme'] as string);
  });
  const themeFeature = spec.itemFeatures.find(({ name }) => name === 'theme')!;
  themeFeature.values.forEach((theme, value) => {
    point(weights['item/feature/theme']!.data, value + 1, theme as string);
  });
  return weights;
}

/** Random weights: rankings are unrelated to the users. */
export function ignorantWeights(spec: ModelSpec): Weights {
  const weights = initializeWeights(spec, createRandom(3));
  const random = createRandom(8);
  for (const [name, { data }] of Object.entries(weights)) {
    if (name === 'prior/weights') data.fill(0);
    else if (name !== 'routing/logits') data.forEach((_, cell) => (data[cell] = random.normal()));
  }
  return weights;
}

/** Equal routing logits: all interests of a user are the same. */
export function collapsedWeights(spec: ModelSpec, dataset: Dataset): Weights {
  const weights = knowingWeights(spec, dataset);
  weights['routing/logits']!.data.fill(0);
  return weights;
}

/** Stores a bundle of such a model and returns its id. */
export async function putThemedBundle(
  store: ArtifactStore,
  dataset: Dataset,
  weightsOf: (spec: ModelSpec, dataset: Dataset) => Weights = knowingWeights,
  metrics: Readonly<Record<string, number>> = {},
): Promise<string> {
  const model = untrainedModel(dataset, themedConfig(), (spec) => weightsOf(spec, dataset));
  const { index, popularity } = themedConfig();
  const bundle = await buildBundle({
    store,
    dataset,
    model: { ...model, id: 'a themed model' },
    index,
    popularity,
    metrics,
  });
  return bundle.id;
}
