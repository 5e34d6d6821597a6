import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError } from '@facet/platform';
import fc from 'fast-check';
import { folderOfFile } from '@facet/testing';
import { expect, test } from 'vitest';
import { readSafetensors, viewSafetensors, writeSafetensors } from '../src/index.ts';
import type { SafeTensor } from '../src/index.ts';

const folder = folderOfFile();
const path = join(folder, 'x.safetensors');

const tensors: Record<string, SafeTensor> = {
  ids: { dtype: 'I32', shape: [3], data: Int32Array.of(1, -2, 3) },
  offsets: { dtype: 'I64', shape: [2, 1], data: BigInt64Array.of(1n << 40n, -5n) },
  table: { dtype: 'F32', shape: [2, 3], data: Float32Array.of(1.5, -0, NaN, Infinity, 5, 6) },
  scalar: { dtype: 'F32', shape: [], data: Float32Array.of(7) },
  double: { dtype: 'F64', shape: [2], data: Float64Array.of(0.1, NaN) },
  bytes: { dtype: 'U8', shape: [3], data: Uint8Array.of(0, 127, 255) },
  empty: { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
};

test('reads back types, shapes, special values and metadata', async () => {
  await writeSafetensors(path, tensors, { modelId: 'm', ünicode: '✓' });
  const read = await readSafetensors(path);
  expect(read.tensors).toEqual(tensors);
  expect(read.metadata).toEqual({ modelId: 'm', ünicode: '✓' });
});

test('writes the length, the padded header and aligned data, wider types first', async () => {
  await writeSafetensors(path, { b: tensors['ids']!, a: tensors['offsets']! });
  const bytes = await readFile(path);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  expect(headerBytes % 8).toBe(0);
  const header: unknown = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString());
  expect(header).toEqual({
    a: { dtype: 'I64', shape: [2, 1], data_offsets: [0, 16] },
    b: { dtype: 'I32', shape: [3], data_offsets: [16, 28] },
  });
  expect(bytes.length).toBe(8 + headerBytes + 28);
  expect(bytes.readBigInt64LE(8 + headerBytes)).toBe(1n << 40n);
});

test('writes equal bytes for equal tensors in any order', async () => {
  await writeSafetensors(path, tensors, { a: '1', b: '2' });
  const first = await readFile(path);
  await writeSafetensors(path, Object.fromEntries(Object.entries(tensors).reverse()), { b: '2', a: '1' });
  expect((await readFile(path)).equals(first)).toBe(true);
});

test('handles chunk sizes that do not divide the data, and views of larger buffers', async () => {
  const backing = Float32Array.from({ length: 1000 }, (_, index) => index / 3);
  const data = backing.subarray(7, 907);
  await writeSafetensors(path, { x: { dtype: 'F32', shape: [900], data } }, {}, { chunkBytes: 1001 });
  const read = await readSafetensors(path, { chunkBytes: 333 });
  expect(read.tensors['x']).toEqual({ dtype: 'F32', shape: [900], data: data.slice() });
});

test('refuses a shape that does not match its data, and the reserved name', async () => {
  const data = new Float32Array(3);
  await expect(writeSafetensors(path, { x: { dtype: 'F32', shape: [2, 2], data } })).rejects.toThrow(/tensor x/);
  const reserved = { ['__metadata__']: { dtype: 'F32', shape: [3], data } } as const;
  await expect(writeSafetensors(path, reserved)).rejects.toThrow(/__metadata__/);
});

