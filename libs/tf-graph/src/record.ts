import { leavesOf, mapLeaves, namedSizes, typeOf } from './arrays.ts';
import type { Inputs, Leaf } from './arrays.ts';
import type { ConstantValue } from './saved-model.ts';
import { tf } from './tensorflow.ts';
import type { Tensor } from './tensorflow.ts';
import { traceOperations } from './trace.ts';
import type { Trace, TracedInput } from './trace.ts';

/** A recorded function, valid for all values of its named sizes. */
export interface Recording {
  readonly trace: Trace;
  /** How each constant of the trace depends on the named sizes. A constant that is missing does not depend on them. */
  readonly constants: ReadonlyMap<TracedInput, SizedConstant>;
}

/** factor · (the product of named sizes) + offset. */
export interface SizeProduct {
  readonly factor: number;
  readonly sizes: readonly string[];
  readonly offset: number;
}

export type SizedConstant =
  | { readonly kind: 'fixed'; readonly value: ConstantValue }
  /** Numbers, some of which depend on named sizes. */
  | { readonly kind: 'numbers'; readonly value: ConstantValue; readonly numbers: readonly (number | SizeProduct)[] }
  /** One number repeated in a shape that depends on named sizes. */
  | { readonly kind: 'filled'; readonly value: ConstantValue; readonly shape: readonly (number | SizeProduct)[] };

type Sizes = ReadonlyMap<string, number>;

/**
 * Records the TensorFlow operations of `compute`, gradients included.
 *
 * A trace contains sizes as numbers only: a reshape to [B · L, D] appears as [2020, 64]. Hence `compute` runs twice, with
 * different primes as its named sizes; a number that differs between the traces is a product of named sizes. The values of
 * arrays and specs do not matter, since placeholders with other values take their place.
 *
 * @param sample See `compile`. Tensors are used as they are, and their shapes are fixed.
 * @throws Error if the two traces differ in a way that the sizes do not explain: `compute` depends on data outside `inputs`.
 */
export function record<T>(
  compute: (inputs: T) => Readonly<Record<string, Tensor>>,
  sample: Inputs<NoInfer<T>>,
): Recording {
  const names = [...namedSizes(leavesOf(sample)).keys()];
  if (names.length === 0) return { trace: traceAt(compute, sample, new Map()), constants: new Map() };
  const primes = primesFrom(smallestPrime, 2 * names.length);
  const [first, second] = [0, 1].map((place): [Trace, Sizes] => {
    const sizes = new Map(names.map((name, position) => [name, primes[2 * position + place]!]));
    return [traceAt(compute, sample, sizes), sizes];
  }) as [[Trace, Sizes], [Trace, Sizes]];
  return { trace: first[0], constants: constantsBySize(first, second) };
}

/** Larger than the fixed sizes that must not be mistaken for it, and small enough for the memory of a trace. */
const smallestPrime = 53;

function primesFrom(least: number, count: number): number[] {
  const primes: number[] = [];
  for (let number = least; primes.length < count; number++) {
    let divisor = 2;
    while (number % divisor !== 0) divisor++;
    if (divisor === number) primes.push(number);
  }
  return primes;
}

function traceAt<T>(
  compute: (inputs: T) => Readonly<Record<string, Tensor>>,
  sample: Inputs<NoInfer<T>>,
  sizes: Sizes,
): Trace {
  // Not an integer and different in both traces, so that a value that is taken for a constant is detected.
  const filling = 1 / ([...sizes.values()][0] ?? 2);
  const made: Tensor[] = [];
  const tensors = mapLeaves<T>(sample, (leaf: Leaf) => {
    if (leaf instanceof tf.Tensor) return leaf;
    const shape = leaf.shape.map((size) => (typeof size === 'number' ? size : sizes.get(size.name)!));
    // Zero is a valid index into every table.
    const tensor = typeOf(leaf) === 'int32' ? tf.zeros(shape, 'int32') : tf.fill(shape, filling);
    made.push(tensor);
    return tensor;
  });
  try {
    return traceOperations(Object.fromEntries(leavesOf<Tensor>(tensors)), () => compute(tensors));
  } finally {
    tf.dispose(made);
  }
}

/** Returns what each constant of the first trace depends on. */
function constantsBySize(
  [first, firstSizes]: readonly [Trace, Sizes],
  [second, secondSizes]: readonly [Trace, Sizes],
): Map<TracedInput, SizedConstant> {
  if (first.nodes.length !== second.nodes.length) {
    throw new Error(
      `The function has ${first.nodes.length} operations at some sizes and ${second.nodes.length} at others.`,
    );
  }
  const constants = new Map<TracedInput, SizedConstant>();
  const explain = (one: number, other: number, op: string): number | SizeProduct => {
    if (one === other) return one;
    const product = asProduct([one, firstSizes], [other, secondSizes]);
    if (product === undefined) {
      throw new Error(`A constant of ${op} is ${one} in one trace and ${other} in another. Pass its data as an input.`);
    }
    return product;
  };
  first.nodes.forEach((node, position) => {
    const twin = second.nodes[position]!;
    if (node.op !== twin.op) {
      throw new Error(`Operation ${position} is ${node.op} at some sizes and ${twin.op} at others.`);
    }
    node.inputs.forEach((input, place) => {
      const other = twin.inputs[place]!;
      if (input.kind !== other.kind) {
        throw new Error(`Input ${place} of ${node.op} is a constant in one of two traces.`);
      }
      if (input.kind !== 'constant' || other.kind !== 'constant' || constants.has(input)) return;
      const [value, twinValue] = [input.value, other.value];
      if (value.data.length === twinValue.data.length) {
        const numbers = Array.from(value.data, (number, index) => explain(number, twinValue.data[index]!, node.op));
        const isFixed = numbers.every((number) => typeof number === 'number');
        constants.set(input, isFixed ? { kind: 'fixed', value } : { kind: 'numbers', value, numbers });
        return;
      }
      const [filling] = value.data;
      if (![...value.data, ...twinValue.data].every((number) => number === filling)) {
        throw new Error(`A constant of ${node.op} has different values at different sizes. Pass its data as an input.`);
      }
      const shape = value.shape.map((size, axis) => explain(size, twinValue.shape[axis]!, node.op));
      constants.set(input, { kind: 'filled', value, shape });
    });
  });
  return constants;
}

/** Offsets that occur, such as one column for the label in addition to those of its negatives. */
const offsets = [0, 1, -1];

function asProduct(
  [one, firstSizes]: readonly [number, Sizes],
  [other, secondSizes]: readonly [number, Sizes],
): SizeProduct | undefined {
  for (const offset of offsets) {
    const [left, right] = [factorize(one - offset, firstSizes), factorize(other - offset, secondSizes)];
    if (left.sizes.length > 0 && left.sizes.join() === right.sizes.join() && left.factor === right.factor) {
      return { ...left, offset };
    }
  }
  return undefined;
}

/** Returns a number as a product of sizes, which are primes, and a remaining factor. */
function factorize(number: number, sizes: Sizes): { factor: number; sizes: string[] } {
  let factor = number;
  const found: string[] = [];
  if (!Number.isInteger(number) || number === 0) return { factor, sizes: found };
  for (const [name, prime] of sizes) {
    for (; factor % prime === 0; factor /= prime) found.push(name);
  }
  return { factor, sizes: found };
}
