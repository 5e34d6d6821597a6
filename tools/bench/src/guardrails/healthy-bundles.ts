import { FacetConfig } from '@facet/config';
import type { HomePaths } from '@facet/config';
import { logProgress } from '@facet/local-services';
import { createStageContext, datasetStage, openDataset, openModel } from '@facet/pipeline';
import type { Model } from '@facet/pipeline';
import { dayMs, parseWith } from '@facet/platform';
import { makeBundle } from '../gate/sound-data.ts';
import type { PreparedBundle } from '../gate/sound-data.ts';

/** A bundle with the dataset and the model that it was built from. */
export interface BuiltBundle extends PreparedBundle {
  readonly label: string;
  readonly model: Model;
}

/** The models of some bundles have one interest, because a training may choose that on its own. */
const hasOneInterest = (number: number): boolean => number % 7 === 4;

/** A small model, and the settings that a training with this number differs in. */
function configOf(number: number): FacetConfig {
  const settings = {
    model: { embeddingDim: 32, hiddenUnits: [128], interests: hasOneInterest(number) ? 1 : 4 },
    training: { epochs: 2, seed: number, extraMoments: 1, refit: false },
    // The data set has many users for its items, so short windows have enough of them.
    split: { testDays: 7, validationDays: 7 },
  };
  return parseWith(FacetConfig, settings, { source: 'npm run bench -- guardrails' });
}

/**
 * Trains bundles from scratch, oldest first: each one with the data up to another day, and with another seed. The last one has all
 * the data.
 */
export async function makeHealthyBundles(home: HomePaths, count: number): Promise<BuiltBundle[]> {
  const newest = await openNewest(home);
  const bundles: BuiltBundle[] = [];
  for (let number = 1; number <= count; number++) {
    const occurredBefore = newest - (count - number) * dayMs;
    const prepared = await makeBundle(home, configOf(number), { occurredBefore });
    const model = await openModel(prepared.context.store, prepared.modelId);
    const { interests } = model.info.spec.config;
    const label = `data before ${new Date(occurredBefore).toISOString().slice(0, 10)}, seed ${number}, K ${interests}`;
    bundles.push({ ...prepared, label, model });
    logProgress(`bundle ${number} of ${count}: ${label}`);
  }
  return bundles;
}

/** Returns the end of the newest day with events. */
async function openNewest(home: HomePaths): Promise<number> {
  const context = createStageContext(home, configOf(1));
  const { datasetId } = (await datasetStage(context)).output;
  const { times } = (await openDataset(context.store, datasetId)).sequences;
  return (Math.floor(times.reduce((a, b) => Math.max(a, b), 0) / dayMs) + 1) * dayMs;
}
