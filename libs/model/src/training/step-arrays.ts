import type { EncodedFeature, Examples, Random } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import type { ItemRows } from '../layers/item-rows.ts';
import { negativesOf } from '../loss/negatives.ts';
import { itemFeatureTable, profileTable, userVectorTable } from '../weights.ts';
import { createBatchBuilder } from './batch.ts';
import type { TrainingData } from './batch.ts';
import { drawSeeds, toArrays, userTables } from './batch-arrays.ts';
import type { BatchArray, BatchArrays } from './batch-arrays.ts';
import { competitionOf } from './competition.ts';
import { allPooledArrays, createUsedRows } from './used-rows.ts';

export interface StepArraysOptions {
  readonly spec: ModelSpec;
  /** Side features of the items, rows [N + 1, slots]. */
  readonly itemFeatures: readonly EncodedFeature[];
  /** Items 1..trainedCount have an embedding of their own. */
  readonly trainedCount: number;
  readonly data: TrainingData;
  /** A table with more rows than this is updated lazily where a step uses part of it (see `graph/adam.ts`). */
  readonly denseRowsMax?: number;
}

/** A pass over so few rows costs less than telling those that a step uses from the others. */
export const defaultDenseRowsMax = 4096;

/** What all batches of a training have in common. */
export interface StepLayout {
  readonly sparseTables: ReadonlySet<string>;
  /** Arrays that are the same in all batches. */
  readonly fixed: Readonly<Record<string, BatchArray>>;
}

/** Batches as the graph of a step takes them, without what is fixed. */
export interface StepArrays {
  /** Undefined where no example has a label. Its arrays are in no other batch. */
  batch(examples: Examples, chosen: Int32Array, random: Random): BatchArrays | undefined;
  /** The same batch by item indexes, for whole tables. */
  whole(examples: Examples, chosen: Int32Array, random: Random): BatchArrays | undefined;
}

/** @param candidates of the training's data */
export function stepLayout(options: LayoutOptions, candidates: Int32Array): StepLayout {
  return {
    sparseTables: new Set(sparseTables(options).keys()),
    fixed: usesAllItems(options)
      ? { ...allPooledArrays(itemRows(options)), candidates: { shape: ['C'], data: candidates } }
      : {},
  };
}

export function createStepArrays(options: StepArraysOptions): StepArrays {
  const { spec, data } = options;
  const negatives = negativesOf(spec.config, spec.itemCount);
  const usedRows = createUsedRows({
    items: negatives === 'all' ? undefined : itemRows(options),
    userTables: userTables(spec),
    tables: sparseTables(options),
  });
  const buildBatch = createBatchBuilder(spec, data);
  const competition = competitionOf(data, spec.itemCount);
  const whole: StepArrays['whole'] = (examples, chosen, random) => {
    const batch = buildBatch(examples, chosen, random);
    if (batch.labels.length === 0) return undefined;
    const drawn = negatives === 'all' ? undefined : competition.sampler.draw(negatives, random);
    const { sizes, arrays } = toArrays(spec, batch, competition, drawn);
    return { sizes, arrays: { ...arrays, ...drawSeeds(spec, random) } };
  };
  return {
    whole,
    batch(examples, chosen, random) {
      const batch = whole(examples, chosen, random);
      if (batch === undefined) return undefined;
      const { sizes, arrays } = usedRows.of(batch);
      if (negatives !== 'all') return { sizes, arrays };
      const own = { ...arrays };
      delete own['candidates'];
      return { sizes, arrays: own };
    },
  };
}

type LayoutOptions = Omit<StepArraysOptions, 'data'>;

const usesAllItems = ({ spec }: LayoutOptions): boolean => negativesOf(spec.config, spec.itemCount) === 'all';

function itemRows({ spec, trainedCount, itemFeatures }: LayoutOptions): ItemRows {
  return { itemCount: spec.itemCount, trainedCount, features: itemFeatures };
}

/** The tables of which a step uses few of many rows, with their numbers of rows. */
function sparseTables(options: LayoutOptions): Map<string, number> {
  const { spec, denseRowsMax } = options;
  const tables: [string, number][] = [
    ...(usesAllItems(options)
      ? []
      : [
          ['item/id', spec.itemCount + 1] as [string, number],
          ...spec.itemFeatures.map(({ name, values }): [string, number] => [itemFeatureTable(name), values.length + 1]),
        ]),
    ...spec.userFeatures.map(({ name, values }): [string, number] => [profileTable(name), values.length + 1]),
  ];
  if (spec.config.extractor.kind === 'user-vectors') tables.push([userVectorTable, spec.userCount ?? 0]);
  return new Map(tables.filter(([, rows]) => rows > (denseRowsMax ?? defaultDenseRowsMax)));
}
