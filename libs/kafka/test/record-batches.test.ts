import { gzipSync } from 'node:zlib';
import crc32c from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import { compress as compressSnappy } from 'snappyjs';
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
  const content = codec === 1 ? gzipSync(records) : codec === 2 ? Buffer.from(compressSnappy(records)) : records;
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
  const index = at < 0 ? copy.length + at : at;
  copy[index]! ^= 0xff;
  return copy;
}

/** The offset of a batch whose end is unknown. */
const endless = String(Number.MAX_SAFE_INTEGER);

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

it('ends after a batch that cannot be decoded, and charges half a response for it', async () => {
  const after = batch({ firstOffset: 4, values: ['b'] });
  for (const [bad, problem] of [
    [{ values: [Buffer.alloc(65 << 20)], lastDelta: 2, codec: 1 }, 'The batch has more than 67108864 bytes in memory.'],
    [{ values: ['b'], lastDelta: 2, codec: 7 }, 'The codec 7 is unknown.'],
    [{ values: ['x', 'y'], count: 3, lastDelta: 2 }, expect.any(String)],
    [{ values: ['c', 'd', 'e'], deltas: [0, 0, 2] }, 'The content of the batch is invalid.'],
    [{ values: ['c'], deltas: [1_000_000], lastDelta: 2 }, 'The content of the batch is invalid.'],
    [{ values: [], count: 2 ** 31 - 1, lastDelta: 2 }, 'The batch has more than 67108864 bytes in memory.'],
  ] as const) {
    const budget = { bytes: 256 << 20 };
    const messages = await decodeBatches(Buffer.concat([batch({ firstOffset: 1, ...bad }), after]), budget);
    expect(messages.map(({ undecodable }) => undecodable)).toEqual([{ firstOffset: 1, lastOffset: 3, problem }]);
    expect(budget.bytes).toBe(128 << 20);
  }
});

it('lets other work run between the batches that it decompresses', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const batches = Array.from({ length: 20 }, (_, n) =>
    batch({ firstOffset: n, values: [Buffer.alloc(1 << 20)], codec: 2 }),
  );
  await decodeBatches(Buffer.concat(batches));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
});

it('reads an intact batch with a damaged magic number', async () => {
  const bad = batch({ firstOffset: 10, values: ['a', 'b', 'c'] });
  for (const magic of [0, 1, 3]) {
    bad.writeInt8(magic, 16);
    const data = Buffer.concat([bad, batch({ firstOffset: 13, values: ['d'] })]);
    expect(textsOf(await decodeBatches(data))).toEqual(['10 a', '11 b', '12 c', '13 d']);
  }
});

it('reports a batch whose offsets contradict the batches around it', async () => {
  const before = Buffer.concat(['a', 'b'].map((value, n) => batch({ firstOffset: 297 + n, values: [value] })));
  const bad = batch({ firstOffset: 299, values: ['x', 'y'] });
  const after = batch({ firstOffset: 301, values: ['c'] });
  const expected = ['297 a', '298 b', '299-300: The first offset of the batch is wrong.'];
  bad.writeBigInt64BE(44n, 0);
  expect(textsOf(await decodeBatches(Buffer.concat([before, bad, after])))).toEqual(expected);
  expect(textsOf(await decodeBatches(Buffer.concat([before, bad])))).toEqual(expected);
  bad.writeBigInt64BE(555n, 0);
  expect(textsOf(await decodeBatches(Buffer.concat([before, bad, after])))).toEqual(expected.slice(0, 2));
  expect(await decodeBatches(Buffer.concat([bad, after]))).toMatchObject([{ offset: endless }]);
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
    expect(await decodeBatches(damaged(bad, at))).toMatchObject([{ offset: endless, undecodable: { firstOffset: 1 } }]);
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
      // An undecodable batch ends the response.
      if (messages.at(-1)!.undecodable === undefined) expect(offsets.pop()).toBe(4);
      expect(offsets.at(-1)).toBe(3);
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
