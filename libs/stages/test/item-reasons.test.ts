import type { ArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import { homePaths, resolveModel } from '@facet/config';
import { pairedBootstrap } from '@facet/evaluation';
import { createRandom } from '@facet/features';
import { respondWithRank, respondWithRecommendations } from '@facet/recommendations';
import { folderOfFile, forTest } from '@facet/testing';
import { beforeAll, expect, it } from 'vitest';
import { createStageContext } from '../src/stage.ts';
import { openModel } from '../src/model/model-artifact.ts';
import type { Dataset } from '../src/dataset/dataset.ts';
import { buildBundle } from '../src/indexing/build-bundle.ts';
import { trainModel } from '../src/training/train-model.ts';
import {
  dayOf,
  ignorantWeights,
  putThemedBundle,
  putThemedDataset,
  themedConfig,
  themedEvents,
} from './shops/themed-shop.ts';

const days = 30;
const shoppers = 220;
const events = themedEvents(days, shoppers);
const config = themedConfig({ training: { batchSize: 64, epochs: 4, labels: 'window', windowDays: 10 } });
const home = homePaths(folderOfFile());
let store: ArtifactStore;
let dataset: Dataset;

beforeAll(async () => {
  ({ store } = createStageContext(home, config));
  dataset = await putThemedDataset(store, days, { events });
});

/** Returns the histories of 200 shoppers with at least three items. */
function listHistories() {
  return Array.from({ length: shoppers }, (_, shopper) => events.filter(({ userId }) => userId === `shopper${shopper}`))
    .filter((history) => new Set(history.map(({ itemId }) => itemId)).size >= 3)
    .slice(0, 200);
}

/** Returns how much more an item loses without its first reason than without a random behavior, over 200 users. */
async function compareRemovals(bundleId: string) {
  const bundle = forTest(await loadBundle(store, { kind: 'bundle', id: bundleId }));
  const context = {
    bundle,
    settings: config.serving,
    readProfile: async () => ({ profile: undefined, isAvailable: true }),
    recommendationId: 'test',
    now: dayOf(days),
  };
  const random = createRandom(7);
  const [ofReason, ofRandom]: [number[], number[]] = [[], []];
  for (const history of listHistories()) {
    const behaviors = history.map(({ itemId, occurredAt }) => ({ itemId, occurredAt }));
    const { items } = await respondWithRecommendations({ behaviors, limit: 10, explain: true }, context);
    const item = items.find(({ reasons = [] }) => reasons.length > 0);
    if (item === undefined) continue;
    const scoreWithout = async (removed?: string): Promise<number> => {
      const rest = behaviors.filter(({ itemId }) => itemId !== removed);
      const ranked = await respondWithRank({ behaviors: rest, itemIds: [item.itemId] }, context);
      return ranked.items[0]!.score;
    };
    const score = await scoreWithout();
    const ids = [...new Set(behaviors.map(({ itemId }) => itemId))];
    ofReason.push(score - (await scoreWithout(item.reasons![0]!.itemId)));
    ofRandom.push(score - (await scoreWithout(ids[random.int(ids.length)])));
  }
  expect(ofReason.length).toBeGreaterThanOrEqual(190);
  return pairedBootstrap(ofReason, ofRandom, { seed: 1 });
}

it.each([
  ['that knows the themes', undefined],
  ['of random weights', ignorantWeights],
])(
  'removing the first reason lowers an item more than removing a random behavior, for a model %s',
  async (_, weights) => {
    const difference = await compareRemovals(await putThemedBundle(store, dataset, weights));
    expect(difference.low).toBeGreaterThan(0);
  },
);

it('does so for a trained model', { tags: 'full' }, async () => {
  const { ref } = await trainModel({ store, dataset, ...resolveModel(config), checkpoints: home.checkpointsFolder });
  const { index, popularity } = config;
  const model = await openModel(store, ref.id);
  const bundle = await buildBundle({ store, dataset, model, index, popularity, metrics: {} });
  const difference = await compareRemovals(bundle.id);
  expect(difference.low).toBeGreaterThan(0);
});
