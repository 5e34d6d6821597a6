import { freemem } from 'node:os';
import { createdDays } from '@facet/bundles';
import { launchBytes, popularityFeatureCount } from '@facet/features';
import type { Cut, Examples } from '@facet/features';
import { fitConfigs, negativesOf, neighborsMax, sampledNegatives } from '@facet/model';
import type { ModelSettings } from '@facet/model';
import { maxLabels, trainingExamples } from '@facet/model/batches';
import { AppError, formatBytes } from '@facet/platform';
import type { KindEstimate } from '@facet/retrieval';
import type { ModelData } from '../dataset/dataset.ts';

/** The size of the data. */
export interface DataSize {
  readonly items: number;
  readonly users: number;
  readonly events: number;
  /** Items without interactions. Validations keep their neighbors. */
  readonly coldItems?: number;
  /** The cold items with a creation date. Validations with a popularity prior keep their launches. */
  readonly createdColdItems?: number;
  /** Mean number of labels of a training example. A label-aware readout scores the items once for each label. */
  readonly labelsPerExample?: number | undefined;
}

/** Returns the size of the data. For a label-aware readout, counts the labels of the training examples before the cut. */
export function sizeOf(
  { items, sequences, vocabulary }: Pick<ModelData, 'items' | 'sequences' | 'vocabulary'>,
  { model, training }: ModelSettings,
  cut: Cut,
): DataSize {
  const itemCount = items.length - 1;
  const coldItems = itemCount - vocabulary.trainedCount;
  // Only label-aware attention has scores of each label, and counting labels takes a pass over all examples.
  const labelsPerExample =
    model.readout.kind === 'label-aware'
      ? Math.max(...fitConfigs(training).map((fit) => meanLabels(trainingExamples(sequences, fit, cut))))
      : undefined;
  return {
    items: itemCount,
    users: sequences.userIds.length,
    events: sequences.items.length,
    coldItems,
    createdColdItems: createdDays(items.slice(itemCount + 1 - coldItems)).filter((day) => !Number.isNaN(day)).length,
    labelsPerExample,
  };
}

/** Returns the mean number of labels of an example. */
function meanLabels({ count, end, labelEnd }: Examples): number {
  const labels = end.reduce((sum, from, example) => sum + Math.min(maxLabels, labelEnd[example]! - from), 0);
  return labels / Math.max(1, count);
}

/** An estimate with its parts, largest first. */
export interface ByteEstimate {
  readonly bytes: number;
  readonly parts: readonly { readonly name: string; readonly bytes: number }[];
}

export interface MemoryEstimate {
  /** The peak memory of each process. */
  readonly train: ByteEstimate;
  readonly index: ByteEstimate;
  readonly serve: ByteEstimate;
  /** The artifacts of one run. */
  readonly disk: ByteEstimate;
  /** The item vectors alone, without an index, at several precisions. */
  readonly vectors: readonly VectorsEstimate[];
}

interface VectorsEstimate {
  readonly bitsPerValue: number;
  readonly bytes: number;
}

const int = 4;
const float = 4;
/** Bits per value of float32, of the codes of a graph, and of the shortest codes. */
const precisions = [32, 8, 1];
/** Measured: a process of indexing or serving, and a process with TensorFlow and the batch thread at its first step. */
const processBytes = { plain: 150e6, training: 990e6 };
/** An item with a title and a few attributes: as objects with its entry in the vocabulary, and as a line of JSON. */
const itemBytes = { inMemory: 400, onDisk: 150 };
const userBytes = { inMemory: 200, onDisk: 100 };
/** Item and time of an interaction; in memory also the examples; in the batch thread item, time and day. */
const eventBytes = { inMemory: 32, inThread: 16, onDisk: 12 };
/**
 * Measured number of item tables during a validation. TensorFlow: the table, Adam's two moments, and the vectors of the validation.
 * JavaScript: three states (best, newest, previous) of three tables each, two averages, the initial weights, the embeddings and vectors
 * of the validation, and garbage.
 */
