import type { ConstantValue } from './graph-def.ts';
import type { Trace, TracedInput } from './trace.ts';

/** A number that depends on sizes which differ from step to step: factor · the product of sizes + offset. */
export interface SizeProduct {
  readonly factor: number;
  readonly sizes: readonly string[];
  readonly offset: number;
}

/** A constant of a trace as what it is at any sizes. */
export type SizedConstant =
  | { readonly kind: 'fixed'; readonly value: ConstantValue }
  /** Numbers, some of which are sizes. */
  | { readonly kind: 'numbers'; readonly value: ConstantValue; readonly numbers: readonly (number | SizeProduct)[] }
  /** One number in a shape of such sizes. */
  | { readonly kind: 'filled'; readonly value: ConstantValue; readonly shape: readonly (number | SizeProduct)[] };

/** Sizes by name. */
export type Sizes = Readonly<Record<string, number>>;

/** A computation as recorded for batches of any sizes. */
export interface SizedTrace {
  readonly trace: Trace;
  readonly constants: ReadonlyMap<TracedInput, SizedConstant>;
}

/**
 * Records a computation at two sets of sizes, which tell what of it depends on sizes; once if it has none.
 *
 * @throws Error as {@link constantsBySize}.
 */
export function traceBySizes(names: readonly string[], trace: (sizes: Sizes) => Trace): SizedTrace {
  if (names.length === 0) return { trace: trace({}), constants: new Map() };
  const [first, second] = [0, 1].map((place): [Trace, Sizes] => {
    const sizes = Object.fromEntries(names.map((name, position) => [name, primes[2 * position + place]!]));
    return [trace(sizes), sizes];
  }) as [[Trace, Sizes], [Trace, Sizes]];
  return { trace: first[0], constants: constantsBySize(first, second) };
}

/**
 * A trace knows sizes as numbers only: [B · L, D] is [2020, 64]. Two traces of the same computation with sizes that are different
 * primes tell them apart. Returns what each constant stands for, by the `TracedInput` of the first trace that has it.
 *
 * @throws Error where the traces differ in something that is not explained by the sizes: the computation then depends on
 * data that was not handed in as an input.
 */
export function constantsBySize(
  [first, firstSizes]: readonly [Trace, Sizes],
  [second, secondSizes]: readonly [Trace, Sizes],
): Map<TracedInput, SizedConstant> {
  if (first.nodes.length !== second.nodes.length) throw new Error('The computation depends on its sizes.');
  const constants = new Map<TracedInput, SizedConstant>();
  const explain = (one: number, other: number, what: string): number | SizeProduct => {
    if (one === other) return one;
    const product = asProduct([one, firstSizes], [other, secondSizes]);
    if (product === undefined) throw new Error(`${what} has ${one} in one trace and ${other} in another.`);
    return product;
  };
  first.nodes.forEach((node, position) => {
    const twin = second.nodes[position]!;
    if (node.op !== twin.op) throw new Error(`The computation depends on its sizes: ${node.op} or ${twin.op}.`);
    node.inputs.forEach((input, place) => {
      const other = twin.inputs[place]!;
      if (input.kind !== other.kind) throw new Error(`The input ${place} of ${node.op} is not always the same.`);
      if (input.kind !== 'constant' || other.kind !== 'constant' || constants.has(input)) return;
      const what = `A constant of ${node.op}`;
      const [value, twinValue] = [input.value, other.value];
      if (value.data.length === twinValue.data.length) {
        const numbers = Array.from(value.data, (number, index) => explain(number, twinValue.data[index]!, what));
        const isFixed = numbers.every((number) => typeof number === 'number');
        constants.set(input, isFixed ? { kind: 'fixed', value } : { kind: 'numbers', value, numbers });
        return;
      }
      const [filling] = value.data;
      if (![...value.data, ...twinValue.data].every((number) => number === filling)) {
        throw new Error(`${what} of another length in another trace holds different numbers.`);
      }
      const shape = value.shape.map((size, axis) => explain(size, twinValue.shape[axis]!, what));
      constants.set(input, { kind: 'filled', value, shape });
    });
  });
  return constants;
}

/** Offsets that occur, such as the label's column beside those of its negatives. */
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

/** A number as a product of sizes, which are primes, and the rest. */
function factorize(number: number, sizes: Sizes): { factor: number; sizes: string[] } {
  let factor = number;
  const found: string[] = [];
  if (!Number.isInteger(number) || number === 0) return { factor, sizes: found };
  for (const [name, prime] of Object.entries(sizes)) {
    for (; factor % prime === 0; factor /= prime) found.push(name);
  }
  return { factor, sizes: found };
}

/** Sizes of traces, one after the other for each; larger than what models have that needs to be told apart, and small for the memory of a trace. */
const primes = [
  ...[53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113],
  ...[127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197],
];
