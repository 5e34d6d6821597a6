import { dataTypes } from './graph-def.ts';
import type { Attribute, ConstantValue, DataType, GraphNode } from './graph-def.ts';
import type { SizedConstant, SizedTrace, SizeProduct } from './sizes.ts';
import { simplify } from './simplify.ts';
import type { TracedInput } from './trace.ts';

/** Collects the nodes of a graph; operations are given names by their number unless they have one. */
export interface GraphBuilder {
  readonly nodes: readonly GraphNode[];
  /** @returns the name of the new node */
  add(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>, name?: string): string;
  /** A constant node; equal ones are one. */
  constant(value: ConstantValue): string;
  scalar(value: number, dtype?: 'float32' | 'int32'): string;
}

/** The name of a node for any text: TensorFlow allows few characters. */
export const nodeName = (text: string): string =>
  text.replace(/[^A-Za-z0-9./-]/gu, (character) => `_${character.codePointAt(0)!.toString(16)}_`);

export const typed = (dtype: DataType): Attribute => ({ type: dataTypes[dtype] });

export function createGraphBuilder(): GraphBuilder {
  const nodes: GraphNode[] = [];
  const constants = new Map<string, string>();
  const builder: GraphBuilder = {
    nodes,
    add(op, inputs, attributes = {}, name = `${nodes.length}/${op}`) {
      nodes.push({ name, op, inputs, attributes });
      return name;
    },
    constant(value) {
      const { dtype, shape, data } = value;
      const key = `${dtype} ${shape.join()} ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')}`;
      const known = constants.get(key);
      if (known !== undefined) return known;
      const name = builder.add('Const', [], { dtype: typed(dtype), value: { tensor: value } });
      constants.set(key, name);
      return name;
    },
    scalar: (value, dtype = 'float32') =>
      builder.constant({ dtype, shape: [], data: dtype === 'float32' ? Float32Array.of(value) : Int32Array.of(value) }),
  };
  return builder;
}

/**
 * Adds a trace to a graph and returns the names of its outputs.
 *
 * @param of the graph's name of each input of the trace @param sizes that of each size, an int32 scalar
 */
export function addTrace(
  builder: GraphBuilder,
  { trace, constants }: SizedTrace,
  { of, sizes }: { of: Readonly<Record<string, string>>; sizes: Readonly<Record<string, string>> },
): Record<string, string> {
  const names = new Map<number, string>();
  const dynamic = createSizeNodes(builder, sizes);
  const { nodes, outputs } = simplify(trace);
  const nameOf = (input: TracedInput): string => {
    if (input.kind === 'input') return of[input.name]!;
    if (input.kind === 'constant') {
      return dynamic.constant(constants.get(input) ?? { kind: 'fixed', value: input.value });
    }
    const name = names.get(input.node)!;
    return input.output === 0 ? name : `${name}:${input.output}`;
  };
  for (const [position, node] of nodes) {
    names.set(position, builder.add(node.op, node.inputs.map(nameOf), node.attributes));
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, nameOf(output)]));
}

/** Nodes that compute numbers and shapes from the sizes of a step; each is made once. */
function createSizeNodes(
  builder: GraphBuilder,
  sizes: Readonly<Record<string, string>>,
): { constant(constant: SizedConstant): string } {
  const made = new Map<string, string>();
  const once = (key: string, make: () => string): string => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const name = make();
    made.set(key, name);
    return name;
  };
  const int32 = { T: typed('int32') };
  const number = (value: number | SizeProduct): string => {
    if (typeof value === 'number') return builder.scalar(value, 'int32');
    const { factor, offset } = value;
    return once(JSON.stringify(value), () => {
      let product = value.sizes.map((size) => sizes[size]!).reduce((a, b) => builder.add('Mul', [a, b], int32));
      if (factor !== 1) product = builder.add('Mul', [product, builder.scalar(factor, 'int32')], int32);
      return offset === 0 ? product : builder.add('AddV2', [product, builder.scalar(offset, 'int32')], int32);
    });
  };
  const vector = (values: readonly (number | SizeProduct)[]): string =>
    once(JSON.stringify(values), () =>
      builder.add('Pack', values.map(number), { ...int32, N: { int: values.length }, axis: { int: 0 } }),
    );
  const numbers = (values: readonly (number | SizeProduct)[], shape: readonly number[]): string => {
    if (shape.length === 0) return number(values[0]!);
    if (shape.length === 1) return vector(values);
    const form = builder.constant({ dtype: 'int32', shape: [shape.length], data: Int32Array.from(shape) });
    return once(JSON.stringify([values, shape]), () =>
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
        return once(`${dtype} ${name}`, () =>
          builder.add('Cast', [name], { SrcT: typed('int32'), DstT: typed(dtype) }),
        );
      }
      const filling = builder.constant({ dtype, shape: [], data: constant.value.data.slice(0, 1) });
      return once(`${filling} ${JSON.stringify(constant.shape)}`, () =>
        builder.add('Fill', [vector(constant.shape), filling], { T: typed(dtype), index_type: typed('int32') }),
      );
    },
  };
}
