import type { EncodedFeature, FeatureSchema } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { embedItems } from '../inference/item-embeddings.ts';
import { frozenWeights, hiddenBehaviorWidth, itemFeatureTable, userFeatureTable } from '../weights.ts';
import type { Weight, Weights } from '../weights.ts';
import { momentName, moments } from './training-state.ts';
import type { TrainingState } from './training-state.ts';

/** The version of the layout and meaning of weights under a `ModelConfig`. A state of another version must not be carried. */
export const stateVersion = 1;

/** The model whose state is carried over. */
export interface CarriedModel {
  readonly spec: ModelSpec;
  /** [rows of `item/id`] the item of each row; position 0 is a placeholder. Items without a dedicated row may be missing. */
  readonly itemIds: readonly string[];
  readonly state: TrainingState;
}

/** The model that starts from the state, with the same `config`. */
export interface ReceivingModel {
  readonly spec: ModelSpec;
  /** [N + 1]; position 0 is a placeholder. */
  readonly itemIds: readonly string[];
  /** Items 1..trainedCount have a dedicated embedding. */
  readonly trainedCount: number;
  /** Side features of the items, rows [N + 1, slots]. */
  readonly itemFeatures: readonly EncodedFeature[];
  /** The values of rows without a carried row. */
  readonly initialWeights: Weights;
}

/**
 * Returns the state of a model for another vocabulary and other features: every row moves with the thing that it represents.
 *
 * - Rows of `item/id` move by item id. A row whose second moments are all zero was never trained and is not carried.
 * - Rows of a feature's table move by value. Bins of a number move by their rank: the cheapest tenth of the items stays the
 *   cheapest tenth, although its edges differ.
 * - Rows of the first H-layer, or of the map of user features, move by user feature. Rows of a new user feature keep their initial values.
 * - All other weights are copied.
 * - An item without a carried row gets the mean embedding of its side features, so that its pooled embedding does not change. Without
 *   side features its row keeps its initial values.
 * - Adam's moments move with their rows and are zero for new rows. The number of steps is carried too, since carried moments need no
 *   bias correction. For new rows it would be needed: their first update is up to (1 − β₁) / √(1 − β₂) ≈ 3.2 times the learning rate.
 *   With a constant gradient, the tenth update is 6.5 times the learning rate, and updates after the 300th are below twice.
 *
 * Rows without a counterpart are dropped. The result may share arrays with `from`.
 */
export function carryState(from: CarriedModel, to: ReceivingModel): TrainingState {
  const sources = rowSources(from, to);
  const weights: Record<string, Weight> = {};
  const optimizer: Record<string, Weight> = { steps: from.state.optimizer['steps']! };
  for (const [name, initial] of Object.entries(to.initialWeights)) {
    const rows = sources.get(name);
    weights[name] = carryRows(from.state.weights[name], initial, rows);
    if (frozenWeights.has(name)) continue;
    const zeros = { shape: initial.shape, data: new Float32Array(initial.data.length) };
    for (const moment of moments) {
      const key = momentName(moment, name);
      optimizer[key] = carryRows(from.state.optimizer[key], zeros, rows);
    }
  }
  initializeNewItems(to, weights, sources.get('item/id')!);
  return { weights, optimizer };
}

/** Returns, for each weight whose rows move, the source row of each row, −1 for none. */
function rowSources(from: CarriedModel, to: ReceivingModel): Map<string, Int32Array> {
  const sources = new Map([['item/id', itemSources(from, to)]]);
  const add = (
    table: (name: string) => string,
    before: readonly FeatureSchema[],
    now: readonly FeatureSchema[],
  ): void => {
    for (const schema of now) {
      const previous = before.find(({ name, kind }) => name === schema.name && kind === schema.kind);
      sources.set(table(schema.name), valueSources(previous, schema));
    }
  };
  add(itemFeatureTable, from.spec.itemFeatures, to.spec.itemFeatures);
  add(userFeatureTable, from.spec.userFeatures, to.spec.userFeatures);
  sources.set('hidden/0/kernel', featureInputSources(from.spec, to.spec, hiddenBehaviorWidth(to.spec.config)));
  sources.set('profileMap/kernel', featureInputSources(from.spec, to.spec, 0));
  return sources;
}

