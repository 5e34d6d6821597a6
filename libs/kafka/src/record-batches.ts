import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import crc32c from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import { batchBytesMax, decompress, tooLarge } from './decompress.ts';

/** A batch of messages that cannot be decoded. */
export interface UndecodableBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Why the batch cannot be decoded, for people. */
  readonly problem: string;
}

/** A message in the form that kafkajs passes on. */
export interface BatchMessage {
  readonly offset: string;
  /** Epoch milliseconds at which the log received the message. */
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** kafkajs does not pass on control records, but continues after them. */
  readonly isControlRecord: boolean;
  /** kafkajs recognizes aborted transactions by it. */
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
  /** The batch that this message replaces. The message has the last offset of the batch, and no key and value. */
  readonly undecodable?: UndecodableBatch;
}

/** The last offset of a batch whose end is unknown. Readers do not continue after a batch that ends after its partition. */
const unknownOffset = Number.MAX_SAFE_INTEGER;

/** What a message takes in memory, in addition to its bytes. */
const messageBytes = 200;
/** What the batches of one response take in memory. The last one may exceed it. */
const responseBytesMax = 4 * batchBytesMax;

/** The magic numbers of the formats before Kafka 0.11, which have another layout after the magic number. */
const oldMagic = [0, 1];
/** The first offset, and the length of the rest. */
const frameBytes = 12;
const magicAt = 16;
const checksumAt = 17;
const attributesAt = 21;
const headerBytes = 61;

const flags = { codec: 0x07, logAppendTime: 0x08, transaction: 0x10, control: 0x20 } as const;

/**
 * Decodes the batches of one partition. A batch that cannot be decoded becomes one message with `undecodable`. The broker may cut off
 * the last batch, which the next fetch returns again. Decoding also ends when the budget is used up, and after a batch that cannot be
 * decoded: its header may be damaged, so only the broker can find the next batch.
 *
 * @param budget bytes that may be used in memory; decreases by what the batches use
 */
export async function decodeBatches(data: Buffer, budget = { bytes: responseBytesMax }): Promise<BatchMessage[]> {
  const messages: BatchMessage[] = [];
  for (let at = 0; budget.bytes > 0;) {
    const bytes = readFrame(data, at);
    if (bytes === undefined) break;
    at += bytes.length;
    const previous = Number(messages.at(-1)?.offset ?? -1);
    const isIntact = hasChecksum(bytes);
    // The checksum does not cover the magic number.
    if (!isIntact && isOld(bytes)) {
      const lastOffset = Number(bytes.readBigInt64BE(0));
      const firstOffset = messages.length > 0 && lastOffset > previous ? previous + 1 : lastOffset;
      const problem = 'The batch has the message format of Kafka 0.10 or earlier.';
      messages.push(undecodable({ firstOffset, lastOffset, problem }));
      continue;
    }
    const batch = readHeader(bytes);
    const damage = findDamage(batch, { isIntact, previous, limit: offsetBefore(readFrame(data, at)) });
    if (damage !== undefined) {
      // The next fetch begins with a batch whose end is unknown.
      if (damage.lastOffset < unknownOffset || messages.length === 0) messages.push(undecodable(damage));
      break;
    }
    const { firstOffset, lastOffset, codec, count } = batch;
    // Most codecs block the thread. Other work of the process runs between batches.
    if (codec !== 0) await setImmediate();
    try {
      const content = await decompress(codec, batch.content);
      const used = content.length + count * messageBytes;
      if (count < 0) throw invalid();
      if (used > batchBytesMax) throw tooLarge();
      const decoded = decodeMessages(batch, content);
      budget.bytes -= used;
      for (const message of decoded) messages.push(message);
    } catch (error) {
      // Decompression may have blocked the process for more than a second. Sessions of consumers may have 6 seconds.
      budget.bytes -= responseBytesMax / 2;
      const problem = error instanceof Error ? error.message : String(error);
      messages.push(undecodable({ firstOffset, lastOffset, problem }, batch));
      break;
    }
  }
  return messages;
}

/**
 * Returns the offsets of a batch with a damaged header or content, or `undefined` for another batch.
 *
 * @param neighbors the last offset of the previous batch, -1 if there is none, and the offset before the next batch
 */
function findDamage(
  { firstOffset, lastOffset, count }: Batch,
  neighbors: { readonly isIntact: boolean; readonly previous: number; readonly limit: number },
): UndecodableBatch | undefined {
  const { isIntact, previous, limit } = neighbors;
  if (!isIntact) {
    const problem = 'The checksum of the batch is wrong.';
    // The count and the last offset confirm each other, except in a compacted topic.
    const end = count === lastOffset - firstOffset + 1 ? lastOffset : limit;
    return { firstOffset, lastOffset: end >= firstOffset ? end : unknownOffset, problem };
  }
  // The checksum does not cover the first offset.
  const problem = 'The first offset of the batch is wrong.';
  const expected = previous + 1;
  if (firstOffset < expected) {
    return { firstOffset: expected, lastOffset: Math.min(limit, expected + lastOffset - firstOffset), problem };
  }
  if (firstOffset > expected && lastOffset > limit) return { firstOffset, lastOffset: unknownOffset, problem };
  return undefined;
}

function hasChecksum(bytes: Buffer): boolean {
  return bytes.length >= headerBytes && crc32c(bytes.subarray(attributesAt)) === bytes.readUInt32BE(checksumAt);
}

