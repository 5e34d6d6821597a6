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
/** Node with the libs of a process that indexes or serves, and one with TensorFlow at its first step, as measured. */
const processBytes = { plain: 150e6, training: 700e6 };
/** An item with a title and a few attributes: as objects, with its place in the vocabulary, and as a line of JSON. */
const itemBytes = { inMemory: 400, onDisk: 150 };
const userBytes = { inMemory: 200, onDisk: 100 };
/** Item and time of an interaction; in memory beside it what examples are drawn from. */
const eventBytes = { inMemory: 32, onDisk: 12 };
/**
 * Item tables at the end of an epoch. TensorFlow: the table, its gradient, Adam's two moments. JavaScript: the first, the
 * newest and the best weights, and the three of them that a checkpoint is written from.
 */
const tablesInTraining = 10;
/** `[batch, interests, items]` arrays that live at a time in a step with the full softmax: 25 bytes a score, as measured. */
const scoresInTraining = 6.2;

/** `[batch, sequence, dim]` arrays that live at a time: embeddings, their maps, what routing makes of them, and gradients. */
const behaviorsInTraining = 12;

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
  const scores = scoresInTraining * B * K * float;
  const itemTable = items * D * float;
  const userTable = extractor.kind === 'user-vectors' ? users * K * D * float : 0;
  return sum({
    process: processBytes.training,
    dataset: datasetBytes({ items, users, events }),
    'tables of items with Adam': tablesInTraining * itemTable,
    'tables of users with Adam': tablesInTraining * userTable,
    'full softmax over all items': negatives === 'all' ? scores * items : 0,
    'softmax over negatives': negatives === 'all' ? 0 : scores * negatives,
    'behaviors of a batch': behaviorsInTraining * B * L * D * float,
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
