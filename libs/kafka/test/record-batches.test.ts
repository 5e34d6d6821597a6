import { gzipSync } from 'node:zlib';
import crc32c from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import { expect, it } from 'vitest';
import { decodeBatches } from '../src/record-batches.ts';
import type { BatchMessage } from '../src/record-batches.ts';

interface BatchShape {
  readonly firstOffset: number;
  readonly values: readonly (string | Buffer)[];
  /** Offsets after `firstOffset`; consecutive by default. */
  readonly deltas?: readonly number[];
  readonly lastDelta?: number;
  readonly count?: number;
  readonly codec?: number;
}

/** Returns an integer of variable length in zigzag encoding. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function record(value: Buffer, delta: number): Buffer {
  const header = Buffer.concat([varint(2), Buffer.from('hk'), varint(2), Buffer.from('hv')]);
  const parts = [varint(delta), varint(-1), varint(value.length), value, varint(1), header];
  const body = Buffer.concat([Buffer.from([0]), varint(5 * delta), ...parts]);
  return Buffer.concat([varint(body.length), body]);
}

function batch({ firstOffset, values, deltas, lastDelta, count, codec = 0 }: BatchShape): Buffer {
  const records = Buffer.concat(values.map((value, n) => record(Buffer.from(value), deltas?.[n] ?? n)));
  const content = codec === 1 ? gzipSync(records) : records;
  const bytes = Buffer.concat([Buffer.alloc(61), content]);
  bytes.writeBigInt64BE(BigInt(firstOffset), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt8(2, 16);
  bytes.writeInt16BE(codec, 21);
  bytes.writeInt32BE(lastDelta ?? values.length - 1, 23);
  bytes.writeBigInt64BE(1_000n, 27);
  bytes.writeBigInt64BE(2_000n, 35);
  bytes.writeBigInt64BE(-1n, 43);
  bytes.writeInt32BE(count ?? values.length, 57);
  return sealed(bytes);
}

/** Sets the checksum. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

/** Inverts a byte, counted from the end if it is negative. */
function damaged(bytes: Buffer, at = -1): Buffer {
  const copy = Buffer.from(bytes);
  const place = at < 0 ? copy.length + at : at;
  copy[place]! ^= 0xff;
  return copy;
}

const textsOf = (messages: readonly BatchMessage[]) =>
  messages
    .filter(({ isControlRecord }) => !isControlRecord)
    .map(({ offset, value, undecodable: bad }) =>
      bad === undefined ? `${offset} ${String(value)}` : `${bad.firstOffset}-${bad.lastOffset}: ${bad.problem}`,
    );

it('decodes messages with their offsets and times, and leaves a batch that the broker has cut off', async () => {
  const data = Buffer.concat([
    batch({ firstOffset: 7, values: ['a', 'b'] }),
    batch({ firstOffset: 9, values: ['c', 'd'], codec: 1 }),
    batch({ firstOffset: 11, values: ['e'] }).subarray(0, -1),
  ]);
  const messages = await decodeBatches(data);
  expect(textsOf(messages)).toEqual(['7 a', '8 b', '9 c', '10 d']);
  expect(messages[1]).toMatchObject({ timestamp: '1005', key: null, batchContext: { inTransaction: false } });
  for (let end = 0; end < 61; end++) expect(await decodeBatches(data.subarray(0, end))).toEqual([]);
});

it('continues after batches that only their content makes unreadable', async () => {
  const wrongContent = batch({ firstOffset: 3, values: ['x', 'y'], count: 3, lastDelta: 2 });
  const messages = await decodeBatches(
    Buffer.concat([
      batch({ firstOffset: 0, values: [Buffer.alloc(65 << 20)], codec: 1 }),
      batch({ firstOffset: 1, values: ['a'] }),
      batch({ firstOffset: 2, values: ['b'], codec: 7 }),
      wrongContent,
      batch({ firstOffset: 6, values: ['c', 'd'], deltas: [0, 0] }),
      batch({ firstOffset: 8, values: ['c'], deltas: [1_000_000] }),
      batch({ firstOffset: 9, values: [], count: 2 ** 31 - 1, lastDelta: 0 }),
      batch({ firstOffset: 10, values: ['e'] }),
    ]),
  );
  expect(textsOf(messages)).toEqual([
    '0-0: The batch has more than 67108864 bytes in memory.',
    '1 a',
    '2-2: The codec 7 is unknown.',
    expect.stringMatching(/^3-5: /),
    '6-7: The content of the batch is invalid.',
    '8-8: The content of the batch is invalid.',
    '9-9: The batch has more than 67108864 bytes in memory.',
    '10 e',
  ]);
});

