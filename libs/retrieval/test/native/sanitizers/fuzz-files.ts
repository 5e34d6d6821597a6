import { Graph, Index, MetricType, setThreads } from 'faiss-node';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { randomVectors } from '../random-vectors.ts';
import { parseSanitizerOptions } from './options.ts';

/**
 * Mutates index files, opens each, and searches those that are not refused. A crash of this process is a finding. So are a result
 * with an item that the index does not have, and a file that takes too long. The last file stays in the folder. Arguments: the
 * folder, the seconds, the seed, and the largest number of files.
 */
const { folder, seconds, seed, filesMax } = parseSanitizerOptions();
const dim = 8;
/** A sound file takes a millisecond. */
const fileMsMax = 20_000;
const vectors = randomVectors(120, dim, seed);

/** Numbers that sizes, offsets and links of a damaged file may have. */
const edges = [
  0n,
  1n,
  -1n,
  2n,
  7n,
  119n,
  120n,
  121n,
  255n,
  1n << 20n,
  (1n << 31n) - 1n,
  1n << 31n,
  1n << 32n,
  1n << 40n,
  (1n << 63n) - 1n,
];

let state = seed;
const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
const pick = <Value>(values: readonly Value[]): Value => values[random(values.length)]!;

// One thread, so that each run builds the same graphs.
setThreads(1);
const sound = await writeSoundFiles();
const counts = { files: 0, refused: 0, searched: 0 };
const broken = path.join(folder, 'broken');
for (const end = Date.now() + seconds * 1_000; Date.now() < end && counts.files < filesMax; counts.files++) {
  const { isGraph, bytes } = pick(sound);
  await writeFile(broken, mutate(bytes));
  const options = { map: random(2) === 0 };
  const overdue = setTimeout(() => {
    console.error(
      `${broken} (file ${counts.files}) takes longer than ${fileMsMax / 1_000} s with ${JSON.stringify(options)}.`,
    );
    // `process.exit` would wait for the native thread.
    process.abort();
  }, fileMsMax);
  try {
    await searchAll(isGraph ? await Graph.openAsync(broken, options) : await Index.readAsync(broken, options));
    counts.searched++;
  } catch (error) {
    if (!(error instanceof Error) || error.cause === 'finding') throw error;
    counts.refused++;
  } finally {
    clearTimeout(overdue);
  }
}
console.log(JSON.stringify(counts));

async function writeSoundFiles(): Promise<{ isGraph: boolean; bytes: Buffer }[]> {
  const files = [];
  for (const factory of ['Flat', 'HNSW4', 'IVF3,Flat', 'graph', 'graph without codes']) {
    const isGraph = factory.startsWith('graph');
    const file = path.join(folder, 'sound');
    const index = Index.fromFactory(dim, isGraph ? 'HNSW4' : factory, MetricType.METRIC_L2);
    if (!index.isTrained()) index.train(vectors);
    index.add(vectors);
    if (isGraph) await (await index.takeGraphAsync(dim, { codes: factory === 'graph' })).writeAsync(file);
    else index.write(file);
    files.push({ isGraph, bytes: await readFile(file) });
  }
  return files;
}

/** Changes up to four places, most of them in the header, and the length of every eighth file. */
function mutate(sound: Buffer): Buffer {
  let bytes = Buffer.from(sound);
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(random(2) === 0 ? Math.min(200, bytes.length - 8) : bytes.length - 8);
    const kind = random(4);
    if (kind === 0) bytes[at] = random(256);
    else if (kind === 1) bytes[at]! ^= 1 << random(8);
    else if (kind === 2) bytes.writeInt32LE(Number(BigInt.asIntN(32, pick(edges))), at & ~3);
    else bytes.writeBigInt64LE(pick(edges), at & ~3);
  }
  if (random(8) === 0) bytes = bytes.subarray(0, random(bytes.length));
  else if (random(16) === 0) bytes = Buffer.concat([bytes, bytes.subarray(random(bytes.length))]);
  return bytes;
}

async function searchAll(opened: Index | Graph): Promise<void> {
  const count = opened.ntotal();
  const queries = new Float32Array(2 * opened.getDimension()).fill(0.1);
  const allowed = new Uint8Array(Math.ceil(count / 8)).fill(0b1010_1010);
  const labels = Int32Array.from({ length: Math.min(count, 200) }, (_, label) => label);
  const k = Math.min(10, count);
  const results = [await opened.searchAsync(queries, k), await opened.searchAsync(queries, k, { allowed })];
  if (opened instanceof Graph) results.push(await opened.searchAsync(queries, k, { efSearch: 90 }));
  results.push(await opened.scanAsync(queries, 5, labels));
  for (const found of results) {
    if (found.labels.some((label) => label < -1 || label >= count)) {
      throw new TypeError(`wrong label in ${broken}`, { cause: 'finding' });
    }
  }
  opened.dispose();
}
