import { createRandom, drawEpoch, epochSize, exampleCounts, prefixExamples, windowExamples } from '@facet/features';
import type { Cut, EncodedFeature, Examples, Random, UserSequences } from '@facet/features';
import { AppError } from '@facet/platform/errors';
import { dayMs } from '@facet/platform/time';
import type { ArraysOf, NumericArray } from '@facet/tf-graph/arrays';
import { namedSize, userArrays } from '../batch.ts';
import type { BatchArrays, ItemBatch } from '../batch.ts';
import type { FitConfig, ModelSpec, TrainingConfig } from '../config.ts';
import { negativesOf, sampledNegatives } from '../loss/negatives.ts';
import { pooledArrays } from '../tower/item-rows.ts';
import type { ItemRows } from '../tower/item-rows.ts';
import { itemFeatureTable, userFeatureTable, userVectorTable } from '../weights.ts';
import { createScoreColumns, createCandidateSet, drawNegatives } from './candidate-set.ts';
import type { BatchNegatives, CandidateSet } from './candidate-set.ts';
import { createExampleReader, labelFrequencies } from './example-rows.ts';
import type { ExampleRows, TrainingData } from './example-rows.ts';
import { popularityFeatures, repeatBonusFeatures } from './score-features.ts';
import { createUsedRows } from './used-rows.ts';

export interface BatchOptions {
  readonly spec: ModelSpec;
  /** Side features of the items, rows [N + 1, slots]. */
  readonly itemFeatures: readonly EncodedFeature[];
  /** Items 1..trainedCount have a dedicated embedding. */
  readonly trainedCount: number;
  readonly data: TrainingData;
  readonly training: Pick<TrainingConfig, 'examplesPerUser'>;
  /** A table with more rows is sparse: a step gathers and updates only the rows that the batch uses (`adam.ts`). */
  readonly denseRowsMax?: number;
}

/** A pass over this many rows costs less than finding the rows that a step uses. */
export const defaultDenseRowsMax = 4096;

/** Returns the batch of `examples` at the positions `chosen`, or undefined if none of them has a label. */
export type BatchBuilder = (examples: Examples, chosen: Int32Array, random: Random) => BatchArrays | undefined;

/** Creates batches as a training step reads them, without the {@link sharedItems}. A batch shares no array with another one. */
export function createBatchBuilder(options: BatchOptions): BatchBuilder {
  const build = createWholeBatchBuilder(options);
  const isFull = usesAllItems(options);
  const restrict = createUsedRows({
    items: isFull ? undefined : itemRows(options),
    userFeatureTables: options.spec.userFeatures.map(({ name }) => userFeatureTable(name)),
    sparseTables: sparseTables(options),
  });
  return (...args) => {
    const batch = build(...args);
    if (batch === undefined) return undefined;
    const restricted = restrict(batch);
    return isFull ? { ...restricted, items: undefined, usedRows: withTrainedRows(options, restricted) } : restricted;
  };
}

/** Creates the same batches with all N + 1 items and whole tables. */
export function createWholeBatchBuilder(options: BatchOptions): BatchBuilder {
  const { spec, data } = options;
  const readExamples = createExampleReader(spec, data);
  const candidates = createCandidateSet(data, spec.itemCount);
  const draw = createNegativeDraw(options, candidates);
  const pooled = pooledArrays(itemRows(options));
  return (examples, chosen, random) => {
    const rows = readExamples(examples, chosen, random);
    if (rows.labels.length === 0) return undefined;
    const batch = toBatch(spec, rows, candidates, draw(examples, rows, random));
    const seeds = drawSeeds(spec, random);
    return { ...batch, users: { ...batch.users, seeds }, items: { ...batch.items!, pooled } };
  };
}

/** Returns a function that draws the negatives of a batch; undefined for the full softmax. */
export function createNegativeDraw(
  { spec, trainedCount, data, training }: BatchOptions,
  candidates: CandidateSet,
): (examples: Examples, rows: ExampleRows, random: Random) => BatchNegatives | undefined {
  const negatives = negativesOf(spec.config, trainedCount);
  if (negatives === 'all') return () => undefined;
  const { drawn, inBatch } = sampledNegatives(negatives);
  // All batches of a phase are cut from the same examples.
  let known: { readonly examples: Examples; readonly frequencies: Float64Array } | undefined;
  return (examples, rows, random) => {
    if (!inBatch) return drawNegatives(candidates, drawn, random);
    if (known?.examples !== examples) {
      known = { examples, frequencies: labelFrequencies(spec, data, examples, training.examplesPerUser) };
    }
    return drawNegatives(candidates, drawn, random, { rows, frequencies: known.frequencies });
  };
}

