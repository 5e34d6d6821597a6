import { crc32, gzipSync } from 'node:zlib';
import { encodeSafetensors } from '@facet/artifacts';

const path = 'dt=2026-01-01/part-events-0-0-9.parquet';
const domain = (name: string, configuration: unknown): object => ({
  domainMetadata: { domain: `facet.${name}`, configuration: JSON.stringify(configuration), removed: false },
});
const intake = [{ day: '2026-01-01', producer: 'web', outcome: 'accepted', field: '', reason: '', count: 2 }];
const erasure = { erasureId: 'e', userHash: 'h', sessionHashes: [], requestedAt: 1, requestedBy: 'test' };
const times = { receivedAt: '2026-01-01T00:00:00.000Z' };
const lakeActions = [
  { protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['domainMetadata', 'facet'] } },
  { txn: { appId: 'events-0', version: 9 } },
  {
    add: {
      path,
      partitionValues: { dt: '2026-01-01' },
      size: 9,
      modificationTime: 1,
      dataChange: true,
      stats: JSON.stringify({ numRecords: 9, minValues: times, maxValues: times, nullCount: { userId: 0 } }),
      tags: { facet: JSON.stringify({ version: 0, identifies: 0, sources: { 'events-0': { from: 0, to: 9 } } }) },
    },
  },
  { remove: { path, deletionTimestamp: 1, dataChange: true } },
  domain('commit', { id: 'a', parent: '', at: 1 }),
  domain('maintenance', { token: 't', host: 'h', pid: 1, at: 1 }),
  domain('intake.2026-01-01', intake),
  domain('erasure.e', { ...erasure, version: 0, recordedVersion: 0, done: { through: 0, rows: 1, files: 1 } }),
];
const record = { format: 1, version: 1, id: 'a', parent: '', at: 1, offsets: { 'events-0': { from: 0, to: 9 } } };
const segment = { path: 'items/a.jsonl', bytes: 9, rows: 9, receivedTo: 2, segment: { removals: 0, receivedFrom: 1 } };
const catalogRecord = { ...record, add: [segment], remove: [] };
const checkpoint = { format: 1, version: 1, id: 'a', offsets: { 'events-0': 9 } };
const catalogCheckpoint = { ...checkpoint, files: [{ ...segment, version: 1 }], removed: { 'items/b.jsonl': 1 } };
const sequence = {
  version: 3,
  recommendationId: 'r',
  userHash: '0'.repeat(64),
  bundleId: 'b',
  source: { kind: 'model' },
  arms: { name: 'arm' },
  merge: { by: 'max' },
  requested: 20,
  position: 5,
  pageSize: 5,
  items: [
    ['i1', 0.5, 0],
    ['i2', 0.4, null, 0.1],
  ],
  reasons: [[{ itemId: 'i3', share: 1 }]],
};
const manifest = {
  formatVersion: 1,
  kind: 'model',
  files: [{ path: 'a/b', bytes: 3, sha256: '0'.repeat(64) }],
  metadata: { a: [1, null, { b: true }] },
};
const batch = `00000001 ${JSON.stringify([{ topic: 'events', key: 'k', value: '{}' }])}`;
/** A Kafka batch with two records, without a checksum. */
function kafkaBatch(codec: number, compress: (records: Buffer) => Buffer): Buffer {
  // Of each record: length, attributes, time, offset, no key, value, one header.
  const records = [0, 2].map((delta) => Buffer.from([22, 0, delta, delta, 1, 4, 123, 125, 2, 2, 104, 0]));
  const bytes = Buffer.concat([Buffer.alloc(61), compress(Buffer.concat(records))]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt8(2, 16);
  bytes.writeInt16BE(codec, 21);
  bytes.writeInt32BE(1, 23);
  bytes.writeBigInt64BE(-1n, 43);
  bytes.writeInt32BE(2, 57);
  return bytes;
}
/** Snappy: the length, then a literal. LZ4: a frame with a block of 64 KiB at most that is not compressed. */
const asSnappy = (records: Buffer): Buffer =>
  Buffer.concat([Buffer.from([records.length, (records.length - 1) << 2]), records]);
const asLz4 = (records: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0, records.length, 0, 0, 0x80]),
    records,
    Buffer.alloc(4),
  ]);
/** Zstandard: a frame with a block that is not compressed. */
const asZstandard = (records: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, records.length, (records.length << 3) | 1, 0, 0]),
    records,
  ]);
const tensors = encodeSafetensors(
  {
    a: { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    b: { dtype: 'I64', shape: [1], data: BigInt64Array.of(1n) },
    c: { dtype: 'U8', shape: [0], data: new Uint8Array(0) },
  },
  { key: 'value' },
);

/** A valid input for each target, from which Jazzer.js begins. */
export const seeds: Readonly<Record<string, readonly (string | Uint8Array)[]>> = {
  csv: ['\0u1,i1,2026-01-01,5\n"u ""2",i2,881250949,1e3\n"u\n3",i3,,\n', '\x01user;item;genres(a|b)\n1;2;x|y\n'],
  jsonl: [
    '\0{"userId":"u1","itemId":"i1","occurredAt":"2026-01-01T00:00:00Z","type":"view"}\n{"itemId":7,"attributes":{"a":[1,"b"]}}\n',
  ],
  recbole: ['\0u1\ti1\t881250949\t3.5\n', '\x01item_id:token\tgenre:token_seq\tyear:float\ni1\ta b\t1999\n'],
  cursor: [JSON.stringify(sequence), gzipSync(JSON.stringify(sequence)).toString('base64url')],
  safetensors: [Buffer.concat(tensors)],
  spool: [`${crc32(batch).toString(16).padStart(8, '0')} ${batch}\n`],
  batches: [
    kafkaBatch(0, (records) => records),
    kafkaBatch(1, (records) => gzipSync(records)),
    kafkaBatch(2, asSnappy),
    kafkaBatch(3, asLz4),
    kafkaBatch(4, asZstandard),
  ],
  lake: [
    `\0${lakeActions.map((action) => JSON.stringify(action)).join('\n')}`,
    `\x01${JSON.stringify(catalogRecord)}`,
    `\x02${JSON.stringify(catalogCheckpoint)}`,
  ],
  manifest: [JSON.stringify(manifest)],
};
