import { tf } from '../../tf.ts';
import type { Tensor } from '../../tf.ts';
import { dataTypes } from './graph-def.ts';
import type { Attribute, ConstantValue, DataType } from './graph-def.ts';

/** An operation that ran while it was watched. */
export interface TracedNode {
  readonly op: string;
  readonly inputs: readonly TracedInput[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Shape of each output. */
  readonly shapes: readonly (readonly number[])[];
}

/** What an operation read: a watched tensor, a number made by JavaScript, or the output of an operation before it. */
export type TracedInput =
  | { readonly kind: 'input'; readonly name: string; readonly shape: readonly number[] }
  | { readonly kind: 'constant'; readonly value: ConstantValue }
  | { readonly kind: 'node'; readonly node: number; readonly output: number; readonly shape: readonly number[] };

export interface Trace {
  readonly nodes: readonly TracedNode[];
  readonly outputs: Readonly<Record<string, TracedInput>>;
}

/**
 * Runs `compute` once and records the TensorFlow operations that it came down to, gradients included. The record is a graph in
 * `inputs`, which `compute` must read its data from: what it makes itself is taken for constant.
 *
 * Every kernel of tfjs-node passes through two methods of its backend; the only others are those that share their input's data.
 */
export function traceOperations(
  inputs: Readonly<Record<string, Tensor>>,
  compute: () => Readonly<Record<string, Tensor>>,
): Trace {
  const backend = tf.backend() as unknown as WatchedBackend;
  const { executeSingleOutput, executeMultipleOutputs } = backend;
  const nodes: TracedNode[] = [];
  const sources = new Map<object, TracedInput>();
  for (const [name, tensor] of Object.entries(inputs)) {
    sources.set(tensor.dataId, { kind: 'input', name, shape: tensor.shape });
  }
  const sourceOf = (tensor: Tensor): TracedInput => {
    const known = sources.get(tensor.dataId);
    if (known !== undefined) return known.kind === 'constant' ? known : { ...known, shape: tensor.shape };
    const dtype = tensor.dtype as DataType;
    const data = backend.readSync(tensor.dataId).slice();
    const constant = { kind: 'constant', value: { dtype, shape: tensor.shape, data } } as const;
    sources.set(tensor.dataId, constant);
    return constant;
  };
  const record = (
    op: string,
    attributes: readonly BackendAttribute[],
    read: readonly Tensor[],
    made: Tensor[],
  ): void => {
    made.forEach((tensor, output) => {
      sources.set(tensor.dataId, { kind: 'node', node: nodes.length, output, shape: tensor.shape });
    });
    nodes.push({
      op,
      inputs: read.map(sourceOf),
      attributes: {
        ...inferredTypes(op, read),
        ...Object.fromEntries(attributes.map((attribute) => [attribute.name, toAttribute(attribute, backend)])),
      },
      shapes: made.map(({ shape }) => shape),
    });
  };
  backend.executeSingleOutput = (op, attributes, read) => {
    const made = executeSingleOutput.call(backend, op, attributes, read);
    record(op, attributes, read, [made]);
    return made;
  };
  backend.executeMultipleOutputs = (op, attributes, read, count) => {
    const made = executeMultipleOutputs.call(backend, op, attributes, read, count);
    record(op, attributes, read, made);
    return made;
  };
  try {
    let outputs: Record<string, TracedInput> = {};
    tf.tidy(() => {
      const computed = Object.entries(compute());
      outputs = Object.fromEntries(computed.map(([name, tensor]) => [name, sourceOf(tensor)]));
    });
    return { nodes, outputs };
  } finally {
    // Uncovers the methods of the prototype again.
    Reflect.deleteProperty(backend, 'executeSingleOutput');
    Reflect.deleteProperty(backend, 'executeMultipleOutputs');
  }
}

/** Types that a kernel of tfjs-node leaves to TensorFlow to find out, which a graph must state. */
function inferredTypes(op: string, inputs: readonly Tensor[]): Record<string, Attribute> {
  if (op !== 'ExpandDims') return {};
  return { T: { type: dataTypes[inputs[0]!.dtype as DataType] }, Tdim: { type: dataTypes.int32 } };
}

/** An attribute as tfjs-node hands it to TensorFlow's C API. */
export interface BackendAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

interface WatchedBackend {
  executeSingleOutput(op: string, attributes: readonly BackendAttribute[], inputs: readonly Tensor[]): Tensor;
  executeMultipleOutputs(
    op: string,
    attributes: readonly BackendAttribute[],
    inputs: readonly Tensor[],
    count: number,
  ): Tensor[];
  readSync(dataId: object): Float32Array | Int32Array | Uint8Array;
  readonly binding: Readonly<Record<string, number>>;
}

function toAttribute({ name, type, value }: BackendAttribute, { binding }: WatchedBackend): Attribute {
  switch (type) {
    case binding['TF_ATTR_TYPE']:
      return { type: value as number };
    case binding['TF_ATTR_BOOL']:
      return { bool: value as boolean };
    case binding['TF_ATTR_INT']:
      return { int: value as number };
    case binding['TF_ATTR_FLOAT']:
      return { float: value as number };
    case binding['TF_ATTR_STRING']:
      return { string: value as string };
    case binding['TF_ATTR_SHAPE']:
      return { shape: value as number[] };
    default:
      throw new Error(`The attribute ${name} has the unknown type ${type}.`);
  }
}
