import { gzipSync } from 'node:zlib';
import { compress as compressLz4 } from 'lz4js';
import { compress as compressSnappy } from 'snappyjs';
import { expect, it } from 'vitest';
import { readGzip, readLz4, readSnappy, readZstandard } from '../src/compression-codecs.ts';

const text = 'a message '.repeat(1_000);
const bomb = Buffer.alloc(65 << 20);

it('reads Snappy without the frame of Java producers', () => {
  expect(String(readSnappy(Buffer.from(compressSnappy(Buffer.from(text)))))).toBe(text);
});

it('refuses a batch that is far larger than batches are', async () => {
  await expect(readGzip(gzipSync(bomb))).rejects.toThrow(/more than 67108864 bytes/);
  expect(() => readSnappy(Buffer.from(compressSnappy(bomb)))).toThrow();
  expect(() => readLz4(Buffer.from(compressLz4(bomb)))).toThrow(/more than 67108864 bytes/);
  // A frame of 66 MiB: a header, and blocks of one byte that is repeated 128 KiB times.
  const header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70];
  const block = (isLast: boolean): number[] => {
    const value = ((128 << 10) << 3) | (1 << 1) | Number(isLast);
    return [value & 0xff, (value >> 8) & 0xff, value >> 16, 0];
  };
  const blocks = Array.from({ length: 528 }, (_, place) => block(place === 527));
  expect(() => readZstandard(Buffer.from([...header, ...blocks.flat()]))).toThrow(/more than 67108864 bytes/);
});

it('refuses an LZ4 frame with block checksums instead of reading it wrongly', () => {
  const frame = Buffer.from(compressLz4(Buffer.from(text)));
  expect(String(Buffer.from(readLz4(frame)))).toBe(text);
  frame[4]! |= 0x10;
  expect(() => readLz4(frame)).toThrow(/block checksums/);
});
