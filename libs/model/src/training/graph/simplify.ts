import type { Trace, TracedInput, TracedNode } from './trace.ts';

/** The nodes of a trace that its outputs need, by their position, in order. */
export interface SimplifiedTrace {
  readonly nodes: ReadonlyMap<number, TracedNode>;
  readonly outputs: Trace['outputs'];
}

/**
 * The same trace without what TensorFlow.js adds for want of anything better, and TensorFlow's optimizer does not see where sizes
 * are open: sums with zeros, transpositions that change nothing, products with ones (the gradient of a sum), batches of one
 * matrix.
 */
export function simplify(trace: Trace): SimplifiedTrace {
  const simplified: TracedNode[] = [];
  /** What each output of a node is the same as. */
  const same = new Map<number, TracedInput>();
  const resolve = (input: TracedInput): TracedInput => {
    const other = input.kind === 'node' && input.output === 0 ? same.get(input.node) : undefined;
    return other ?? input;
  };
  const made = (input: TracedInput): TracedNode | undefined =>
    input.kind === 'node' ? simplified[input.node] : undefined;
  trace.nodes.forEach((traced, position) => {
    const node = withoutSpreading({ ...traced, inputs: traced.inputs.map(resolve) }, made);
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

/** The input that a node's output equals, if it is so. */
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

/** An operation that spreads its operands needs none that was spread before, where the other one has the whole shape. */
function withoutSpreading(node: TracedNode, made: NodeOf): TracedNode {
  if (!elementWise.has(node.op)) return node;
  const isWhole = (input: TracedInput): boolean => isShape(shapeOf(input), node.shapes[0]!);
  const inputs = [...node.inputs];
  for (const place of [0, 1]) {
    const spread = made(inputs[place]!);
    // Not both operands: one must have the whole shape.
    if (spread?.op === 'Mul' && isOnes(spread.inputs[1]!) && isWhole(inputs[1 - place]!)) {
      inputs[place] = spread.inputs[0]!;
    }
  }
  return { ...node, inputs };
}

/** Matrices have an operation of their own, which is faster than a batch of one. */
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