it('leaves what follows a damaged batch to the next fetch, which finds it by offset', async () => {
  const before = batch({ firstOffset: 0, values: ['a'] });
  const bad = batch({ firstOffset: 1, values: ['x', 'y', 'z'], codec: 1 });
  const after = batch({ firstOffset: 4, values: ['b'] });
  const expected = ['0 a', '1-3: The checksum of the batch is wrong.'];
  expect(textsOf(await decodeBatches(Buffer.concat([before, damaged(bad), after])))).toEqual(expected);
  expect(textsOf(await decodeBatches(after))).toEqual(['4 b']);
  // The last offset or the count is damaged: the next batch tells where the damaged one ends.
  for (const at of [23, 24, 26, 57, 60]) {
    expect(textsOf(await decodeBatches(Buffer.concat([before, damaged(bad, at), after])))).toEqual(expected);
    // Messages before it are returned, and it is read again.
    expect(textsOf(await decodeBatches(Buffer.concat([before, damaged(bad, at)])))).toEqual(['0 a']);
    await expect(decodeBatches(damaged(bad, at))).rejects.toThrow('The batch at offset 1 is damaged');
  }
});

it('never skips an intact batch, whichever byte of another one is damaged', async () => {
  const bad = batch({ firstOffset: 1, values: ['x', 'y', 'z'] });
  const data = Buffer.concat([bad, batch({ firstOffset: 4, values: ['b'] })]);
  // The checksum does not cover the first offset, the epoch of the leader and the magic number.
  for (let at = 8; at < bad.length; at++) {
    const messages = await decodeBatches(damaged(data, at)).catch(() => []);
    for (const { offset, value } of messages) {
      const isChecked = at < 12 || at > 16;
      expect(value === null).toBe(isChecked);
      expect(Number(offset)).toBeLessThanOrEqual(isChecked ? 3 : 4);
    }
  }
});

it('stays within the offsets of a batch, whatever a producer writes into it', async () => {
  const after = batch({ firstOffset: 4, values: ['b'] });
  for (const codec of [0, 1]) {
    const good = batch({ firstOffset: 1, values: ['x', 'y', 'z'], codec });
    for (let at = 57; at < good.length; at++) {
      const messages = await decodeBatches(Buffer.concat([sealed(damaged(good, at)), after]));
      const offsets = messages.map(({ offset }) => Number(offset));
      expect(offsets.at(-2)).toBe(3);
      expect(offsets.at(-1)).toBe(4);
      expect(Math.min(...offsets)).toBeGreaterThanOrEqual(1);
      if (at < 61) expect(messages[0]!.undecodable).toBeDefined();
    }
  }
});

it('moves past the messages that compaction has removed from the end of a batch', async () => {
  const messages = await decodeBatches(
    Buffer.concat([
      batch({ firstOffset: 0, values: ['a', 'b'], deltas: [1, 3], lastDelta: 9 }),
      batch({ firstOffset: 10, values: [], lastDelta: 4 }),
    ]),
  );
  expect(textsOf(messages)).toEqual(['1 a', '3 b']);
  expect(messages.map(({ offset }) => offset)).toEqual(['1', '3', '9', '14']);
});

it('reports each message of the format before Kafka 0.11', async () => {
  const old = Buffer.alloc(34);
  old.writeBigInt64BE(3n, 0);
  old.writeInt32BE(old.length - 12, 8);
  old.writeInt8(1, 16);
  expect(textsOf(await decodeBatches(Buffer.concat([old, batch({ firstOffset: 4, values: ['b'] })])))).toEqual([
    '3-3: The batch has the message format of Kafka 0.10 or earlier.',
    '4 b',
  ]);
});

it('leaves batches beyond the memory budget to the next fetch', async () => {
  const value = Buffer.alloc(8 << 20);
  const data = Buffer.concat([0, 1, 2].map((firstOffset) => batch({ firstOffset, values: [value], codec: 1 })));
  const budget = { bytes: 12 << 20 };
  expect((await decodeBatches(data, budget)).map(({ offset }) => offset)).toEqual(['0', '1']);
  expect(await decodeBatches(data, budget)).toEqual([]);
});
