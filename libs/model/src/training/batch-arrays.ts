import { popularityFeatureCount } from '@facet/features';
import type { Random } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { profileTable, repeatFeatureCount, userVectorTable } from '../weights.ts';
import type { TrainingBatch, UserRows } from './batch.ts';
import { columnsOf } from './competition.ts';
import type { Competition } from './competition.ts';
import { labelPopularityOf, labelRepeatsOf, popularityOf, repeatsOf } from './score-additions.ts';

/** Numbers with their shape; a size that is not the same in every batch has a name. */
export interface BatchArray {
  readonly shape: readonly (number | string)[];
  readonly data: Int32Array | Float32Array;
}

/**
 * A batch as what the loss is a function of, by name. Sizes: B examples, L slots, P labels, C candidates, or negatives, each once,
 * M repeats, T days, H negatives that are labels.
 * Which arrays there are follows from the model.
 */
export interface BatchArrays {
  readonly sizes: Readonly<Record<string, number>>;
  readonly arrays: Readonly<Record<string, BatchArray>>;
}

/** @param negatives as drawn, an item as often as it was; undefined for the full softmax. */
export function toArrays(
  spec: ModelSpec,
  batch: TrainingBatch,
  competition: Competition,
  negatives: Int32Array | undefined,
): BatchArrays {
  const { popularityPrior, repeatBonus } = spec.config;
  const { sampler, timeline } = competition;
  const columns = columnsOf(competition, negatives);
  const arrays: Record<string, BatchArray> = {
    ...userArrays(spec, batch),
    labelRows: { shape: ['P'], data: batch.labelRows },
    labels: { shape: ['P'], data: batch.labels },
    labelWeights: { shape: ['P'], data: batch.labelWeights },
    candidates: { shape: ['C'], data: columns.items },
  };
  const sizes = { B: batch.size, L: batch.behaviors.length, P: batch.labels.length, C: columns.items.length };
  if (popularityPrior) {
    const { days, features, dayOf } = popularityOf(batch, columns, timeline);
    arrays['popularity/features'] = { shape: ['T', 'C', popularityFeatureCount], data: features };
    arrays['popularity/dayOf'] = { shape: ['B'], data: dayOf };
    Object.assign(sizes, { T: days });
  }
  if (repeatBonus) {
    const { features, cells } = repeatsOf(batch, columns);
    arrays['repeat/features'] = { shape: ['M', repeatFeatureCount], data: features };
    arrays['repeat/cells'] = { shape: ['M'], data: cells };
    Object.assign(sizes, { M: cells.length });
  }
  const labelColumns = batch.labels.map(columns.of);
  if (negatives === undefined) {
    arrays['labelColumns'] = { shape: ['P'], data: labelColumns };
    return { sizes, arrays };
  }
  const labelCells = labelCellsOf(batch.labelRows, labelColumns, spec.config.readout.kind === 'label-aware');
  arrays['labelCells'] = { shape: ['H', 2], data: labelCells };
  Object.assign(sizes, { H: labelCells.length / 2 });
  // A label need not be among the negatives: what else its score is made of comes with it.
  const logExpected = Float32Array.from(batch.labels, (item) => sampler.logExpectedCount(item, negatives.length));
  arrays['logExpected/labels'] = { shape: ['P'], data: logExpected };
  arrays['logExpected/candidates'] = { shape: ['C'], data: columns.logExpected! };
  if (popularityPrior) {
    arrays['popularity/labels'] = { shape: ['P', popularityFeatureCount], data: labelPopularityOf(batch, timeline) };
  }
  if (repeatBonus) arrays['repeat/labels'] = { shape: ['P', repeatFeatureCount], data: labelRepeatsOf(batch) };
  return { sizes, arrays };
}

/**
 * Where scores have a label of their own example as a negative: row, column, row, … A row is an example, or one of its labels.
 *
 * @param labelRows [P] the example of each label, those of an example side by side @param columns [P] of the negative that it is, −1 for none
 */
function labelCellsOf(labelRows: Int32Array, columns: Int32Array, byLabel: boolean): Int32Array {
  const cells: number[] = [];
  let first = 0;
  for (let label = 0; label < columns.length; label++) {
    const example = labelRows[label]!;
    if (labelRows[first] !== example) first = label;
    const column = columns[label]!;
    if (column < 0) continue;
    if (!byLabel) {
      cells.push(example, column);
      continue;
    }
    for (let row = first; labelRows[row] === example; row++) cells.push(row, column);
  }
  return Int32Array.from(cells);
}

/** What the user tower is a function of, by name. */
export function userArrays(
  { config: { interests: K, sequenceLength }, userFeatures }: ModelSpec,
  { behaviors, active, profile, userRows }: UserRows,
): Record<string, BatchArray> {
  const { length } = behaviors;
  const arrays: Record<string, BatchArray> = {
    behaviors: { shape: ['B', 'L'], data: behaviors.items },
    ages: { shape: ['B', 'L'], data: behaviors.ages },
    mask: { shape: ['B', 'L'], data: maskOf(behaviors.items) },
    active: { shape: ['B', K], data: active },
    slots: { shape: ['L'], data: Int32Array.from({ length }, (_, slot) => sequenceLength - length + slot) },
  };
  userFeatures.forEach(({ name }, position) => {
    arrays[profileArray(name)] = { shape: ['B'], data: profile[position]! };
  });
  if (userRows !== undefined) arrays['userRows'] = { shape: ['B'], data: userRows };
  return arrays;
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