/** Returns the items that all batches share in a full softmax; undefined if each batch has its own. @param candidates Of the training data. */
export function sharedItems(options: ItemOptions, candidates: Int32Array): ArraysOf<ItemBatch> | undefined {
  if (!usesAllItems(options)) return undefined;
  return {
    pooled: pooledArrays(trainedRows(options)),
    candidates: { shape: [namedSize('C', candidates.length)], data: candidates },
  };
}

/**
 * Returns examples with their candidates as a batch without pooled items and seeds.
 *
 * @param negatives Undefined for the full softmax.
 */
export function toBatch(
  { config }: ModelSpec,
  rows: ExampleRows,
  candidates: CandidateSet,
  negatives: BatchNegatives | undefined,
): BatchArrays {
  const columns = createScoreColumns(candidates, negatives);
  const labelColumns = rows.labels.map(columns.columnOf);
  const [P, C] = [namedSize('P', rows.labels.length), namedSize('C', columns.items.length)];
  const batch: BatchArrays = {
    users: userArrays(config, rows),
    labels: {
      rows: { shape: [P], data: rows.labelRows },
      items: { shape: [P], data: rows.labels },
      weights: { shape: [P], data: rows.labelWeights },
      columns: negatives === undefined ? { shape: [P], data: labelColumns } : undefined,
    },
    items: { pooled: {}, candidates: { shape: [C], data: columns.items } },
    usedRows: {},
    popularity: config.popularityPrior ? popularityFeatures(rows, columns, candidates.timeline) : undefined,
    repeats: config.repeatBonus ? repeatBonusFeatures(rows, columns) : undefined,
  };
  if (negatives === undefined) return batch;
  const labelCells = labelCellsOf(rows.labelRows, labelColumns, config.readout.kind === 'label-aware');
  const ofLabels = Float32Array.from(rows.labels, negatives.logExpectedCount);
  return {
    ...batch,
    logExpected: {
      labels: { shape: [P], data: ofLabels },
      candidates: { shape: [C], data: columns.logExpected! },
    },
    labelCells: { shape: [namedSize('H', labelCells.length / 2), 2], data: labelCells },
  };
}

/**
 * Returns the cells of the scores at which a negative is a label of the same example: row, column, row, …
 *
 * @param labelRows [P] the example of each label.
 * @param columns [P] the column of each label, −1 for none.
 * @param byLabel Whether a row of the scores is a label. Otherwise it is an example.
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

/** Draws the seeds of a step, for models that draw random numbers. */
function drawSeeds({ config }: ModelSpec, random: Random): BatchArrays['users']['seeds'] {
  const { dropout, extractor } = config;
  const seed = (): NumericArray => ({ shape: [2], data: Int32Array.of(random.int(2 ** 31), random.int(2 ** 31)) });
  return {
    dropout: dropout > 0 ? seed() : undefined,
    logits: extractor.kind === 'routing' && extractor.trainingLogits === 'redrawn' ? seed() : undefined,
  };
}

type ItemOptions = Pick<BatchOptions, 'spec' | 'itemFeatures' | 'trainedCount'>;

/** Returns whether the batches use the full softmax. Cold items are neither labels nor candidates nor behaviors of training. */
const usesAllItems = ({ spec, trainedCount }: ItemOptions): boolean => negativesOf(spec.config, trainedCount) === 'all';

function itemRows({ spec, trainedCount, itemFeatures }: ItemOptions): ItemRows {
  return { itemCount: spec.itemCount, trainedCount, features: itemFeatures };
}

/** Returns the trained items alone. */
function trainedRows({ trainedCount, itemFeatures }: ItemOptions): ItemRows {
  const features = itemFeatures.map(({ schema, rows }) => ({
    schema,
    rows: rows.subarray(0, (trainedCount + 1) * schema.slots),
  }));
  return { itemCount: trainedCount, trainedCount, features };
}