const tablesInTraining = 20;
/** Measured number of simultaneous `[batch, interests, items]` arrays in a step with the full softmax and with sampled negatives. */
const scoresInTraining = { all: 7.5, sampled: 3 };

/** Measured number of simultaneous `[batch, sequence, dim]` arrays for sequences of the maximum length. */
const behaviorsInTraining = { transformer: 55, others: 2 };

/**
 * Estimates the memory and disk of a run from the sizes of its arrays. The overhead of libraries is measured and rounded up. The
 * estimate leaves out side features with many values, and the artifacts of earlier runs.
 *
 * @param indexes from `estimateIndexes`; `chosen` is the index to serve
 */
export function estimateMemory(
  { items, users, events }: DataSize,
  { model, training }: ModelSettings,
  indexes: { readonly kinds: readonly KindEstimate[]; readonly chosen: KindEstimate['kind'] },
): MemoryEstimate {
  const D = model.embeddingDim;
  const table = items * D * float;
  const values = items * (D + (model.popularityPrior ? 1 : 0));
  const vectors = values * float;
  const popularity = items * popularityFeatureCount * float;
  const dataset = datasetBytes({ items, users, events });
  const ofKind = (kind: KindEstimate['kind']): KindEstimate => indexes.kinds.find((found) => found.kind === kind)!;
  const chosen = ofKind(indexes.chosen);
  // The exact index, which measures the others, is built first and freed.
  const building = Math.max(chosen.buildBytes, ofKind('flat').buildBytes);
  return {
    train: estimateTrainingMemory({ items, users, events }, { model, training }),
    index: sum({
      process: processBytes.plain,
      dataset,
      'model and item embeddings': 2 * table,
      'vectors of the index': vectors + popularity,
      'index while it is built': building,
    }),
    serve: sum({
      process: processBytes.plain,
      items: items * itemBytes.inMemory,
      'item embeddings': table,
      'vectors of the index': vectors + 2 * items * float,
      index: chosen.bytes,
    }),
    disk: sum({
      dataset: items * itemBytes.onDisk + users * userBytes.onDisk + events * eventBytes.onDisk,
      model: table,
      bundle: items * itemBytes.onDisk + table + vectors + 3 * items * float + chosen.bytes,
    }),
    vectors: precisions.map((bitsPerValue) => ({ bitsPerValue, bytes: Math.ceil((values * bitsPerValue) / 8) })),
  };
}

/** Estimates the peak memory of a training process: its permanent arrays and the arrays of a step. */
export function estimateTrainingMemory(
  { items, users, events, coldItems = 0, createdColdItems = 0, labelsPerExample = 1 }: DataSize,
  { model, training }: ModelSettings,
): ByteEstimate {
  const { embeddingDim: D, interests: K, sequenceLength: L, extractor, readout } = model;
  const trainedItems = items - coldItems;
  const negatives = negativesOf(model, trainedItems);
  const { batchSize: B } = training;
  const scores = B * (readout.kind === 'label-aware' ? Math.max(K, labelsPerExample) : K) * float;
  const itemTable = items * D * float;
  const userTable = extractor.kind === 'user-vectors' ? users * K * D * float : 0;
  return sum({
    process: processBytes.training,
    dataset: datasetBytes({ items, users, events }),
    'interactions in the batch thread': events * eventBytes.inThread,
    'neighbors of items without interactions': coldItems * neighborsMax * (int + float),
    'launches of items without interactions': model.popularityPrior ? createdColdItems * launchBytes : 0,
    'tables of items with Adam': tablesInTraining * itemTable,
    'tables of users with Adam': tablesInTraining * userTable,
    'full softmax over all items': negatives === 'all' ? scoresInTraining.all * scores * trainedItems : 0,
    'softmax over negatives':
      negatives === 'all' ? 0 : scoresInTraining.sampled * scores * negativesMax(negatives, training, trainedItems),
    'behaviors of a batch':
      behaviorsInTraining[extractor.kind === 'transformer' ? 'transformer' : 'others'] * B * L * D * float,
  });
}

