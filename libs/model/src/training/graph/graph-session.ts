/* eslint-disable no-restricted-imports -- TensorFlow takes a graph from a folder only; it is gone again when this returns */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf } from '../../tf.ts';
import type { Tensor } from '../../tf.ts';
import { encodeSavedModel } from './graph-def.ts';
import type { GraphNode } from './graph-def.ts';

/** A graph with its variables, which live until `dispose`. */
export interface GraphSession {
  /** Runs what the outputs need; the caller disposes of what it gets. */
  run(feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Tensor[];
  dispose(): void;
}

export function openGraphSession(nodes: readonly GraphNode[]): GraphSession {
  const backend = tf.backend() as unknown as SessionBackend;
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

/** What `tf.node.loadSavedModel` is made of; it is asynchronous only because it reads signatures, which this needs none of. */
interface SessionBackend {
  loadSavedModelMetaGraph(folder: string, tags: string): number;
  runSavedModel(id: number, inputs: Tensor[], inputInfos: { name: string }[], outputs: string[]): Tensor[];
  deleteSavedModel(id: number): void;
}
