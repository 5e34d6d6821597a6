// Measures one kind of index in a separate process, because peak memory is per process. Prints one JSON document.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createScratchFolder } from '@facet/local-services';
import type { MilvusServer } from '@facet/local-services';
import { buildTunedIndex, latencyOf, openFaissIndex, syntheticVectors, timeRequests } from '@facet/retrieval';
import type { IndexChoice, IndexDemand, Latency } from '@facet/retrieval';
import { cpuTimeMs, memoryMb } from '../figures.ts';
import { measureMilvus } from './measure-milvus.ts';
import type { MilvusMeasurement } from './measure-milvus.ts';

/** Measurement of one kind of index. */
export interface KindMeasurement {
  readonly choice: IndexChoice;
  /** Build, measurement of the exact scan, and tuning. */
  readonly seconds: number;
  /** Peak memory before the build: Node and the vectors. */
  readonly vectorsMb: number;
  /** Peak memory after the index was saved. */
  readonly peakMemoryMb: number;
  /** File size. */
  readonly bytes: number;
  /** Of the reopened index, for held-out queries on one thread, four per request. */
  readonly latency: Latency;
  readonly milvus: readonly MilvusMeasurement[];
}

const [kind, itemCount, dim, recallMin, isProcessorTime, milvusServers] = JSON.parse(process.argv[2]!) as [
  IndexDemand['kind'],
  number,
  number,
  number,
  boolean,
  readonly MilvusServer[],
];

/** Queries to tune with and held-out queries: the interests of 200 users each. */
const queryCount = 800;
const depth = 200;

const vectors = syntheticVectors(itemCount, dim, 1);
const queries = { tuning: syntheticVectors(queryCount, dim, 2), heldOut: syntheticVectors(queryCount, dim, 3) };
const vectorsMb = Math.round(memoryMb('VmHWM'));
const { path: folder } = await createScratchFolder('bench-index');
const path = join(folder, 'index.faiss');
const startedAt = now();
let lastStep = '';
const { index, choice } = await buildTunedIndex(vectors, dim, queries, {
  kind,
  flatItemsMax: 0,
  recallMin,
  depth,
  now,
  onProgress: (_, step) => {
    if (step !== lastStep) process.stderr.write(`  ${step}\n`);
    lastStep = step;
  },
});
const seconds = (now() - startedAt) / 1000;
await index.save(path);
index.close();
const peakMemoryMb = Math.round(memoryMb('VmHWM'));
const opened = await openFaissIndex(path);
const { efSearch, nprobe } = choice;
const parameters = { ...(efSearch === undefined ? {} : { efSearch }), ...(nprobe === undefined ? {} : { nprobe }) };
const { durationsMs } = await timeRequests(opened, queries.heldOut, {
  k: depth,
  parameters,
  now,
});
const milvus: MilvusMeasurement[] = [];
for (const server of opened.kind === 'flat' ? [] : milvusServers) {
  milvus.push(await measureMilvus(server, { index: opened, vectors, queries: queries.heldOut, depth, parameters }));
}
opened.close();
const { size: bytes } = await stat(path);
const latency = latencyOf(durationsMs);
const result: KindMeasurement = { choice, seconds, vectorsMb, peakMemoryMb, bytes, latency, milvus };
process.stdout.write(JSON.stringify(result));

/** Returns wall time, or processor time of this process, in milliseconds. */
function now(): number {
  return isProcessorTime ? cpuTimeMs() : performance.now();
}
