import { tf } from '../tf.ts';
import type { Tensor, Variable } from '../tf.ts';
import { valuesOf } from '../tf-values.ts';
import type { ModelSpec } from '../config.ts';
import { userTower } from '../layers/user-tower.ts';
import type { Weights } from '../weights.ts';
import type { UserRows } from './batch.ts';
import { userArrays } from './batch-arrays.ts';
import type { BatchArrays } from './batch-arrays.ts';
import { toUserBatch } from './batch-tensors.ts';
import { batchFeeds, tracedTensors } from './graph/batch-graph.ts';
import { nodeName } from './graph/graph-builder.ts';
import type { GraphSession } from './graph/graph-session.ts';
import { openRecordedGraph, recordedOutput } from './graph/recorded-graph.ts';
import { traceBySizes } from './graph/sizes.ts';
import { traceOperations } from './graph/trace.ts';

/** The user tower on TensorFlow's side, until `dispose`. */
export interface InterestBatches {
  /**
   * V_u of many users at once: [B, K, D], zero where inactive. The kernel of serving gives the same within rounding.
   * Behavior rows may be shorter than L: what users of few behaviors need costs as little.
   */
  interests(users: UserRows): Float32Array;
  dispose(): void;
}

/**
 * The tower as a graph, which takes less time than op by op; it is made for the first users.
 *
 * @param embeddings E [N + 1, D] from `embedItems`
 */
export function createInterestBatches(spec: ModelSpec, weights: Weights, embeddings: Float32Array): InterestBatches {
  const { embeddingDim: D, interests: K } = spec.config;
  const items = tf.tensor2d(embeddings, [embeddings.length / D, D]);
  const variables: Record<string, Variable> = {};
  const kept: Record<string, Tensor> = { items };
  for (const [name, { shape, data }] of Object.entries(weights)) {
    // Of those E is made.
    if (name.startsWith('item/')) continue;
    variables[name] = tf.tidy(() => tf.variable(tf.tensor(data, [...shape]), false));
    kept[nodeName(`weight/${name}`)] = variables[name];
  }
  const tower: Tower = (tensors) => userTower(variables, spec, items, toUserBatch(spec, tensors));
  let session: GraphSession | undefined;
  return {
    interests(users) {
      const B = users.active.length / K;
      const batch = { sizes: { B, L: users.behaviors.length }, arrays: userArrays(spec, users) };
      const opened = (session ??= openTower(tower, kept, batch));
      return valuesOf(() => opened.run(batchFeeds(batch, kept), [recordedOutput])[0]!);
    },
    dispose() {
      session?.dispose();
      tf.dispose(kept);
    },
  };
}

/** V_u [B, K, D] of the arrays of users. */
type Tower = (users: Readonly<Record<string, Tensor>>) => Tensor;

/** @param kept what the tower reads besides its users @param sample users as all will be */
function openTower(tower: Tower, kept: Readonly<Record<string, Tensor>>, sample: BatchArrays): GraphSession {
  const traced = traceBySizes(Object.keys(sample.sizes), (sizes) => {
    const users = tracedTensors(sample.arrays, sizes);
    try {
      return traceOperations({ ...users, ...kept }, () => ({ [recordedOutput]: tower(users) }));
    } finally {
      tf.dispose(users);
    }
  });
  return openRecordedGraph(traced, kept, sample);
}
