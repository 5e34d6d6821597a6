import { messages } from './tensorflow.ts';

/** The number types that graphs use, with their numbers in TensorFlow's `DataType`. */
export const dataTypes = { float32: 1, int32: 3, bool: 10 } as const;
export type DataType = keyof typeof dataTypes;

/** A constant in row-major order. */
export interface ConstantValue {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** An attribute of an operation. −1 in a shape is a size that differs from run to run. */
export type Attribute =
  | { readonly type: number }
  | { readonly bool: boolean }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly shape: readonly number[] }
  | { readonly tensor: ConstantValue };

/** A node of a graph. An input is the name of a node, `name:k` for its output k, or `^name` for a node that must run first. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** The version of the graph format that TensorFlow 2.12 writes. Versions from 21 on have the same semantics. */
const graphVersion = 1395;

/** Returns the bytes of a `saved_model.pb` with one graph under the tag `serve`. Sessions address nodes by name, not by signature. */
export function encodeSavedModel(nodes: readonly GraphNode[]): Uint8Array {
  const graph = message(proto.GraphDef, {
    NodeList: nodes.map(nodeDef),
    Versions: message(proto.VersionDef, { Producer: graphVersion }),
  });
  const info = message(proto.MetaGraphDef.MetaInfoDef, { TagsList: ['serve'] });
  const metaGraph = message(proto.MetaGraphDef, { MetaInfoDef: info, GraphDef: graph });
  return message(proto.SavedModel, { SavedModelSchemaVersion: 1, MetaGraphsList: [metaGraph] }).serializeBinary();
}

type MessageType = new () => Message;
interface Message {
  serializeBinary(): Uint8Array;
  getAttrMap(): { set(name: string, value: Message): void };
}
const proto = messages as Record<
  'AttrValue' | 'GraphDef' | 'NodeDef' | 'SavedModel' | 'Tensor' | 'VersionDef',
  MessageType
> & {
  readonly MetaGraphDef: MessageType & { readonly MetaInfoDef: MessageType };
  readonly TensorShape: MessageType & { readonly Dim: MessageType };
};

/** Returns a message with its fields set: `{ Name: 'x' }` calls `setName('x')`. */
function message(Type: MessageType, fields: Readonly<Record<string, unknown>>): Message {
  const made = new Type();
  const setters = made as unknown as Record<string, (value: unknown) => void>;
  for (const [field, value] of Object.entries(fields)) setters[`set${field}`]!(value);
  return made;
}

function nodeDef({ name, op, inputs, attributes }: GraphNode): Message {
  const node = message(proto.NodeDef, { Name: name, Op: op, InputList: inputs });
  for (const [key, value] of Object.entries(attributes)) {
    node.getAttrMap().set(key, message(proto.AttrValue, attributeField(value)));
  }
  return node;
}

function attributeField(value: Attribute): Record<string, unknown> {
  if ('type' in value) return { Type: value.type };
  if ('bool' in value) return { B: value.bool };
  if ('int' in value) return { I: value.int };
  if ('float' in value) return { F: value.float };
  if ('string' in value) return { S: Buffer.from(value.string) };
  if ('shape' in value) return { Shape: tensorShape(value.shape) };
  const { dtype, shape, data } = value.tensor;
  const content = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const fields = { Dtype: dataTypes[dtype], TensorShape: tensorShape(shape), TensorContent: content };
  return { Tensor: message(proto.Tensor, fields) };
}

const tensorShape = (sizes: readonly number[]): Message =>
  message(proto.TensorShape, { DimList: sizes.map((size) => message(proto.TensorShape.Dim, { Size: size })) });
