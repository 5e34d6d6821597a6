import type { Random } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import type { NegativeSampler } from '../loss/negative-sampler.ts';
import { profileTable, repeatFeatureCount, userVectorTable } from '../weights.ts';
import type { TrainingBatch } from './batch.ts';

/** Numbers with their shape; a size that is not the same in every batch has a name. */
export interface BatchArray {
  readonly shape: readonly (number | string)[];
  readonly data: Int32Array | Float32Array;
}

/**
 * A batch as what the loss is a function of, by name. Sizes: B examples, P labels, C candidates (or negatives), M repeats, T days.
 * Which arrays there are follows from the model.
 */
export interface BatchArrays {
  readonly sizes: Readonly<Record<string, number>>;
  readonly arrays: Readonly<Record<string, BatchArray>>;
}

/** What a batch's labels compete with. */
export interface Competition {
  /** Item indexes of the full softmax. */
  readonly candidates: Int32Array;
  /** [N + 1] the place of each item among them, −1 for none. */
  readonly candidatePosition: Int32Array;
  /** Drawn negatives, for the sampled softmax instead. */
  readonly negatives: Int32Array | undefined;
  readonly sampler: NegativeSampler;
}

export function toArrays(
  spec: ModelSpec,
  batch: TrainingBatch,
  { negatives, candidates: all, candidatePosition, sampler }: Competition,
): BatchArrays {
  const { interests: K, sequenceLength: L } = spec.config;
  const candidates = negatives ?? all;
  const logExpected = (items: Int32Array): Float32Array =>
    Float32Array.from(items, (item) => sampler.logExpectedCount(item, candidates.length));
  const arrays: Record<string, BatchArray> = {
    behaviors: { shape: ['B', L], data: batch.behaviors.items },
    ages: { shape: ['B', L], data: batch.behaviors.ages },
    mask: { shape: ['B', L], data: maskOf(batch.behaviors.items) },
    active: { shape: ['B', K], data: batch.active },
    labelRows: { shape: ['P'], data: batch.labelRows },
    labels: { shape: ['P'], data: batch.labels },
    labelWeights: { shape: ['P'], data: batch.labelWeights },
    candidates: { shape: ['C'], data: candidates },
  };
  spec.userFeatures.forEach(({ name }, position) => {
    arrays[profileArray(name)] = { shape: ['B'], data: batch.profile[position]! };
  });
  if (batch.userRows !== undefined) arrays['userRows'] = { shape: ['B'], data: batch.userRows };
  if (negatives === undefined) {
    arrays['labelColumns'] = { shape: ['P'], data: Int32Array.from(batch.labels, (item) => candidatePosition[item]!) };
  } else {
    arrays['logExpected/labels'] = { shape: ['P'], data: logExpected(batch.labels) };
    arrays['logExpected/candidates'] = { shape: ['C'], data: logExpected(negatives) };
  }
  const sizes = { B: batch.size, P: batch.labels.length, C: candidates.length };
  if (batch.popularity !== undefined) {
    const { days, features, dayOf } = batch.popularity;
    arrays['popularity/features'] = { shape: ['T', 'C', features.length / (days * candidates.length)], data: features };
    arrays['popularity/dayOf'] = { shape: ['B'], data: dayOf };
    Object.assign(sizes, { T: days });
  }
  if (batch.repeats !== undefined) {
    const { features, cells } = batch.repeats;
    arrays['repeat/features'] = { shape: ['M', repeatFeatureCount], data: features };
    arrays['repeat/cells'] = { shape: ['M'], data: cells };
    Object.assign(sizes, { M: cells.length });
  }
  return { sizes, arrays };
}

function maskOf(items: Int32Array): Float32Array {
  const mask = new Float32Array(items.length);
  for (let slot = 0; slot < items.length; slot++) mask[slot] = items[slot] === 0 ? 0 : 1;
  return mask;
}

/** Arrays [2] of integers, the seeds of what a step draws: see `toBatch`. */
export const seedArrays = { dropout: 'seed/dropout', logits: 'seed/logits' } as const;

/** The seeds of a step whose model draws something. */
export function drawSeeds({ config }: ModelSpec, random: Random): Record<string, BatchArray> {
  const drawn = {
    [seedArrays.dropout]: config.dropout > 0,
    [seedArrays.logits]: config.extractor.kind === 'routing' && config.extractor.trainingLogits === 'redrawn',
  };
  const seed = (): BatchArray => ({ shape: [2], data: Int32Array.of(random.int(2 ** 31), random.int(2 ** 31)) });
  return Object.fromEntries(
    Object.entries(drawn)
      .filter(([, isDrawn]) => isDrawn)
      .map(([name]) => [name, seed()]),
  );
}

/** The array of a user feature: [B] rows of its table. */
export const profileArray = (feature: string): string => `profile/${feature}`;

/** The table that each array of users' rows reads. */
export function userTables({ config, userFeatures }: ModelSpec): Map<string, string> {
  const tables = new Map(userFeatures.map(({ name }) => [profileArray(name), profileTable(name)]));
  if (config.extractor.kind === 'user-vectors') tables.set('userRows', userVectorTable);
  return tables;
}

/** The shape of an array in a batch of these sizes. */
export function shapeOf({ shape }: BatchArray, sizes: Readonly<Record<string, number>>): number[] {
  return shape.map((size) => (typeof size === 'number' ? size : sizes[size]!));
}
