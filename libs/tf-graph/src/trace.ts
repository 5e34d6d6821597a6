import { dataTypes } from './saved-model.ts';
import type { Attribute, ConstantValue, DataType } from './saved-model.ts';
import { tf } from './tensorflow.ts';
import type { Tensor } from './tensorflow.ts';

/** An operation that ran while the backend was observed. */
export interface TracedNode {
  readonly op: string;
  readonly inputs: readonly TracedInput[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Shape of each output. */
  readonly shapes: readonly (readonly number[])[];
}

/** An input of an operation: an input of the function, values that JavaScript made, or the output of an earlier operation. */
export type TracedInput =
  | { readonly kind: 'input'; readonly name: string; readonly shape: readonly number[] }
  | { readonly kind: 'constant'; readonly value: ConstantValue }
  | { readonly kind: 'node'; readonly node: number; readonly output: number; readonly shape: readonly number[] };

export interface Trace {
  readonly nodes: readonly TracedNode[];
  readonly outputs: Readonly<Record<string, TracedInput>>;
}

/**
 * Runs `compute` once and returns the TensorFlow operations that it executes, gradients included. Values that `compute` makes
 * in JavaScript become constants.
 *
 * Every kernel of tfjs-node calls one of two methods of its backend, apart from kernels that share the data of their input.
 * Both methods are replaced while `compute` runs.
 */
export function traceOperations(
  inputs: Readonly<Record<string, Tensor>>,
  compute: () => Readonly<Record<string, Tensor>>,
): Trace {
  const backend = tf.backend() as unknown as ObservedBackend;
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
    // Restores the methods of the prototype.
    Reflect.deleteProperty(backend, 'executeSingleOutput');
    Reflect.deleteProperty(backend, 'executeMultipleOutputs');
  }
}

/** Returns the type attributes that tfjs-node leaves out and a graph requires. */
function inferredTypes(op: string, inputs: readonly Tensor[]): Record<string, Attribute> {
  if (op !== 'ExpandDims') return {};
  return { T: { type: dataTypes[inputs[0]!.dtype as DataType] }, Tdim: { type: dataTypes.int32 } };
}

/** An attribute as tfjs-node passes it to TensorFlow's C API. */
interface BackendAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

interface ObservedBackend {
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

function toAttribute({ name, type, value }: BackendAttribute, { binding }: ObservedBackend): Attribute {
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
      throw new Error(`The attribute ${name} has type ${type}, which graphs cannot record.`);
  }
}