/** Writes a file with a hand-made header and `dataBytes` zero bytes. */
async function writeRaw(header: unknown, dataBytes: number): Promise<void> {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(path, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
}

const x = (begin: unknown, end: unknown, shape: unknown = [2], dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test.each([
  ['overlap', { x: x(0, 8), y: x(4, 12) }, 12, /overlaps/],
  ['the same range twice', { x: x(0, 8), y: x(0, 8) }, 8, /overlaps/],
  ['a gap', { x: x(0, 8), y: x(12, 20) }, 20, /gap/],
  ['an end beyond the file', { x: x(0, 8) }, 7, /truncated/],
  ['bytes of no tensor', { x: x(0, 8) }, 9, /1 bytes belong to no tensor/],
  ['a negative offset', { x: x(-8, 0) }, 8, /offsets of the tensor x/],
  ['a backward range', { x: x(8, 0) }, 8, /offsets of the tensor x/],
  ['an offset that is no number', { x: x('0', 8) }, 8, /offsets of the tensor x/],
  ['a shape of another size', { x: x(0, 8, [3]) }, 8, /do not match its shape/],
  ['a shape with a fraction', { x: x(0, 8, [0.5, 4]) }, 8, /valid shape/],
  ['a shape too large for a number', { x: x(0, 8, [2 ** 40, 2 ** 40]) }, 8, /do not match its shape/],
  ['an unknown type', { x: x(0, 4, [2], 'F16') }, 4, /type F16/],
  ['an inherited name as type', { x: x(0, 4, [2], 'constructor') }, 4, /type constructor/],
  ['an entry that is no object', { x: null }, 0, /not described by an object/],
  ['metadata that is not text', { ['__metadata__']: { a: 1 } }, 0, /metadata/],
  ['a header that is a list', [], 0, /not an object/],
  ['a header that is not JSON', '{"x":', 0, /not JSON/],
])('refuses %s', async (_, header, dataBytes, message) => {
  await writeRaw(header, dataBytes);
  const error: unknown = await readSafetensors(path).catch((thrown: unknown) => thrown);
  expect(isAppError(error, 'ARTIFACT_CORRUPT')).toBe(true);
  expect(String(error)).toMatch(message);
  expect(String(error)).toContain(path);
});

test('refuses a header length beyond the file, and a file too short for one, before allocating', async () => {
  await writeFile(path, Buffer.alloc(16, 0xff));
  await expect(readSafetensors(path)).rejects.toThrow(/exceeds/);
  await writeFile(path, Buffer.alloc(7));
  await expect(readSafetensors(path)).rejects.toThrow(/too few/);
});

test('refuses a file truncated at any position', async () => {
  await writeSafetensors(path, tensors, { a: 'b' });
  const { length } = await readFile(path);
  await fc.assert(
    fc.asyncProperty(fc.nat(length - 1), async (cutAt) => {
      await writeSafetensors(path, tensors, { a: 'b' });
      await truncate(path, cutAt);
      const error: unknown = await readSafetensors(path).catch((thrown: unknown) => thrown);
      expect(isAppError(error, 'ARTIFACT_CORRUPT')).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('views of a file in memory equal the tensors that reading returns, aligned or not', async () => {
  await writeSafetensors(path, tensors, { a: 'b' });
  const { buffer } = Uint8Array.from(await readFile(path));
  const viewed = viewSafetensors(buffer, path);
  expect(viewed).toEqual(await readSafetensors(path));
  expect(viewed.tensors['table']!.data.buffer).toBe(buffer);

  await writeRaw({ x: x(0, 1, [1], 'U8'), y: x(1, 9, [1], 'F64') }, 9);
  const odd = Uint8Array.from(await readFile(path));
  new DataView(odd.buffer).setFloat64(odd.length - 8, 0.1, true);
  expect(viewSafetensors(odd.buffer, path).tensors['y']!.data).toEqual(Float64Array.of(0.1));
});

test('checks a file in memory like a file on disk', async () => {
  await writeSafetensors(path, tensors, { a: 'b' });
  const whole = await readFile(path);
  for (let length = 0; length < whole.length; length += 7) {
    const { buffer } = Uint8Array.from(whole.subarray(0, length));
    expect(() => viewSafetensors(buffer, path)).toThrow(expect.objectContaining({ code: 'ARTIFACT_CORRUPT' }));
  }
});
