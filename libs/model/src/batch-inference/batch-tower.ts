import { compile, valuesOf } from '@facet/tf-graph';
import type { CompiledFunction } from '@facet/tf-graph';
import type { Inputs } from '@facet/tf-graph/arrays';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor, Tensor2D } from '@facet/tf-graph/tensorflow';
import { userArrays } from '../batch.ts';
import type { UserBatch, UserRows, WeightTensors } from '../batch.ts';
import type { ModelSpec } from '../config.ts';
import { userTower } from '../tower/user-tower.ts';
import type { Weights } from '../weights.ts';

/** The user tower with one set of weights, until `dispose`. */
export interface BatchTower {
  /**
   * Returns V_u [B, K, D] of many users, zero where inactive. Equals the inference engine within rounding. Rows shorter than L make
   * users with few behaviors cheap.
   */
  interests(users: UserRows): Float32Array;
  dispose(): void;
}

interface TowerInputs {
  readonly users: UserBatch;
  readonly items: Tensor2D;
  readonly weights: WeightTensors;
}

/** The graph of a user tower, for any weights of one model, until `dispose`. */
export interface TowerGraph {
  /** Returns V_u [B, K, D]. The first call compiles the graph. */
  run(inputs: Inputs<TowerInputs>): Float32Array;
  dispose(): void;
}

/** Creates a graph that towers with other weights of the same model can share. */
export function createTowerGraph(spec: ModelSpec): TowerGraph {
  let tower: CompiledFunction<TowerInputs> | undefined;
  return {
    run(inputs) {
      const compiled = (tower ??= compile(
        (given: TowerInputs) => userTower(given.weights, spec, given.items, given.users),
        inputs,
      ));
      return valuesOf(() => compiled.run(inputs));
    },
    dispose: () => tower?.dispose(),
  };
}

/**
 * Creates a user tower in TensorFlow.
 *
 * @param embeddings E [N + 1, D] from `embedItems`.
 * @param shared The graph to use, which the caller disposes of. Default: a new one.
 */
export function createBatchTower(
  spec: ModelSpec,
  weights: Weights,
  embeddings: Float32Array,
  shared?: TowerGraph,
): BatchTower {
  const { embeddingDim: D } = spec.config;
  const items = tf.tensor2d(embeddings, [embeddings.length / D, D]);
  const tensors: Record<string, Tensor> = {};
  for (const [name, { shape, data }] of Object.entries(weights)) {
    // The embeddings contain the item tables.
    if (!name.startsWith('item/')) tensors[name] = tf.tensor(data, [...shape]);
  }
  const graph = shared ?? createTowerGraph(spec);
  return {
    interests: (users) => graph.run({ users: userArrays(spec.config, users), items, weights: tensors }),
    dispose() {
      if (shared === undefined) graph.dispose();
      tf.dispose([items, tensors]);
    },
  };
}