/** Returns an upper bound of the distinct negatives of a batch. */
function negativesMax(
  negatives: Parameters<typeof sampledNegatives>[0],
  { batchSize, labels }: ModelSettings['training'],
  items: number,
): number {
  const { drawn, inBatch } = sampledNegatives(negatives);
  const ofLabels = inBatch ? batchSize * (labels === 'next' ? 1 : maxLabels) : 0;
  return Math.min(items, drawn + ofLabels);
}

function datasetBytes({ items, users, events }: DataSize): number {
  return items * itemBytes.inMemory + users * userBytes.inMemory + events * eventBytes.inMemory;
}

function sum(bytesByName: Readonly<Record<string, number>>): ByteEstimate {
  const parts = Object.entries(bytesByName)
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => ({ name, bytes }))
    .sort((a, b) => b.bytes - a.bytes);
  return { bytes: parts.reduce((total, { bytes }) => total + bytes, 0), parts };
}

/** The memory that a process uses and can still allocate. */
interface ProcessMemory {
  /** Resident memory. */
  readonly usedBytes: number;
  /** Memory that is still free. */
  readonly availableBytes: number;
}

/** Reads the memory of this process. Considers the limit of a container, but not the other processes in it. */
export function processMemory(): ProcessMemory {
  const usedBytes = process.memoryUsage.rss();
  // Without a limit, the value is 0 or exceeds the memory of the machine.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return { usedBytes, availableBytes: Math.max(0, Math.min(freemem(), limit - usedBytes)) };
}

/**
 * Rejects a training that would run out of memory, before it starts.
 *
 * @throws AppError `TRAIN_OUT_OF_MEMORY` with the estimate, its parts, and the setting to change.
 */
export function checkTrainingMemory(
  size: DataSize,
  settings: ModelSettings,
  { usedBytes, availableBytes }: ProcessMemory = processMemory(),
): void {
  const { bytes, parts } = estimateTrainingMemory(size, settings);
  const usableBytes = usedBytes + availableBytes;
  if (bytes <= usableBytes) return;
  const [largest] = parts;
  throw new AppError(
    `Training needs about ${formatBytes(bytes)}, of which ${parts.map((part) => `${part.name} ${formatBytes(part.bytes)}`).join(', ')}; ` +
      `this process can use ${formatBytes(usableBytes)}.`,
    {
      code: 'TRAIN_OUT_OF_MEMORY',
      category: 'usage',
      remedy: `${advice(largest!.name, largest!.bytes, bytes - usableBytes, settings)} To train regardless, set trainer.memoryCheck: false.`,
      context: { neededBytes: bytes, roomBytes: usableBytes, parts },
    },
  );
}

/** Returns the change that reduces the largest part of the estimate by the missing bytes. */
function advice(part: string, partBytes: number, missingBytes: number, { model, training }: ModelSettings): string {
  const share = Math.max(0, 1 - missingBytes / partBytes);
  if (part === 'process' || part === 'dataset') return 'Use a machine with more memory.';
  if (part.startsWith('tables')) {
    const dim = Math.floor(model.embeddingDim * share);
    return `Use a machine with more memory${dim > 0 ? `, set model.embeddingDim to ${dim} or less` : ''}, or remove rare items with interactions.rareItems.`;
  }
  const batchSize = Math.floor(training.batchSize * share);
  const smaller = batchSize > 0 ? `Set training.batchSize to ${batchSize} or less` : 'Set training.batchSize lower';
  const isFull = part.startsWith('full softmax');
  return `${smaller}${isFull ? ', or set model.negatives to a number such as 2048.' : '.'}`;
}