/** Adds the rows of trained items if `item/id` is a large table with mostly cold items, so that a step does not update these. */
function withTrainedRows(
  { spec, trainedCount, denseRowsMax = defaultDenseRowsMax }: BatchOptions,
  { usedRows }: Pick<BatchArrays, 'usedRows'>,
): BatchArrays['usedRows'] {
  const [used, all] = [trainedCount + 1, spec.itemCount + 1];
  if (all <= denseRowsMax || all < 2 * used) return usedRows;
  const rows = Int32Array.from({ length: used }, (_, row) => row);
  return { ...usedRows, 'item/id': { shape: [namedSize('rows of item/id', used)], data: rows } };
}

/** Returns the row counts of the tables of which a step uses few of many rows. */
function sparseTables(options: BatchOptions): Map<string, number> {
  const { spec, denseRowsMax = defaultDenseRowsMax } = options;
  const tables = new Map<string, number>();
  if (!usesAllItems(options)) {
    tables.set('item/id', spec.itemCount + 1);
    for (const { name, values } of spec.itemFeatures) tables.set(itemFeatureTable(name), values.length + 1);
  }
  for (const { name, values } of spec.userFeatures) tables.set(userFeatureTable(name), values.length + 1);
  if (spec.config.extractor.kind === 'user-vectors') tables.set(userVectorTable, spec.userCount ?? 0);
  return new Map([...tables].filter(([, rows]) => rows > denseRowsMax));
}

/** The batches of one epoch, in training order. Undefined for a batch without labels. */
export interface EpochBatches<Batches = Iterable<BatchArrays | undefined> | AsyncIterable<BatchArrays | undefined>> {
  /** Examples of the epoch. */
  readonly examples: number;
  /** Read it once, and finish or abandon it before requesting another epoch. */
  readonly batches: Batches;
}

/** Provides the batches of an epoch to the training loop, from this thread or from a worker thread. */
export type BatchSource = (epoch: number) => EpochBatches | Promise<EpochBatches>;

/**
 * Returns a source that builds batches on demand. Each epoch has its own random stream from seed and epoch number, so that it is the
 * same in every run and thread.
 */
export function createBatchSource(
  build: BatchBuilder,
  examples: Examples,
  { seed, examplesPerUser: perUser, batchSize }: TrainingConfig,
): (epoch: number) => EpochBatches<Iterable<BatchArrays | undefined>> {
  return (epoch) => {
    const random = createRandom(seed).fork(`epoch ${epoch}`);
    const order = drawEpoch(examples, { perUser, random });
    const batches = (function* () {
      for (let start = 0; start < order.length; start += batchSize) {
        yield build(examples, order.subarray(start, start + batchSize), random);
      }
    })();
    return { examples: order.length, batches };
  };
}

/** Returns the training examples with labels before `before`. */
export function trainingExamples(sequences: UserSequences, config: FitConfig, before: Cut): Examples {
  if (config.labels !== 'window') return prefixExamples(sequences, before, config.labels);
  const { windowDays, extraMoments, seed } = config;
  return windowExamples(sequences, { before, windowMs: windowDays * dayMs, extraMoments, random: createRandom(seed) });
}

/** `epochs: auto` trains this many epochs. */
const epochsAuto = 6;
/** On little data, an epoch has few steps, and validation prefers more epochs (docs/benchmarks.md#number-of-epochs). */
const stepsAutoMin = 150;
const epochsAutoMax = 30;

/** Returns the number of epochs of a fit on the examples. */
export function countEpochs(
  { epochs, batchSize, examplesPerUser }: Pick<TrainingConfig, 'epochs' | 'batchSize' | 'examplesPerUser'>,
  examples: Pick<Examples, 'user'>,
): number {
  if (epochs !== 'auto') return epochs;
  const steps = Math.max(1, Math.ceil(epochSize(exampleCounts(examples).values(), examplesPerUser) / batchSize));
  return Math.min(epochsAutoMax, Math.max(epochsAuto, Math.ceil(stepsAutoMin / steps)));
}

/** Returns the error for examples without labels: the popularity prior is unknown before the day after an item's first interaction. */
export function noLabels(): AppError {
  return new AppError('No training labels: no example predicts an item that has an interaction on an earlier day.', {
    code: 'MODEL_NO_LABELS',
    category: 'input',
    remedy: 'Import events of more days, or set model.popularityPrior: false.',
  });
}

/** Returns the error for a training without examples. */
export function noExamples(): AppError {
  return new AppError('No training examples: no user has two interactions at different times.', {
    code: 'MODEL_NO_EXAMPLES',
    category: 'input',
    remedy: 'Import more events, or check interactions.positives in facet.yaml.',
  });
}
