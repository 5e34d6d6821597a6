import { popularityFeatureCount } from '@facet/features';
import { negativesOf } from '@facet/model';
import type { ModelConfig, TrainingConfig } from '@facet/model';
import type { KindEstimate } from '@facet/retrieval';

/** How much there is of everything. */
export interface DataSize {
  readonly items: number;
  readonly users: number;
  readonly events: number;
}

/** Bytes, and what of, the largest part first. */
export interface ByteEstimate {
  readonly bytes: number;
  readonly parts: readonly { readonly name: string; readonly bytes: number }[];
}

export interface MemoryEstimate {
  /** Most memory of each process. */
  readonly train: ByteEstimate;
  readonly index: ByteEstimate;
  readonly serve: ByteEstimate;
  /** Artifacts of one run. */
  readonly disk: ByteEstimate;
}

const float = 4;
/** Node with the libs of a process that indexes or serves, and one with TensorFlow at its first step and the thread of its batches, as measured. */
const processBytes = { plain: 150e6, training: 990e6 };
/** An item with a title and a few attributes: as objects, with its place in the vocabulary, and as a line of JSON. */
const itemBytes = { inMemory: 400, onDisk: 150 };
const userBytes = { inMemory: 200, onDisk: 100 };
/** Item and time of an interaction; in memory beside it what examples are drawn from; in the thread of batches both again, and the day. */
const eventBytes = { inMemory: 32, inThread: 16, onDisk: 12 };
/**
 * Item tables while an epoch is validated, as measured. TensorFlow: the table and Adam's two moments, and what the validation scores by.
 * JavaScript: three states of three tables each (the best one, the newest one and the one before it), the first weights, embeddings
 * and vectors of the validation, and what is not collected yet.
 */
const tablesInTraining = 20;
/** `[batch, interests, items]` arrays that live at a time in a step with the full softmax, and with drawn negatives; as measured. */
const scoresInTraining = { all: 7.5, drawn: 3 };

/** `[batch, sequence, dim]` arrays that live at a time, where the longest sequence of a batch is as long as can be; as measured. */
const behaviorsInTraining = { transformer: 55, others: 2 };

/**
 * What the processes of a run need, from the sizes of their arrays. Measured and rounded up where libraries decide; side
 * features with many values, and bundles and datasets that are kept of earlier runs, are not in it.
 *
 * @param indexes those of `estimateIndexes`; `chosen` is the one that is served.
 */
export function estimateMemory(
  { items, users, events }: DataSize,
  { model, training }: { readonly model: ModelConfig; readonly training: TrainingConfig },
  indexes: { readonly kinds: readonly KindEstimate[]; readonly chosen: KindEstimate['kind'] },
): MemoryEstimate {
  const D = model.embeddingDim;
  const table = items * D * float;
  const vectors = items * (D + (model.popularityPrior ? 1 : 0)) * float;
  const popularity = items * popularityFeatureCount * float;
  const dataset = datasetBytes({ items, users, events });
  const ofKind = (kind: KindEstimate['kind']): KindEstimate => indexes.kinds.find((found) => found.kind === kind)!;
  const chosen = ofKind(indexes.chosen);
  // The exact index that others are measured with is built first, and freed.
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
      bundle: items * itemBytes.onDisk + table + vectors + items * float + chosen.bytes,
    }),
  };
}

/** Most memory of a process that trains: what it holds between steps, and the arrays of a step. */
export function estimateTrainingMemory(
  { items, users, events }: DataSize,
  { model, training }: { readonly model: ModelConfig; readonly training: TrainingConfig },
): ByteEstimate {
  const { embeddingDim: D, interests: K, sequenceLength: L, extractor } = model;
  const negatives = negativesOf(model, items);
  const { batchSize: B } = training;
  const scores = B * K * float;
  const itemTable = items * D * float;
  const userTable = extractor.kind === 'user-vectors' ? users * K * D * float : 0;
  return sum({
    process: processBytes.training,
    dataset: datasetBytes({ items, users, events }),
    'interactions of the thread of batches': events * eventBytes.inThread,
    'tables of items with Adam': tablesInTraining * itemTable,
    'tables of users with Adam': tablesInTraining * userTable,
    'full softmax over all items': negatives === 'all' ? scoresInTraining.all * scores * items : 0,
    'softmax over negatives': negatives === 'all' ? 0 : scoresInTraining.drawn * scores * negatives,
    'behaviors of a batch':
      behaviorsInTraining[extractor.kind === 'transformer' ? 'transformer' : 'others'] * B * L * D * float,
  });
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
