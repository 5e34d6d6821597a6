import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { AppError } from '@facet/platform';

const arrays = { F32: Float32Array, F64: Float64Array, I32: Int32Array, I64: BigInt64Array, U8: Uint8Array } as const;

type Dtype = keyof typeof arrays;

/** A named tensor. The product of `shape` is the length of `data`; a scalar has the shape `[]`. */
export type SafeTensor = {
  [Type in Dtype]: {
    readonly dtype: Type;
    readonly shape: readonly number[];
    readonly data: (typeof arrays)[Type]['prototype'];
  };
}[Dtype];

export interface Safetensors {
  readonly tensors: Record<string, SafeTensor>;
  readonly metadata: Record<string, string>;
}

interface HeaderEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * The limit of the reference implementation. It prevents the first bytes of an unrelated file from being read as a
 * length.
 */
const headerBytesMax = 100_000_000;

/** One read or write call transfers at most 2 GiB; smaller pieces let the event loop run in between. */
const chunkBytesDefault = 64 * 1024 * 1024;

/**
 * Writes tensors in the safetensors format: u64 little-endian header length, JSON header padded with spaces, data.
 * Our own code, because large tables must be written in chunks and read as aligned views of mapped files.
 *
 * Data starts at a multiple of 8 bytes, wider types first, so that every tensor is aligned for a typed array. Equal
 * tensors and metadata give equal bytes in any listing order. Does not sync or rename the file: the artifact store
 * does.
 *
 * @throws AppError `ARTIFACT_INVALID` for a shape that does not match its data, and for the reserved name
 *   `__metadata__`.
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, SafeTensor>>,
  metadata: Readonly<Record<string, string>> = {},
  options: { readonly chunkBytes?: number } = {},
): Promise<void> {
  const { head, ordered } = arrange(tensors, metadata);
  const file = await open(path, 'w');
  try {
    await writeAll(file, head, 0);
    let position = head.length;
    for (const { data } of ordered) {
      const step = options.chunkBytes ?? chunkBytesDefault;
      for (let done = 0; done < data.byteLength; done += step) {
        const length = Math.min(step, data.byteLength - done);
        await writeAll(file, new Uint8Array(data.buffer, data.byteOffset + done, length), position + done);
      }
      position += data.byteLength;
    }
  } finally {
    await file.close();
  }
}

/**
 * Returns the bytes of a safetensors file in parts, for a response. The parts are views of the tensors, not copies. Layout and errors are
 * those of {@link writeSafetensors}.
 *
 * @throws AppError `ARTIFACT_INVALID`.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, SafeTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const { head, ordered } = arrange(tensors, metadata);
  return [head, ...ordered.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/** Returns the header of a file, and its tensors in the order of their data. */
function arrange(
  tensors: Readonly<Record<string, SafeTensor>>,
  metadata: Readonly<Record<string, string>>,
): { readonly head: Buffer; readonly ordered: readonly SafeTensor[] } {
  const ordered = Object.entries(tensors).sort(
    ([nameA, a], [nameB, b]) =>
      arrays[b.dtype].BYTES_PER_ELEMENT - arrays[a.dtype].BYTES_PER_ELEMENT || (nameA < nameB ? -1 : 1),
  );
  const header: [string, unknown][] = [];
  const sortedMetadata = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (sortedMetadata.length > 0) header.push(['__metadata__', Object.fromEntries(sortedMetadata)]);
  let offset = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    if (name === '__metadata__' || elementCount(shape) !== data.length) {
      throw new AppError(`The tensor ${name} has ${data.length} elements, which the shape [${shape}] does not fit.`, {
        code: 'ARTIFACT_INVALID',
        category: 'artifact',
        remedy: 'Pass a shape whose product is the number of elements, and a name other than __metadata__.',
        context: { tensor: name, shape },
      });
    }
    header.push([name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }]);
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)), 'utf8');
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const head = Buffer.alloc(8 + headerBytes, ' ');
  head.writeBigUInt64LE(BigInt(headerBytes), 0);
  json.copy(head, 8);
  return { head, ordered: ordered.map(([, data]) => data) };
}

/**
 * Reads a safetensors file into newly allocated typed arrays. First checks the whole header: types, shapes, and that
 * the offsets cover the data exactly once, without overlaps, gaps or ends beyond the file.
 *
 * @throws AppError `ARTIFACT_CORRUPT` naming the file and the tensor.
 */
