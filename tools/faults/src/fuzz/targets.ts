import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createFolderArtifactStore, readSafetensors, viewSafetensors } from '@facet/artifacts';
import { validateFiles } from '@facet/import';
import { lakeStatus, readCatalogOffsets } from '@facet/lake';
import { isAppError } from '@facet/platform';
import { decodeCursor } from '@facet/recommendations';

/**
 * The functions that Jazzer.js calls with its inputs, one for each parser. A parser returns a value or throws an `AppError` for bad
 * input. Every other error is a finding.
 */
type Target = (input: Buffer) => Promise<void>;

const folder = mkdtempSync(join(tmpdir(), 'facet-fuzz-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export const csv: Target = async (input) => readTable(input, 'csv', 'user,item,time,value\n');
export const jsonl: Target = async (input) => readTable(input, 'jsonl', '');
export const recbole: Target = async (input) =>
  readTable(input, 'inter', 'user_id:token\titem_id:token\ttimestamp:float\trating:float\n');

/** The first byte decides whether the file has the usual header and whether it has gzip. */
async function readTable(input: Buffer, extension: string, header: string): Promise<void> {
  const [kind = 0] = input;
  const text = Buffer.concat([Buffer.from((kind & 1) === 0 ? header : ''), input.subarray(1)]);
  const file = write(`table.${extension}`, (kind & 2) === 0 ? text : gzipSync(text));
  await orRefuse(async () => void (await validateFiles({ events: [file] })));
  await orRefuse(async () => void (await validateFiles({ events: [], items: [file], users: [file] })));
}

/** The text of a cursor, and its unpacked content. */
export const cursor: Target = async (input) => {
  for (const text of [input.toString('latin1'), gzipSync(input).toString('base64url')]) {
    await orRefuse(async () => void JSON.stringify(decodeCursor(text)));
  }
};

export const safetensors: Target = async (input) => {
  await orRefuse(async () => void viewSafetensors(Uint8Array.from(input).buffer, 'input'));
  await orRefuse(async () => void (await readSafetensors(write('tensors', input))));
};

// No lib exports the spool, which belongs to an app.
const segmentFile = new URL('../../../../apps/collector/dist/ingest/spool/segment-file.js', import.meta.url).href;
const { readFrames, decodeFrame } = (await import(segmentFile)) as {
  readFrames(path: string, from: number, to: number): AsyncIterable<{ line: Buffer; records: number }>;
  decodeFrame(line: Buffer): readonly unknown[];
};

export const spool: Target = async (input) => {
  const file = write('segment', input);
  for await (const { line, records } of readFrames(file, 0, input.length)) {
    if (decodeFrame(line).length !== records) throw new Error('A frame has another number of records.');
  }
};

// @facet/kafka exports no decoder: only kafkajs calls it.
const batchesFile = new URL('../../../../libs/kafka/dist/record-batches.js', import.meta.url).href;
const { decodeBatches } = (await import(batchesFile)) as { decodeBatches(data: Buffer): Promise<readonly unknown[]> };

/** The decoder reports damage as messages, and throws nothing. It reads the content of a batch only if the checksum is right. */
export const batches: Target = async (input) => {
  await decodeBatches(input);
  await decodeBatches(sealBatch(input));
};

/** Returns a batch with the length and the checksum of its bytes. */
function sealBatch(bytes: Buffer): Buffer {
  const sealed = Buffer.concat([bytes, Buffer.alloc(Math.max(0, 61 - bytes.length))]);
  sealed.writeInt32BE(sealed.length - 12, 8);
  sealed.writeInt8(2, 16);
  sealed.writeUInt32BE(crc32c(sealed.subarray(21)), 17);
  return sealed;
}

function crc32c(bytes: Uint8Array): number {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 && 0x82f63b78);
  }
  return ~sum >>> 0;
}

/** The records that the first byte of an input selects. Checkpoints of the lake are in Parquet, which DuckDB parses. */
const records = [
  { name: '_delta_log/00000000000000000000.json', read: lakeStatus },
  { name: '_log/00000000000000000001.json', read: readCatalogOffsets },
  { name: '_log/00000000000000000001.checkpoint.json', read: readCatalogOffsets },
];

/** Reads a transaction of a lake, or a transaction or checkpoint of a catalog. */
export const lake: Target = async (input) => {
  const lakeFolder = join(folder, 'lake');
  rmSync(lakeFolder, { recursive: true, force: true });
  const { name, read } = records[(input[0] ?? 0) % records.length]!;
  write(`lake/${name}`, input.subarray(1));
  await orRefuse(async () => void (await read(lakeFolder)));
};

const store = createFolderArtifactStore(join(folder, 'artifacts'));
export const manifest: Target = async (input) => {
  const id = createHash('sha256').update(input.toString('utf8')).digest('hex').slice(0, 32);
  const file = write(`artifacts/model/${id}/manifest.json`, input);
  await orRefuse(async () => void (await store.open({ kind: 'model', id })));
  rmSync(dirname(file), { recursive: true });
};

function write(name: string, content: Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function orRefuse(parse: () => Promise<void>): Promise<void> {
  await parse().catch((error: unknown) => {
    if (!isAppError(error)) throw error;
  });
  if (Object.keys(Object.prototype).length > 0) throw new Error('The prototype of objects has changed.');
}
