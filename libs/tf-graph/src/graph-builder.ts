import { leavesOf, namedSizes, sizesOf, typeOf } from './arrays.ts';
import type { NumericArray } from './arrays.ts';
import type { Recording, SizedConstant, SizeProduct } from './record.ts';
import { dataTypes } from './saved-model.ts';
import type { Attribute, ConstantValue, DataType, GraphNode } from './saved-model.ts';
import { simplify } from './simplify.ts';
import { tf } from './tensorflow.ts';
import type { Tensor } from './tensorflow.ts';
import type { TracedInput } from './trace.ts';

/** Collects the nodes of a graph. Methods return the name of the node that they add. */
export interface GraphBuilder {
  readonly nodes: readonly GraphNode[];
  /** @param name A number and the operation by default. */
  add(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>, name?: string): string;
  /** Adds a constant. Equal constants share a node. */
  constant(value: ConstantValue): string;
  scalar(value: number, dtype?: 'float32' | 'int32'): string;
  /** @param shape −1 for a size that differs from run to run. */
  placeholder(name: string, dtype: DataType, shape: readonly number[]): string;
  /** Adds a placeholder for each leaf of a nested structure and for each named size. Returns the nodes of the leaves by path. */
  placeholders(structure: unknown): Record<string, string>;
  /**
   * Adds a recorded function. Returns the nodes of its outputs by name.
   *
   * @param inputs The node of each input by path.
   */
  call(recording: Recording, inputs: Readonly<Record<string, string>>): Record<string, string>;
}

/** Returns `text` as the name of a node, with the characters that TensorFlow refuses replaced. */
export const nodeName = (text: string): string =>
  text.replace(/[^A-Za-z0-9./-]/gu, (character) => `_${character.codePointAt(0)!.toString(16)}_`);

/** Returns the name of the placeholder that {@link GraphBuilder.placeholders} adds for a leaf. */
const inputNode = (path: string): string => nodeName(`input/${path}`);
const sizeNode = (name: string): string => nodeName(`size/${name}`);

export const typed = (dtype: DataType): Attribute => ({ type: dataTypes[dtype] });

export function createGraphBuilder(): GraphBuilder {
  const nodes: GraphNode[] = [];
  const constants = new Map<string, string>();
  const sizes = new Map<string, string>();
  const builder: GraphBuilder = {
    nodes,
    add(op, inputs, attributes = {}, name = `${nodes.length}/${op}`) {
      nodes.push({ name, op, inputs, attributes });
      return name;
    },
    constant(value) {
      const { dtype, shape, data } = value;
      const key = `${dtype} ${shape.join()} ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')}`;
      return getOrMake(constants, key, () =>
        builder.add('Const', [], { dtype: typed(dtype), value: { tensor: value } }),
      );
    },
    scalar: (value, dtype = 'float32') =>
      builder.constant({ dtype, shape: [], data: dtype === 'float32' ? Float32Array.of(value) : Int32Array.of(value) }),
    placeholder: (name, dtype, shape) =>
      builder.add('Placeholder', [], { dtype: typed(dtype), shape: { shape } }, name),
    placeholders(structure) {
      const leaves = leavesOf(structure);
      for (const name of namedSizes(leaves).keys()) {
        getOrMake(sizes, name, () => builder.placeholder(sizeNode(name), 'int32', []));
      }
      return Object.fromEntries(
        leaves.map(([path, leaf]) => {
          const shape = leaf.shape.map((size) => (typeof size === 'number' ? size : -1));
          return [path, builder.placeholder(inputNode(path), typeOf(leaf), shape)];
        }),
      );
    },
    call({ trace, constants: sized }, inputs) {
      const results = new Map<number, string>();
      const sizeNodes = createSizeNodes(builder, sizes);
      const simplified = simplify(trace);
      const nameOf = (input: TracedInput): string => {
        if (input.kind === 'input') return inputs[input.name]!;
        if (input.kind === 'constant') {
          return sizeNodes.constant(sized.get(input) ?? { kind: 'fixed', value: input.value });
        }
        const name = results.get(input.node)!;
        return input.output === 0 ? name : `${name}:${input.output}`;
      };
      for (const [position, node] of simplified.nodes) {
        results.set(position, builder.add(node.op, node.inputs.map(nameOf), node.attributes));
      }
      return Object.fromEntries(Object.entries(simplified.outputs).map(([name, output]) => [name, nameOf(output)]));
    },
  };
  return builder;
}

/** Returns a tensor that shares the array's memory. */
export const tensorOf = (array: NumericArray): Tensor => tf.tensor(array.data, sizesOf(array.shape), typeOf(array));

/** Returns the tensors of a nested structure and of its named sizes, by placeholder. Arrays become new tensors. */
export function feedsOf(structure: unknown): Record<string, Tensor> {
  const leaves = leavesOf<Tensor | NumericArray>(structure);
  const feeds: Record<string, Tensor> = {};
  for (const [path, leaf] of leaves) feeds[inputNode(path)] = leaf instanceof tf.Tensor ? leaf : tensorOf(leaf);
  for (const [name, size] of namedSizes(leaves)) feeds[sizeNode(name)] = tf.scalar(size, 'int32');
  return feeds;
}

function getOrMake(map: Map<string, string>, key: string, make: () => string): string {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

/** Adds nodes that compute constants from the named sizes of a run, each once. */
function createSizeNodes(
  builder: GraphBuilder,
  sizes: ReadonlyMap<string, string>,
): { constant(constant: SizedConstant): string } {
  const made = new Map<string, string>();
  const int32 = { T: typed('int32') };
  const number = (value: number | SizeProduct): string => {
    if (typeof value === 'number') return builder.scalar(value, 'int32');
    const { factor, offset } = value;
    return getOrMake(made, JSON.stringify(value), () => {
      let product = value.sizes.map((size) => sizes.get(size)!).reduce((a, b) => builder.add('Mul', [a, b], int32));
      if (factor !== 1) product = builder.add('Mul', [product, builder.scalar(factor, 'int32')], int32);
      return offset === 0 ? product : builder.add('AddV2', [product, builder.scalar(offset, 'int32')], int32);
    });
  };
  const vector = (values: readonly (number | SizeProduct)[]): string =>
    getOrMake(made, JSON.stringify(values), () =>
      builder.add('Pack', values.map(number), { ...int32, N: { int: values.length }, axis: { int: 0 } }),
    );
  const numbers = (values: readonly (number | SizeProduct)[], shape: readonly number[]): string => {
    if (shape.length === 0) return number(values[0]!);
    if (shape.length === 1) return vector(values);
    const form = builder.constant({ dtype: 'int32', shape: [shape.length], data: Int32Array.from(shape) });
    return getOrMake(made, JSON.stringify([values, shape]), () =>
      builder.add('Reshape', [vector(values), form], { ...int32, Tshape: typed('int32') }),
    );
  };
  return {
    constant(constant) {
      const { dtype } = constant.value;
      if (constant.kind === 'fixed') return builder.constant(constant.value);
      if (constant.kind === 'numbers') {
        const name = numbers(constant.numbers, constant.value.shape);
        if (dtype === 'int32') return name;
        return getOrMake(made, `${dtype} ${name}`, () =>
          builder.add('Cast', [name], { SrcT: typed('int32'), DstT: typed(dtype) }),
        );
      }
      const filling = builder.constant({ dtype, shape: [], data: constant.value.data.slice(0, 1) });
      return getOrMake(made, `${filling} ${JSON.stringify(constant.shape)}`, () =>
        builder.add('Fill', [vector(constant.shape), filling], { T: typed(dtype), index_type: typed('int32') }),
      );
    },
  };
}