function itemSources(from: CarriedModel, to: ReceivingModel): Int32Array {
  const D = from.spec.config.embeddingDim;
  const second = from.state.optimizer[momentName('second', 'item/id')]!.data;
  const rowOf = new Map<string, number>();
  for (let row = 1; row < from.itemIds.length; row++) {
    if (second.subarray(row * D, (row + 1) * D).some((value) => value !== 0)) rowOf.set(from.itemIds[row]!, row);
  }
  const sources = new Int32Array(to.spec.itemCount + 1).fill(-1);
  for (let item = 1; item <= to.trainedCount; item++) sources[item] = rowOf.get(to.itemIds[item]!) ?? -1;
  return sources;
}

/** Returns the sources of a feature's table [values + 1]. Row 0 stands for no value. Users without the attribute read it; items do not. */
function valueSources(previous: FeatureSchema | undefined, { kind, values }: FeatureSchema): Int32Array {
  const sources = new Int32Array(values.length + 1).fill(-1);
  if (previous === undefined) return sources;
  sources[0] = 0;
  const rowOf = new Map(previous.values.map((value, position) => [value, position + 1]));
  values.forEach((value, position) => {
    sources[position + 1] =
      kind === 'number' ? sameRankBin(position, values.length, previous.values.length) + 1 : (rowOf.get(value) ?? -1);
  });
  return sources;
}

/** Returns the bin among `previousCount` bins with the relative rank of bin `position` among `count`. */
function sameRankBin(position: number, count: number, previousCount: number): number {
  return count === 1 ? 0 : Math.round((position * (previousCount - 1)) / (count - 1));
}

/** Returns the sources of a matrix whose inputs are `base` others (capsule and context), then a block per user feature. */
function featureInputSources(from: ModelSpec, to: ModelSpec, base: number): Int32Array {
  const width = to.config.profileDim;
  const sources = Int32Array.from({ length: base + width * to.userFeatures.length }, (_, row) =>
    row < base ? row : -1,
  );
  to.userFeatures.forEach(({ name, kind }, block) => {
    const previous = from.userFeatures.findIndex((feature) => feature.name === name && feature.kind === kind);
    if (previous === -1) return;
    for (let row = 0; row < width; row++) sources[base + block * width + row] = base + previous * width + row;
  });
  return sources;
}

/** Returns `target` with the rows of `carried` at `sources`, or `carried` itself without `sources`. */
function carryRows(carried: Weight | undefined, target: Weight, sources: Int32Array | undefined): Weight {
  if (sources === undefined) return carried!;
  const data = target.data.slice();
  const width = data.length / sources.length;
  sources.forEach((source, row) => {
    if (source >= 0) data.set(carried!.data.subarray(source * width, (source + 1) * width), row * width);
  });
  return { shape: target.shape, data };
}

/** Initializes the rows of `item/id` without a source from side features. */
function initializeNewItems(to: ReceivingModel, weights: Weights, sources: Int32Array): void {
  const D = to.spec.config.embeddingDim;
  const { data } = weights['item/id']!;
  const bySideFeatures = embedItems(to.spec, weights, {
    itemCount: to.spec.itemCount,
    trainedCount: 0,
    features: to.itemFeatures,
  });
  for (let item = 1; item <= to.trainedCount; item++) {
    const hasFeature = to.itemFeatures.some(({ schema, rows }) =>
      rows.subarray(item * schema.slots, (item + 1) * schema.slots).some((row) => row > 0),
    );
    if (sources[item]! >= 0 || !hasFeature) continue;
    data.set(bySideFeatures.subarray(item * D, (item + 1) * D), item * D);
  }
}
