/* Nested inputs of a graph as plain arrays. Loads no TensorFlow, so that a worker thread can prepare inputs. */
import type { Tensor } from './tensorflow.ts';

/** A size that may differ from run to run, such as the number of examples in a batch. */
export interface NamedSize {
  readonly name: string;
  readonly size: number;
}

export type Dimension = number | NamedSize;

/** A numeric array in row-major order. */
export interface NumericArray {
  readonly shape: readonly Dimension[];
  readonly data: Int32Array | Float32Array;
}

/** The type and shape of an input without its values. */
export interface ArraySpec {
  readonly dtype: 'float32' | 'int32';
  readonly shape: readonly Dimension[];
}

/** One input of a graph. */
export type Leaf = Tensor | NumericArray | ArraySpec;

/** `T`, a nested structure of tensors, as the caller of a graph provides it: each leaf a tensor, an array or a spec. */
export type Inputs<T> = T extends Tensor ? Leaf : T extends object ? { [K in keyof T]: Inputs<T[K]> } : T;

/** `T`, a nested structure of tensors, as plain arrays. */
export type ArraysOf<T> = T extends Tensor ? NumericArray : T extends object ? { [K in keyof T]: ArraysOf<T[K]> } : T;

/** Returns the sizes of a shape as numbers. */
export const sizesOf = (shape: readonly Dimension[]): number[] =>
  shape.map((dimension) => (typeof dimension === 'number' ? dimension : dimension.size));

/** Returns the leaves of nested objects and arrays with their paths, such as `users/profile/0`. */
export function leavesOf<L extends Leaf>(structure: unknown, path = ''): [path: string, leaf: L][] {
  if (typeof structure !== 'object' || structure === null) return [];
  if ('shape' in structure) return [[path, structure as L]];
  return Object.entries(structure).flatMap(([key, value]) => leavesOf<L>(value, path === '' ? key : `${path}/${key}`));
}

/** Returns the numeric type of a leaf. */
export function typeOf(leaf: Leaf): 'float32' | 'int32' {
  if ('dtype' in leaf) return leaf.dtype as 'float32' | 'int32';
  return leaf.data instanceof Int32Array ? 'int32' : 'float32';
}

/**
 * Returns the named sizes in the shapes of leaves.
 *
 * @throws Error if a name has two sizes.
 */
export function namedSizes(leaves: readonly (readonly [path: string, leaf: Leaf])[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const [path, { shape }] of leaves) {
    for (const dimension of shape) {
      if (typeof dimension === 'number') continue;
      const { name, size } = dimension;
      if ((sizes.get(name) ?? size) !== size) {
        throw new Error(
          `The input ${path} has size ${size} in dimension ${name}, another input has ${sizes.get(name)}.`,
        );
      }
      sizes.set(name, size);
    }
  }
  return sizes;
}

/** Returns the same nested structure with every leaf replaced. */
export function mapLeaves<Result>(structure: Result | Inputs<Result>, map: (leaf: Leaf) => Leaf): Result {
  const mapAny = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if ('shape' in value) return map(value as Leaf);
    if (Array.isArray(value)) return value.map(mapAny);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapAny(each)]));
  };
  return mapAny(structure) as Result;
}
