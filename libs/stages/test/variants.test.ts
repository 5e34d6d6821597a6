import { loadBundle } from '@facet/bundles';
import { upsertItems, upsertUsers } from '@facet/lake';
import { modelVariant, modelVariants } from '@facet/model';
import { recommend } from '@facet/recommendations';
import { beforeAll, describe, expect, it } from 'vitest';
import { homePaths } from '@facet/config';
import { createStageContext } from '../src/stage.ts';
import { datasetStage, evaluateStage, indexStage, trainStage } from '../src/stages.ts';
import type { HomePaths } from '@facet/config';
import { folderOfFile } from '@facet/testing';
import { importEvents } from './shops/lake-of-events.ts';
import { dayMs, people, shopConfig, shopEvents, smallModel, things } from './shops/tiny-shop.ts';

const root = folderOfFile();
let home: HomePaths;

beforeAll(async () => {
  home = homePaths(root);
  await importEvents(home, shopEvents());
  await upsertItems(home.catalogFolder, things);
  await upsertUsers(home.catalogFolder, people);
});

/** Settings of a variant for the small shop. */
function contextOf(variant: string): ReturnType<typeof createStageContext> {
  const { interests, negatives } = modelVariant(variant).model;
  const few = { interests: Math.min(interests, 3), negatives: typeof negatives === 'number' ? 12 : negatives };
  // A refit and more epochs would only repeat the same code.
  const training = { batchSize: 32, epochs: 1, windowDays: 10, refit: false };
  return createStageContext(home, shopConfig({ model: { ...smallModel, variant, ...few }, training }));
}

describe('a variant by its name in facet.yaml', () => {
  const others = Object.keys(modelVariants).filter((name) => name !== 'facet' && name !== 'mind');
  const title = '%s can be trained, evaluated, indexed and served';
  it.each(['facet', 'mind'])(title, serveVariant);
  it.each(others)(title, { tags: 'full' }, serveVariant);

  async function serveVariant(variant: string): Promise<void> {
    const context = contextOf(variant);
    const { datasetId } = (await datasetStage(context)).output;
    const { modelId } = (await trainStage(context, { datasetId })).output;
    const report = (await evaluateStage(context, { datasetId, modelId })).output;
    expect(report.methods.map(({ name }) => name)).toContain('interest model');
    const { bundleId } = (await indexStage(context, { datasetId, modelId })).output;
    const bundle = await loadBundle(context.store, { kind: 'bundle', id: bundleId });
    try {
      const behaviors = [0, 3, 6, 9, 1].map((thing, day) => ({
        itemId: things[thing]!.itemId,
        occurredAt: bundle.info.asOf - (9 - day) * dayMs,
      }));
      const now = bundle.info.asOf;
      const known = await recommend(bundle, {
        userId: 'person04',
        behaviors,
        now,
        attributes: { age: 'old' },
        limit: 5,
      });
      expect(known.source).toEqual({ kind: 'model' });
      expect(known.items).toHaveLength(5);

      // A user who is not in the training data has only behaviors.
      const fresh = await recommend(bundle, { userId: 'newcomer', behaviors, now, limit: 5 });
      expect(fresh.source.kind).toBe(variant === 'maxmf' ? 'popular' : 'model');
      expect(fresh.items).toHaveLength(5);
    } finally {
      bundle.close();
    }
  }
});
