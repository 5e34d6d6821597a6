/** A number type of TensorFlow, by its number in `DataType`. */
export const dataTypes = { float32: 1, int32: 3, bool: 10 } as const;
export type DataType = keyof typeof dataTypes;

/** A constant: `data` row-major, or one number that fills the shape. */
export interface ConstantValue {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** An attribute of an operation; −1 in a shape is a size that only a run knows. */
export type Attribute =
  | { readonly type: number }
  | { readonly bool: boolean }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly shape: readonly number[] }
  | { readonly tensor: ConstantValue };

/** An operation of a graph. Inputs are names of nodes, `name:k` for the output k, `^name` for one that must have run. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/**
 * The bytes of a `saved_model.pb` (SavedModel of TensorFlow's protocol buffers) with one graph under the tag `serve`. It needs
 * no signatures: a session runs any node by its name.
 */
export function encodeSavedModel(nodes: readonly GraphNode[]): Uint8Array {
  const graph = message([
    ...nodes.map((node) => bytes(1, nodeDef(node))),
    bytes(4, message([varint(1, graphVersion)])),
  ]);
  const metaInfo = message([bytes(4, utf8('serve'))]);
  const metaGraph = message([bytes(1, metaInfo), bytes(2, graph)]);
  return message([varint(1, 1), bytes(2, metaGraph)]);
}

/** Producer version: from 21 on graphs are read by today's rules; this is that of TensorFlow 2.12. */
const graphVersion = 1395;

function nodeDef({ name, op, inputs, attributes }: GraphNode): Uint8Array {
  return message([
    bytes(1, utf8(name)),
    bytes(2, utf8(op)),
    ...inputs.map((input) => bytes(3, utf8(input))),
    ...Object.entries(attributes).map(([key, value]) =>
      bytes(5, message([bytes(1, utf8(key)), bytes(2, attrValue(value))])),
    ),
  ]);
}

function attrValue(value: Attribute): Uint8Array {
  if ('type' in value) return message([varint(6, value.type)]);
  if ('bool' in value) return message([varint(5, value.bool ? 1 : 0)]);
  if ('int' in value) return message([varint(3, value.int)]);
  if ('float' in value) return message([float(4, value.float)]);
  if ('string' in value) return message([bytes(2, utf8(value.string))]);
  if ('shape' in value) return message([bytes(7, tensorShape(value.shape))]);
  return message([bytes(8, tensorProto(value.tensor))]);
}

const tensorShape = (sizes: readonly number[]): Uint8Array =>
  message(sizes.map((size) => bytes(2, message([varint(1, size)]))));

function tensorProto({ dtype, shape, data }: ConstantValue): Uint8Array {
  return message([
    varint(1, dataTypes[dtype]),
    bytes(2, tensorShape(shape)),
    bytes(4, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);
}

// The wire format: a field is its number and wire type as a varint, then its value.

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const message = (fields: readonly Uint8Array[]): Uint8Array => Buffer.concat(fields);
const varint = (field: number, value: number): Uint8Array =>
  Buffer.concat([encodeVarint(field << 3), encodeVarint(value)]);
const bytes = (field: number, value: Uint8Array): Uint8Array =>
  Buffer.concat([encodeVarint((field << 3) | 2), encodeVarint(value.length), value]);

function float(field: number, value: number): Uint8Array {
  const encoded = Buffer.alloc(4);
  encoded.writeFloatLE(value);
  return Buffer.concat([encodeVarint((field << 3) | 5), encoded]);
}

function encodeVarint(value: number): Uint8Array {
  const encoded: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    encoded.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  encoded.push(Number(rest));
  return Uint8Array.from(encoded);
}