/** Returns the bytes of a batch, or `undefined` if the broker has cut it off. */
function readFrame(data: Buffer, at: number): Buffer | undefined {
  if (at + magicAt >= data.length) return undefined;
  const end = at + frameBytes + data.readInt32BE(at + 8);
  const bytes = data.subarray(at, end);
  const bytesMin = isOld(data.subarray(at)) ? checksumAt : headerBytes;
  return end <= data.length && bytes.length >= bytesMin ? bytes : undefined;
}

function isOld(bytes: Buffer): boolean {
  return oldMagic.includes(bytes.readInt8(magicAt));
}

/** Returns the offset before a batch. */
function offsetBefore(bytes: Buffer | undefined): number {
  return bytes === undefined ? unknownOffset : Number(bytes.readBigInt64BE(0)) - 1;
}

interface Batch extends Pick<BatchMessage, 'batchContext' | 'isControlRecord'> {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly codec: number;
  readonly firstTimestamp: number;
  readonly maxTimestamp: number;
  readonly isLogAppendTime: boolean;
  /** The number of messages. */
  readonly count: number;
  readonly content: Buffer;
}

function readHeader(bytes: Buffer): Batch {
  const firstOffset = Number(bytes.readBigInt64BE(0));
  const attributes = bytes.readInt16BE(attributesAt);
  const producerId = String(bytes.readBigInt64BE(43));
  return {
    firstOffset,
    lastOffset: firstOffset + bytes.readInt32BE(23),
    codec: attributes & flags.codec,
    firstTimestamp: Number(bytes.readBigInt64BE(27)),
    maxTimestamp: Number(bytes.readBigInt64BE(35)),
    isLogAppendTime: (attributes & flags.logAppendTime) !== 0,
    isControlRecord: (attributes & flags.control) !== 0,
    batchContext: { producerId, inTransaction: (attributes & flags.transaction) !== 0 },
    count: bytes.readInt32BE(57),
    content: bytes.subarray(headerBytes),
  };
}

/** @throws Error if the content is not the messages of the batch */
function decodeMessages(batch: Batch, content: Buffer): BatchMessage[] {
  const { firstOffset, lastOffset, isControlRecord, batchContext, count } = batch;
  const reader = new VarintReader(content);
  const messages: BatchMessage[] = [];
  let last = firstOffset - 1;
  for (let n = 0; n < count; n++) {
    const bytes = reader.readInteger();
    const end = reader.at + bytes;
    reader.at++;
    const time = batch.firstTimestamp + reader.readInteger();
    const offset = firstOffset + reader.readInteger();
    const key = reader.readBytes();
    const value = reader.readBytes();
    if (reader.at > end || end > content.length || offset <= last || offset > lastOffset) {
      throw invalid();
    }
    // Headers follow.
    reader.at = end;
    last = offset;
    const timestamp = String(batch.isLogAppendTime ? batch.maxTimestamp : time);
    messages.push({ offset: String(offset), timestamp, key, value, isControlRecord, batchContext });
  }
  if (reader.at !== content.length) throw invalid();
  // Compaction removes the last messages of a batch, or all of them, but not the batch. Without a message, kafkajs would not continue.
  if (last < lastOffset) messages.push(withoutContent(lastOffset, { ...batch, isControlRecord: true }));
  return messages;
}

function invalid(): Error {
  return new Error('The content of the batch is invalid.');
}

/** Reads integers of variable length in zigzag encoding. */
class VarintReader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  readInteger(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 70; factor *= 128) {
      const byte = this.#bytes.readUInt8(this.at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw new Error('An integer in the batch is too long.');
  }

  /** Reads a length and as many bytes, or null for the length -1. */
  readBytes(): Buffer | null {
    const length = this.readInteger();
    return length < 0 ? null : this.#bytes.subarray(this.at, (this.at += length));
  }
}

const noTransaction = { producerId: '-1', inTransaction: false };

function withoutContent(
  offset: number,
  { maxTimestamp, isControlRecord, batchContext }: Pick<Batch, 'maxTimestamp' | 'isControlRecord' | 'batchContext'>,
): BatchMessage {
  const timestamp = String(maxTimestamp);
  return { offset: String(offset), timestamp, key: null, value: null, isControlRecord, batchContext };
}

/** @param batch its header, if that is intact */
function undecodable(
  damage: UndecodableBatch,
  batch: Parameters<typeof withoutContent>[1] = {
    maxTimestamp: -1,
    isControlRecord: false,
    batchContext: noTransaction,
  },
): BatchMessage {
  return { ...withoutContent(damage.lastOffset, batch), undecodable: damage };
}

/** The reader of a response in kafkajs. */
interface ResponseReader {
  readInt32(): number;
  canReadBytes(count: number): boolean;
  readBytes(count: number): Buffer;
}

const budgets = new WeakMap<ResponseReader, { bytes: number }>();

async function decodePartition(response: ResponseReader): Promise<BatchMessage[]> {
  const length = response.readInt32();
  if (length <= 0 || !response.canReadBytes(length)) return [];
  const budget = budgets.get(response) ?? { bytes: responseBytesMax };
  budgets.set(response, budget);
  return decodeBatches(response.readBytes(length), budget);
}

/**
 * Replaces the decoder of kafkajs 2.2.4, which repeats a fetch for ever if it cannot decode a batch, bounds no memory, and knows only
 * gzip. Call it before the first fetch. More calls have no effect.
 */
export function replaceDecoder(): void {
  const require = createRequire(import.meta.url);
  const path = require.resolve('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js');
  require(path);
  require.cache[path]!.exports = decodePartition;
}
