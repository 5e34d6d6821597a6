/* The types of a batch. The loss has its tensors. Code without TensorFlow has arrays instead (`ArraysOf`). */
import type { BehaviorRows } from '@facet/features';
import { leavesOf } from '@facet/tf-graph/arrays';
import type { ArraysOf, NamedSize, NumericArray } from '@facet/tf-graph/arrays';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import type { ModelSpec } from './config.ts';

/** The weights of a model as tensors, by name. */
export type WeightTensors = Readonly<Record<string, Tensor>>;

/** B users, each at one moment. Padding is 0 and precedes the behaviors. */
export interface UserBatch {
  /** [B, L] items and age buckets of the behaviors. */
  readonly behaviors: Tensor2D;
  readonly ages: Tensor2D;
  /** [B, L] 1 for a behavior, 0 for padding. */
  readonly mask: Tensor2D;
  /** [B, K] 1 for an active interest. */
  readonly active: Tensor2D;
  /** [L] the slots of the model's sequence that the rows cover, the newest ones. All slots if absent. */
  readonly slots?: Tensor1D;
  /** For each user feature [B] rows of its table. */
  readonly userFeatures: readonly Tensor1D[];
  /** [B] rows in the table of user vectors, in a model with such a table. */
  readonly userRows?: Tensor1D;
  /** [2] seeds of the random numbers of a training step. Absent outside training. */
  readonly seeds?: { readonly dropout?: Tensor1D; readonly logits?: Tensor1D };
}

/** The embedding rows of one table that items are pooled from; U items. */
export interface PooledTable {
  /** [U, slots] rows of the table. Absent if the table has exactly one row per item. */
  readonly rows?: Tensor2D;
  /** [U, slots, 1] weight of each row in the item's mean, 0 for an empty slot. */
  readonly weights: Tensor3D;
}

/** The items of a batch. */
export interface ItemBatch {
  /** By the name of the embedding table. */
  readonly pooled: Readonly<Record<string, PooledTable>>;
  /** [C] items that labels compete with. Distinct. */
  readonly candidates: Tensor1D;
}

/** P labels. */
export interface LabelBatch {
  /** [P] the example of each label. The labels of an example are adjacent. */
  readonly rows: Tensor1D;
  /** [P] */
  readonly items: Tensor1D;
  /** [P] The weights of an example sum to 1/B. */
  readonly weights: Tensor1D;
  /** [P] the candidate that each label is. Full softmax only. */
  readonly columns?: Tensor1D;
}

/**
 * One batch of the training: B examples, P labels, C candidates.
 *
 * Items are positions among the U items of the batch, or among all N + 1 items where the batch has all of them.
 */
export interface TrainingBatch {
  readonly users: UserBatch;
  readonly labels: LabelBatch;
  /** Absent from prepared batches if all batches share their items (`sharedItems`). */
  readonly items?: ItemBatch;
  /** For each sparse table [R] the distinct rows that the batch uses. */
  readonly usedRows: Readonly<Record<string, Tensor1D>>;
  /** Sampled softmax only: ln Q of the labels [P] and of the candidates [C]. */
  readonly logExpected?: { readonly labels: Tensor1D; readonly candidates: Tensor1D };
  /**
   * Sampled softmax only: [H, 2] row and column of the scores at which a candidate is a label of the same example. A row is a
   * label with label-aware attention, otherwise an example.
   */
  readonly labelCells?: Tensor2D;
  /** [T, C, features] of the candidates on each day, [B] the day of each example, and [P, features] of the labels (sampled softmax). */
  readonly popularity?: { readonly features: Tensor3D; readonly dayOf: Tensor1D; readonly labels?: Tensor2D };
  readonly repeats?: {
    /** [M, 5] of the candidates that are behaviors of the user. */
    readonly features: Tensor2D;
    /** [M] their cells in [B, C]. */
    readonly cells: Tensor1D;
    /** [M] 1 for a candidate that is no label of the example, 0 for a label. */
    readonly notLabel: Tensor1D;
    /** [1] the share of the labels that are repeats, by weight. */
    readonly share: Tensor1D;
    /** Sampled softmax only: [P, 5] of the labels. */
    readonly labels?: Tensor2D;
  };
}

/** A {@link TrainingBatch} as plain arrays. */
export type BatchArrays = ArraysOf<TrainingBatch>;

/** Returns the buffers of a batch, which a thread can transfer. */
export function buffersOf(batch: BatchArrays): ArrayBuffer[] {
  return [...new Set(leavesOf<NumericArray>(batch).map(([, { data }]) => data.buffer as ArrayBuffer))];
}

/** B users at one moment each, before padding masks and slots are known. */
export interface UserRows {
  /** The newest behaviors of each user. L of a batch may be less than that of the model. */
  readonly behaviors: BehaviorRows;
  /** [B, K] 1 for an active interest. */
  readonly active: Float32Array;
  /** For each user feature [B] rows of its table. */
  readonly userFeatures: readonly Int32Array[];
  /** [B] rows in the table of user vectors, in a model with such a table. */
  readonly userRows: Int32Array | undefined;
}

export const namedSize = (name: string, size: number): NamedSize => ({ name, size });

/** Returns the arrays that the user tower reads. */
export function userArrays(
  { interests: K, sequenceLength }: ModelSpec['config'],
  { behaviors: { items, ages, length }, active, userFeatures, userRows }: UserRows,
): ArraysOf<UserBatch> {
  const [B, L] = [namedSize('B', active.length / K), namedSize('L', length)];
  return {
    behaviors: { shape: [B, L], data: items },
    ages: { shape: [B, L], data: ages },
    mask: { shape: [B, L], data: Float32Array.from(items, (item) => (item === 0 ? 0 : 1)) },
    active: { shape: [B, K], data: active },
    slots: { shape: [L], data: Int32Array.from({ length }, (_, slot) => sequenceLength - length + slot) },
    userFeatures: userFeatures.map((data) => ({ shape: [B], data })),
    userRows: userRows === undefined ? undefined : { shape: [B], data: userRows },
  };
}