export async function readSafetensors(
  path: string,
  options: { readonly chunkBytes?: number } = {},
): Promise<Safetensors> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const readBytes = async (position: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length);
      await readAll(file, bytes, position, path);
      return bytes;
    };
    const headerBytes = headerLength(await readBytes(0, Math.min(size, 8)), size, path);
    const dataStart = 8 + headerBytes;
    const { entries, metadata } = parseHeader(await readBytes(8, headerBytes), size - dataStart, path);
    const tensors: [string, SafeTensor][] = [];
    for (const { name, dtype, shape, begin, end } of entries) {
      const buffer = new ArrayBuffer(end - begin);
      const step = options.chunkBytes ?? chunkBytesDefault;
      for (let done = 0; done < buffer.byteLength; done += step) {
        const piece = new Uint8Array(buffer, done, Math.min(step, buffer.byteLength - done));
        await readAll(file, piece, dataStart + begin + done, path);
      }
      tensors.push([name, viewAs(dtype, shape, buffer, 0)]);
    }
    return { tensors: Object.fromEntries(tensors), metadata };
  } finally {
    await file.close();
  }
}

/**
 * Returns the tensors of a safetensors file in memory, such as a mapped one, as views of that memory. Reads only the
 * header, with the checks of {@link readSafetensors}.
 *
 * @param file The whole file.
 * @param path Named in errors.
 * @throws AppError `ARTIFACT_CORRUPT` naming the file and the tensor.
 */
export function viewSafetensors(file: ArrayBuffer, path: string): Safetensors {
  const headerBytes = headerLength(new Uint8Array(file, 0, Math.min(file.byteLength, 8)), file.byteLength, path);
  const dataStart = 8 + headerBytes;
  const { entries, metadata } = parseHeader(new Uint8Array(file, 8, headerBytes), file.byteLength - dataStart, path);
  const tensors = entries.map(({ name, dtype, shape, begin, end }): [string, SafeTensor] => {
    const start = dataStart + begin;
    // Other writers may not align their data.
    return start % arrays[dtype].BYTES_PER_ELEMENT === 0
      ? [name, viewAs(dtype, shape, file, start)]
      : [name, viewAs(dtype, shape, file.slice(start, dataStart + end), 0)];
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/**
 * Returns the length of the JSON header in bytes.
 *
 * @param start The first 8 bytes of the file.
 * @param size Of the whole file, in bytes.
 */
function headerLength(start: Uint8Array, size: number, path: string): number {
  if (start.length < 8) throw corrupt(path, `it has ${size} bytes, too few for a header`);
  const headerBytes = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  if (headerBytes > headerBytesMax || 8 + headerBytes > size) {
    throw corrupt(path, `its header of ${headerBytes} bytes exceeds the file of ${size} bytes`);
  }
  return headerBytes;
}

function parseHeader(text: Uint8Array, dataBytes: number, path: string) {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(text));
  } catch (error) {
    throw corrupt(path, 'its header is not JSON', error);
  }
  if (!isRecord(header)) throw corrupt(path, 'its header is not an object');
  const { __metadata__: metadata = {}, ...described } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw corrupt(path, 'its metadata is not text');
  }
  const entries = Object.entries(described).map(([name, entry]) => parseEntry(name, entry, path));
  checkCoverage(entries, dataBytes, path);
  return { entries, metadata: metadata as Record<string, string> };
}

function parseEntry(name: string, entry: unknown, path: string): HeaderEntry {
  if (!isRecord(entry)) throw corrupt(path, `the tensor ${name} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(arrays, dtype)) {
    throw corrupt(
      path,
      `the tensor ${name} has the unsupported type ${String(dtype)}; supported are ${Object.keys(arrays).join(', ')}`,
    );
  }
  if (!isCounts(shape)) throw corrupt(path, `the tensor ${name} has no valid shape`);
  const [begin, end] = isCounts(offsets) && offsets.length === 2 ? offsets : [];
  const bytes = elementCount(shape) * arrays[dtype as Dtype].BYTES_PER_ELEMENT;
  if (begin === undefined || end === undefined || end - begin !== bytes) {
    throw corrupt(path, `the offsets of the tensor ${name} do not match its shape [${shape}]`);
  }
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

function checkCoverage(entries: readonly HeaderEntry[], dataBytes: number, path: string): void {
  let covered = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      throw corrupt(path, `the tensor ${name} ${begin < covered ? 'overlaps another' : 'leaves a gap before it'}`);
    }
    if (end > dataBytes) throw corrupt(path, `it is truncated: the tensor ${name} ends beyond the file`);
    covered = end;
  }
  if (covered !== dataBytes) throw corrupt(path, `${dataBytes - covered} bytes belong to no tensor`);
}

function viewAs(dtype: Dtype, shape: readonly number[], buffer: ArrayBuffer, start: number): SafeTensor {
  const View = arrays[dtype] as Float32ArrayConstructor;
  return { dtype, shape, data: new View(buffer, start, elementCount(shape)) } as SafeTensor;
}

async function readAll(file: FileHandle, into: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw corrupt(path, 'it shrank while it was read');
    done += bytesRead;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((element) => Number.isSafeInteger(element) && element >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function corrupt(path: string, problem: string, cause?: unknown): AppError {
  return new AppError(`${path} is not a valid safetensors file: ${problem}.`, {
    code: 'ARTIFACT_CORRUPT',
    category: 'artifact',
    remedy: 'Rebuild the artifact, or use another one.',
    context: { file: path },
    cause,
  });
}
