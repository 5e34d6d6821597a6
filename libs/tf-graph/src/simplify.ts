import type { Trace, TracedInput, TracedNode } from './trace.ts';

/** The nodes of a trace that its outputs need, by position, in order. */
export interface SimplifiedTrace {
  readonly nodes: ReadonlyMap<number, TracedNode>;
  readonly outputs: Trace['outputs'];
}

/**
 * Returns the trace without redundant operations of TensorFlow.js: sums with zeros, transpositions and casts that change
 * nothing, products with ones (the gradient of a sum), and batched products of single matrices. TensorFlow's own optimizer
 * misses them because sizes are unknown.
 */
export function simplify(trace: Trace): SimplifiedTrace {
  const simplified: TracedNode[] = [];
  /** The input that the output of a node equals. */
  const same = new Map<number, TracedInput>();
  const resolve = (input: TracedInput): TracedInput => {
    const other = input.kind === 'node' && input.output === 0 ? same.get(input.node) : undefined;
    return other ?? input;
  };
  const made = (input: TracedInput): TracedNode | undefined =>
    input.kind === 'node' ? simplified[input.node] : undefined;
  trace.nodes.forEach((traced, position) => {
    const node = withoutBroadcast({ ...traced, inputs: traced.inputs.map(resolve) }, made);
    simplified.push(asPlainMatMul(node));
    const copied = copiedInput(node, made);
    if (copied !== undefined) same.set(position, copied);
  });
  const outputs = Object.fromEntries(Object.entries(trace.outputs).map(([name, output]) => [name, resolve(output)]));

  const needed = new Set<number>();
  const need = (input: TracedInput): void => {
    if (input.kind !== 'node' || needed.has(input.node)) return;
    needed.add(input.node);
    simplified[input.node]!.inputs.forEach(need);
  };
  Object.values(outputs).forEach(need);
  return {
    nodes: new Map([...simplified.entries()].filter(([position]) => needed.has(position))),
    outputs,
  };
}

type NodeOf = (input: TracedInput) => TracedNode | undefined;

/** Returns the input that the output of a node equals, if any. */
function copiedInput({ op, inputs, shapes, attributes }: TracedNode, made: NodeOf): TracedInput | undefined {
  const [a, b] = inputs as [TracedInput, TracedInput];
  const isWhole = (input: TracedInput): boolean => isShape(shapeOf(input), shapes[0]!);
  switch (op) {
    case 'Add':
    case 'AddV2':
      if (made(b)?.op === 'ZerosLike' && isWhole(a)) return a;
      return made(a)?.op === 'ZerosLike' && isWhole(b) ? b : undefined;
    case 'Mul':
      if (isOnes(b) && isWhole(a)) return a;
      return isOnes(a) && isWhole(b) ? b : undefined;
    case 'Transpose':
      return b.kind === 'constant' && b.value.data.every((axis, place) => axis === place) ? a : undefined;
    case 'Reshape':
      return isWhole(a) ? a : undefined;
    case 'Cast':
      return JSON.stringify(attributes['SrcT']) === JSON.stringify(attributes['DstT']) ? a : undefined;
    default:
      return undefined;
  }
}

const elementWise = new Set(['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv']);

/** Returns a broadcasting operation without operands that were broadcast before, if its other operand has the full shape. */
function withoutBroadcast(node: TracedNode, made: NodeOf): TracedNode {
  if (!elementWise.has(node.op)) return node;
  const isWhole = (input: TracedInput): boolean => isShape(shapeOf(input), node.shapes[0]!);
  const inputs = [...node.inputs];
  for (const place of [0, 1]) {
    const broadcast = made(inputs[place]!);
    // One operand must keep the full shape.
    if (broadcast?.op === 'Mul' && isOnes(broadcast.inputs[1]!) && isWhole(inputs[1 - place]!)) {
      inputs[place] = broadcast.inputs[0]!;
    }
  }
  return { ...node, inputs };
}

/** Returns a batched product of two matrices as a plain product, which is faster. */
function asPlainMatMul(node: TracedNode): TracedNode {
  if (node.op !== 'BatchMatMulV2' || !node.inputs.every((input) => shapeOf(input).length === 2)) return node;
  const { T, adj_x, adj_y } = node.attributes;
  return { ...node, op: 'MatMul', attributes: { T: T!, transpose_a: adj_x!, transpose_b: adj_y! } };
}

const isOnes = (input: TracedInput): boolean =>
  input.kind === 'constant' && input.value.dtype === 'float32' && input.value.data.every((value) => value === 1);

const shapeOf = (input: TracedInput): readonly number[] =>
  input.kind === 'constant' ? input.value.shape : input.shape;

const isShape = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((size, axis) => size === other[axis]);
