import type { HomePaths } from '@facet/config';
import { FacetConfig } from '@facet/config';
import { createRandom } from '@facet/features';
import { buildBundle, createStageContext, datasetStage, openDataset, openModel, trainStage } from '@facet/stages';
import type { Dataset, Model } from '@facet/stages';
import { dayMs, parseWith } from '@facet/platform';

interface Parts {
  readonly dataset: Dataset;
  readonly model: Model;
}

export interface NamedBundle {
  readonly name: string;
  readonly bundleId: string;
}

/** Faults that the checks of a bundle do not find, because the bundle is consistent. */
const faults: Readonly<Record<string, (parts: Parts) => Partial<Parts>>> = {
  'item ids permuted': ({ dataset }) => ({ dataset: permuteIds(dataset) }),
  'interests collapsed': ({ model }) => ({ model: collapseInterests(model) }),
  'users without behaviors': ({ dataset }) => ({ dataset: withPositives(dataset, 'purchase') }),
  'all items unavailable': ({ dataset }) => ({ dataset: withdrawItems(dataset) }),
};

/**
 * Builds bundles of small models. Each healthy bundle has its own last day of data and its own seed. Each faulty bundle is a copy of the
 * last healthy bundle, which has all data, with one fault.
 */
export async function buildBundles(home: HomePaths, healthyCount: number) {
  const { store, config } = contextOf(home, 1);
  const build = async ({ dataset, model }: Parts, name: string): Promise<NamedBundle> => {
    const { index, popularity } = config;
    const { id } = await buildBundle({ store, dataset, model, index, popularity, metrics: {} });
    return { name, bundleId: id };
  };
  const end = (await buildDataset(home, 1)).info.window.occurredBefore;
  const healthy: NamedBundle[] = [];
  let parts: Parts | undefined;
  for (let seed = 1; seed <= healthyCount; seed++) {
    const dataset = await buildDataset(home, seed, end - (healthyCount - seed) * dayMs);
    const { modelId } = (await trainStage(contextOf(home, seed), { datasetId: dataset.id })).output;
    parts = { dataset, model: await openModel(store, modelId) };
    healthy.push(await build(parts, `seed ${seed}`));
  }
  const faulty: NamedBundle[] = [];
  for (const [name, spoil] of Object.entries(faults)) faulty.push(await build({ ...parts!, ...spoil(parts!) }, name));
  return { store, healthy, faulty, dataset: parts!.dataset };
}

async function buildDataset(home: HomePaths, seed: number, occurredBefore?: number) {
  const context = contextOf(home, seed);
  const { datasetId } = (await datasetStage(context, occurredBefore === undefined ? {} : { occurredBefore })).output;
  return { ...(await openDataset(context.store, datasetId)), id: datasetId };
}

function contextOf(home: HomePaths, seed: number) {
  const settings = {
    model: { embeddingDim: 32, hiddenUnits: [128], interests: 4 },
    training: { epochs: 2, seed, refit: false },
    split: { testDays: 7, validationDays: 7 },
  };
  return createStageContext(home, parseWith(FacetConfig, settings, { source: 'the benchmark' }));
}

/** Permutes the item ids, like a job that joins vectors and ids in different orders. */
function permuteIds(dataset: Dataset): Dataset {
  const order = Int32Array.from(dataset.items.keys()).subarray(1);
  createRandom(1).shuffle(order);
  const items = dataset.items.map((item, position) =>
    position === 0 ? item : { ...item, itemId: dataset.items[order[position - 1]!]!.itemId },
  );
  return { ...dataset, items };
}

/** Starts the routing of all interests with the same logits, so that all interests become equal. */
function collapseInterests(model: Model): Model {
  const { interests, sequenceLength } = model.info.spec.config;
  const logits = model.weights['routing/logits']!;
  const data = Float32Array.from(logits.data);
  for (let interest = 1; interest < interests; interest++) {
    data.copyWithin(interest * sequenceLength, 0, sequenceLength);
  }
  return { ...model, weights: { ...model.weights, 'routing/logits': { ...logits, data } } };
}

/** Changes the rule by which serving selects the stored events of a user. */
function withPositives(dataset: Dataset, positives: string): Dataset {
  const { info } = dataset;
  return { ...dataset, info: { ...info, interactions: { ...info.interactions, positives } } };
}

function withdrawItems(dataset: Dataset): Dataset {
  return { ...dataset, items: dataset.items.map((item) => ({ ...item, available: false })) };
}
