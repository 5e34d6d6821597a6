import type { EncodedFeature, FeatureSchema } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { embedItems } from '../inference/item-embeddings.ts';
import { frozenWeights, hiddenBehaviorWidth, itemFeatureTable, profileTable } from '../weights.ts';
import type { Weight, Weights } from '../weights.ts';
import { momentName, moments } from './training-state.ts';
import type { TrainingState } from './training-state.ts';

/**
 * Raised when weights are laid out otherwise, or mean something else, under the same `ModelConfig`: a state of another
 * version must not be carried.
 */
export const stateVersion = 1;

/** The model whose state is carried. */
export interface CarriedModel {
  readonly spec: ModelSpec;
  /** Position p names the item of row p of `item/id`; position 0 is a placeholder. Items without a row of their own may be left out. */
  readonly itemIds: readonly string[];
  readonly state: TrainingState;
}

/** The model that is to start from it, with the same `config`. */
export interface ReceivingModel {
  readonly spec: ModelSpec;
  /** [N + 1]; position 0 is a placeholder. */
  readonly itemIds: readonly string[];
  /** Items 1..trainedCount have an embedding of their own. */
  readonly trainedCount: number;
  /** Side features of the items, rows [N + 1, slots]. */
  readonly itemFeatures: readonly EncodedFeature[];
  /** What rows have that nothing is carried to. */
  readonly initialWeights: Weights;
}

/**
 * A state moved to another vocabulary and other features: every row goes with what it stands for.
 *
 * - `item/id` by item id. A row that was never trained is not carried; its second moments, all zero, tell.
 * - A feature's table by value. Bins of a number go by their place among the bins: the cheapest tenth of the items stays the
 *   cheapest tenth, though its edges have moved.
 * - The first H-layer, or the map of the profile, by what its inputs are: a user feature that is new brings rows as they are
 *   initialized.
 * - All other weights as they are.
 * - An item without a carried row gets the mean of its side features' embeddings, so that its pooled embedding is what it
 *   is without a row of its own. Without side features its row stays as initialized.
 * - Adam's moments go with their rows and are zero where nothing was carried. So does the number of its steps, as the
 *   carried moments have outgrown their bias towards zero and must not be corrected for it again. The new ones have not:
 *   the first update of a new row is up to (1 − β₁) / √(1 − β₂) ≈ 3.2 times the learning rate, instead of once.
 *
 * What has vanished is dropped. Arrays may be shared with `from`.
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
  startNewItems(to, weights, sources.get('item/id')!);
  return { weights, optimizer };
}

/** For each weight whose rows move: the carried row of each of its rows, −1 for none. */
function rowSources(from: CarriedModel, to: ReceivingModel): Map<string, Int32Array> {
  const sources = new Map([['item/id', itemSources(from, to)]]);
  const add = (
    table: (name: string) => string,
    before: readonly FeatureSchema[],
    now: readonly FeatureSchema[],
  ): void => {
    for (const schema of now) {
      const former = before.find(({ name, kind }) => name === schema.name && kind === schema.kind);
      sources.set(table(schema.name), valueSources(former, schema));
    }
  };
  add(itemFeatureTable, from.spec.itemFeatures, to.spec.itemFeatures);
  add(profileTable, from.spec.userFeatures, to.spec.userFeatures);
  sources.set('hidden/0/kernel', profileInputSources(from.spec, to.spec, hiddenBehaviorWidth(to.spec.config)));
  sources.set('profileMap/kernel', profileInputSources(from.spec, to.spec, 0));
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

/** Of a feature's table [values + 1]; row 0, no value, is never read. */
function valueSources(former: FeatureSchema | undefined, { kind, values }: FeatureSchema): Int32Array {
  const sources = new Int32Array(values.length + 1).fill(-1);
  if (former === undefined) return sources;
  const rowOf = new Map(former.values.map((value, position) => [value, position + 1]));
  values.forEach((value, position) => {
    sources[position + 1] =
      kind === 'number' ? samePlace(position, values.length, former.values.length) + 1 : (rowOf.get(value) ?? -1);
  });
  return sources;
}

/** The position among `formerCount` bins that lies where `position` lies among `count`. */
function samePlace(position: number, count: number, formerCount: number): number {
  return count === 1 ? 0 : Math.round((position * (formerCount - 1)) / (count - 1));
}

/** Of a matrix whose inputs are `base` others (of the first H-layer capsule and context), then the profile: a block for each user feature. */
function profileInputSources(from: ModelSpec, to: ModelSpec, base: number): Int32Array {
  const width = to.config.profileDim;
  const sources = Int32Array.from({ length: base + width * to.userFeatures.length }, (_, row) =>
    row < base ? row : -1,
  );
  to.userFeatures.forEach(({ name, kind }, block) => {
    const former = from.userFeatures.findIndex((feature) => feature.name === name && feature.kind === kind);
    if (former === -1) return;
    for (let row = 0; row < width; row++) sources[base + block * width + row] = base + former * width + row;
  });
  return sources;
}

/** `target` with the rows of `carried` that `sources` names; without `sources`, `carried` itself. */
function carryRows(carried: Weight | undefined, target: Weight, sources: Int32Array | undefined): Weight {
  if (sources === undefined) return carried!;
  const data = target.data.slice();
  const width = data.length / sources.length;
  sources.forEach((source, row) => {
    if (source >= 0) data.set(carried!.data.subarray(source * width, (source + 1) * width), row * width);
  });
  return { shape: target.shape, data };
}

/** Writes the rows of `item/id` that nothing was carried to. */
function startNewItems(to: ReceivingModel, weights: Weights, sources: Int32Array): void {
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
