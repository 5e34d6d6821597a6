import { nodeName, typed } from '@facet/tf-graph';
import type { GraphBuilder } from '@facet/tf-graph';

/** β₁, β₂ and ε of Adam (Kingma and Ba, arXiv 1412.6980). */
export const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** Scalar nodes of a step that both update rules read. */
export interface AdamInputs {
  readonly learningRate: string;
  /** β₁ᵗ and β₂ᵗ at step t, counted from 1. */
  readonly beta1Power: string;
  readonly beta2Power: string;
}

/** The variable handles of a weight and its moments. */
export interface AdamVariables {
  readonly weight: string;
  readonly first: string;
  readonly second: string;
}

/**
 * Adds Adam on a whole weight: m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; w ← w − α√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε), the form
 * with ε̂ of the Adam paper's §2. TensorFlow updates in place, in one pass.
 *
 * @param after Nodes that must run before the update.
 * @returns A node that runs after the update.
 */
export function addAdam(
  builder: GraphBuilder,
  { weight, first, second }: AdamVariables,
  gradient: string,
  { learningRate, beta1Power, beta2Power }: AdamInputs,
  after: readonly string[] = [],
): string {
  const { beta1, beta2, epsilon } = adam;
  const settings = [beta1, beta2, epsilon].map((value) => builder.scalar(value));
  return builder.add(
    'ResourceApplyAdam',
    [
      weight,
      first,
      second,
      beta1Power,
      beta2Power,
      learningRate,
      ...settings,
      gradient,
      ...after.map((name) => `^${name}`),
    ],
    { T: typed('float32'), use_locking: { bool: false }, use_nesterov: { bool: false } },
  );
}

/** A table of which a step reads and updates some rows. */
export interface SparseTable {
  readonly name: string;
  /** D */
  readonly width: number;
  readonly variables: AdamVariables;
  /** [R] int32: the distinct rows. */
  readonly rows: string;
  /** [R, D] values of the rows before the step. */
  readonly values: string;
}

/**
 * Adds lazy Adam: {@link addAdam} for the rows [R, D] that a step uses. Other rows keep their values and moments, whereas dense
 * Adam would move them along their decaying moments. The bias correction uses the number of the step for all rows, as in
 * torch.optim.SparseAdam and TensorFlow's LazyAdam. The cost of a step depends on R, not on the size of the table.
 *
 * The rows are copied to three scratch variables, since TensorFlow's one-pass update works on variables only.
 *
 * @returns A node that runs after the update.
 */
export function addLazyAdam(builder: GraphBuilder, table: SparseTable, gradient: string, inputs: AdamInputs): string {
  const { name, variables, rows } = table;
  const part = (key: 'weight' | 'first' | 'second'): { handle: string; assigned: string } => {
    const handle = addVariable(builder, `scratch/${key}/${name}`, [-1, table.width]);
    const values = key === 'weight' ? table.values : addGatherRows(builder, variables[key], rows);
    const assigned = builder.add('AssignVariableOp', [handle, values], { dtype: typed('float32') });
    return { handle, assigned };
  };
  const scratch = { weight: part('weight'), first: part('first'), second: part('second') };
  const updated = addAdam(
    builder,
    { weight: scratch.weight.handle, first: scratch.first.handle, second: scratch.second.handle },
    gradient,
    inputs,
    Object.values(scratch).map(({ assigned }) => assigned),
  );
  const written = (['weight', 'first', 'second'] as const).map((key) => {
    const values = builder.add('ReadVariableOp', [scratch[key].handle, `^${updated}`], { dtype: typed('float32') });
    return builder.add('ResourceScatterUpdate', [variables[key], rows, values], {
      dtype: typed('float32'),
      Tindices: typed('int32'),
    });
  });
  return builder.add(
    'NoOp',
    written.map((node) => `^${node}`),
  );
}

/** Adds a variable. Returns its handle. @param shape −1 for a size that differs from run to run. */
export function addVariable(builder: GraphBuilder, name: string, shape: readonly number[]): string {
  const attributes = {
    dtype: typed('float32'),
    shape: { shape },
    shared_name: { string: name },
    container: { string: '' },
  };
  return builder.add('VarHandleOp', [], attributes, nodeName(name));
}

/** Adds a copy of rows [R, …] of a variable. */
export function addGatherRows(builder: GraphBuilder, variable: string, rows: string): string {
  return builder.add('ResourceGather', [variable, rows], {
    dtype: typed('float32'),
    Tindices: typed('int32'),
    batch_dims: { int: 0 },
    validate_indices: { bool: true },
  });
}
