import { nodeName, typed } from './graph-builder.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** β₁, β₂ and ε of Adam (Kingma and Ba, arXiv 1412.6980). */
export const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** Nodes of a step that both rules read: scalars. */
export interface AdamInputs {
  readonly learningRate: string;
  /** β₁ᵗ and β₂ᵗ at the step t, the first being 1. */
  readonly beta1Power: string;
  readonly beta2Power: string;
}

/** Variables (their handles) of a weight and its moments. */
export interface AdamVariables {
  readonly weight: string;
  readonly first: string;
  readonly second: string;
}

/**
 * Adam on a whole weight: m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; w ← w − α√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε), the form
 * with ε̂ of the paper's §2. TensorFlow does it in one pass, in place.
 *
 * @returns the name of a node that has run when the weight is updated
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

/** A table whose rows a step reads and updates some of. */
export interface SparseTable {
  readonly name: string;
  /** D */
  readonly width: number;
  readonly variables: AdamVariables;
  /** [R] int32: the rows, each once. */
  readonly rows: string;
  /** [R, D] their values before the step. */
  readonly values: string;
}

/**
 * Lazy Adam: {@link addAdam} for the rows [R, D] that a step used; the others stay as they are, moments included. Dense Adam would
 * go on moving a row that is not used by its decaying moments, and shrink these; here a row rests, and its next
 * gradient meets the moments of its last use. The bias is corrected by the number of the step, for rare rows too. That is what
 * torch.optim.SparseAdam and TensorFlow's LazyAdam do; the cost of a step depends on R, not on the table.
 *
 * The rows pass through three scratch variables, so that TensorFlow's one pass over them can be used.
 *
 * @returns the name of a node that has run when the table is updated
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

/** A variable's handle; −1 in `shape` is a size that changes. */
export function addVariable(builder: GraphBuilder, name: string, shape: readonly number[]): string {
  const attributes = {
    dtype: typed('float32'),
    shape: { shape },
    shared_name: { string: name },
    container: { string: '' },
  };
  return builder.add('VarHandleOp', [], attributes, nodeName(name));
}

/** Rows [R, …] of a variable, copied. */
export function addGatherRows(builder: GraphBuilder, variable: string, rows: string): string {
  return builder.add('ResourceGather', [variable, rows], {
    dtype: typed('float32'),
    Tindices: typed('int32'),
    batch_dims: { int: 0 },
    validate_indices: { bool: true },
  });
}
