import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSavedModel } from './saved-model.ts';
import type { GraphNode } from './saved-model.ts';
import { tf } from './tensorflow.ts';
import type { Tensor } from './tensorflow.ts';

/** A loaded graph with its variables, which live until `dispose`. */
export interface GraphSession {
  /**
   * Feeds tensors to nodes and returns the values of other nodes. The caller disposes of the result.
   *
   * @param outputs Names of nodes, `name:k` for output k.
   */
  run(feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Tensor[];
  dispose(): void;
}

/** Loads a graph into TensorFlow. */
export function openGraphSession(nodes: readonly GraphNode[]): GraphSession {
  const backend = tf.backend() as unknown as SessionBackend;
  // TensorFlow loads graphs from a folder only.
  const folder = mkdtempSync(join(tmpdir(), 'facet-graph-'));
  let id: number;
  try {
    writeFileSync(join(folder, 'saved_model.pb'), encodeSavedModel(nodes));
    id = backend.loadSavedModelMetaGraph(folder, 'serve');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    run: (feeds, outputs) =>
      backend.runSavedModel(
        id,
        Object.values(feeds),
        Object.keys(feeds).map((name) => ({ name: `${name}:0` })),
        outputs.map((name) => (name.includes(':') ? name : `${name}:0`)),
      ),
    dispose: () => backend.deleteSavedModel(id),
  };
}

/** The backend methods behind `tf.node.loadSavedModel`, which is asynchronous only because it reads signatures. */
interface SessionBackend {
  loadSavedModelMetaGraph(folder: string, tags: string): number;
  runSavedModel(id: number, inputs: Tensor[], inputInfos: { name: string }[], outputs: string[]): Tensor[];
  deleteSavedModel(id: number): void;
}
