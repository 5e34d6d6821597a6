import { createRandom } from '@facet/features';
import { buildBundle } from '@facet/pipeline';
import type { Dataset, Model } from '@facet/pipeline';
import type { BuiltBundle } from './healthy-bundles.ts';

interface Fault {
  readonly name: string;
  readonly spoil: (parts: Parts) => Partial<Parts>;
}

interface Parts {
  readonly dataset: Dataset;
  readonly model: Model;
}

/** Faults that the checks of a bundle do not find, because the bundle is consistent. */
const faults: readonly Fault[] = [
  { name: 'item ids permuted', spoil: ({ dataset }) => ({ dataset: permuteIds(dataset) }) },
  { name: 'interests collapsed', spoil: ({ model }) => ({ model: collapseInterests(model) }) },
  { name: 'users without behaviors', spoil: ({ dataset }) => ({ dataset: withPositives(dataset, 'purchase') }) },
  { name: 'all items unavailable', spoil: ({ dataset }) => ({ dataset: withdrawItems(dataset) }) },
];

/** Builds each faulty bundle from the parts of a healthy one. */
export async function makeFaultyBundles({
  context,
  dataset,
  model,
}: BuiltBundle): Promise<{ readonly name: string; readonly bundleId: string }[]> {
  const { store, config } = context;
  const { index, popularity } = config;
  const bundles = [];
  for (const { name, spoil } of faults) {
    const parts = { dataset, model, ...spoil({ dataset, model }) };
    const { id } = await buildBundle({ store, ...parts, index, popularity, metrics: { fault: faults.length } });
    bundles.push({ name, bundleId: id });
  }
  return bundles;
}

/** Gives the ids of the items to other items, as a job that joins vectors and ids in different orders. */
function permuteIds(dataset: Dataset): Dataset {
  const order = Int32Array.from(dataset.items.keys()).subarray(1);
  createRandom(1).shuffle(order);
  const items = dataset.items.map((item, position) =>
    position === 0 ? item : { ...item, itemId: dataset.items[order[position - 1]!]!.itemId },
  );
  return { ...dataset, items };
}

/** Starts the routing of each interest alike, so that it ends alike. */
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
