import { gzipSync } from 'node:zlib';
import { compress as compressLz4 } from 'lz4js';
import { compress as compressSnappy } from 'snappyjs';
import { expect, it } from 'vitest';
import { readGzip, readLz4, readSnappy, readZstandard } from '../src/decompress.ts';

const text = 'a message '.repeat(1_000);
const bomb = Buffer.alloc(65 << 20);
const tooLarge = /more than 67108864 bytes/;

it('reads Snappy without the frame of Java producers', () => {
  expect(String(readSnappy(Buffer.from(compressSnappy(Buffer.from(text)))))).toBe(text);
});

it('refuses a batch that is far larger than batches are', { tags: 'full' }, async () => {
  await expect(readGzip(gzipSync(bomb))).rejects.toThrow(tooLarge);
  expect(() => readSnappy(Buffer.from(compressSnappy(bomb)))).toThrow();
  expect(() => readLz4(Buffer.from(compressLz4(bomb)))).toThrow(tooLarge);
  // A frame of 66 MiB: a header, and blocks of one byte that is repeated 128 KiB times.
  const header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70];
  const block = (isLast: boolean): number[] => {
    const value = ((128 << 10) << 3) | (1 << 1) | Number(isLast);
    return [value & 0xff, (value >> 8) & 0xff, value >> 16, 0];
  };
  const blocks = Array.from({ length: 528 }, (_, index) => block(index === 527));
  expect(() => readZstandard(Buffer.from([...header, ...blocks.flat()]))).toThrow(tooLarge);
});

/** Splits a text into two blocks of an LZ4 frame, each with a checksum, and ends with the checksum of the content. */
function lz4Frame(flags: number, extra: readonly number[] = []): Buffer {
  const parts: Buffer[] = [Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x40 | flags, 0x40, ...extra, 0x00])];
  for (const part of [text.slice(0, 5_000), text.slice(5_000)]) {
    const frame = Buffer.from(compressLz4(Buffer.from(part)));
    // A header of 7 bytes, the block with its length, and an end mark.
    parts.push(frame.subarray(7, -4));
    if ((flags & 0x10) !== 0) parts.push(Buffer.from('sum!'));
  }
  return Buffer.concat([...parts, Buffer.from([0, 0, 0, 0]), Buffer.from((flags & 0x04) === 0 ? '' : 'sum!')]);
}

it('reads LZ4 frames with checksums and the size of the content', () => {
  expect(String(Buffer.from(readLz4(Buffer.from(compressLz4(Buffer.from(text))))))).toBe(text);
  expect(String(Buffer.from(readLz4(lz4Frame(0))))).toBe(text);
  expect(String(Buffer.from(readLz4(lz4Frame(0x14))))).toBe(text);
  expect(String(Buffer.from(readLz4(lz4Frame(0x18, [0x10, 0x27, 0, 0, 0, 0, 0, 0]))))).toBe(text);
});

it('refuses LZ4 frames that are cut off, contain too much, or need a dictionary', () => {
  const frame = lz4Frame(0x10);
  expect(() => readLz4(frame.subarray(0, -20))).toThrow(/within a block/);
  expect(() => readLz4(frame.subarray(0, -4))).toThrow(RangeError);
  expect(() => readLz4(lz4Frame(0x01))).toThrow(/dictionary/);
  const large = Buffer.from(compressLz4(Buffer.alloc(1 << 20)));
  // Declares blocks of 64 KiB. The first one has 1 MiB.
  large[5] = 0x40;
  expect(() => readLz4(large)).toThrow(/larger than the frame allows/);
});

it('refuses a block of LZ4 with an extreme length at once', () => {
  // One literal, and a match of 255 MB.
  const block = Buffer.alloc(1_000_000, 0xff);
  block.set([0x1f, 0x41, 1, 0]);
  block[block.length - 1] = 0;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(block.length);
  const frame = Buffer.concat([Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x40, 0x70, 0]), length, block, Buffer.alloc(4)]);
  const startedAt = performance.now();
  expect(() => readLz4(frame)).toThrow(/larger than the frame allows/);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});
