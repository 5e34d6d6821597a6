import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors, writeSafetensors } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { tensorsToWeights, weightsToTensors } from '@facet/bundles';
import { ModelSpec, TrainingConfig } from '@facet/model';
import type { Weights } from '@facet/model';
import { parseWith } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

const Epoch = Type.Object({
  epoch: Type.Integer(),
  loss: Type.Number(),
  score: Type.Optional(Type.Number()),
  examples: Type.Integer(),
});

/** What `model.json` says. */
export const ModelInfo = Type.Object({
  formatVersion: Type.Literal(1),
  datasetId: Type.String(),
  spec: ModelSpec,
  training: TrainingConfig,
  /** The curve of the fit that chose the number of epochs, and of the refit with the validation window included. */
  fit: Type.Array(Epoch),
  refit: Type.Array(Epoch),
  bestEpoch: Type.Integer(),
});
export type ModelInfo = Static<typeof ModelInfo>;

export interface Model {
  readonly id: string;
  readonly info: ModelInfo;
  readonly weights: Weights;
}

const files = { info: 'model.json', weights: 'weights.safetensors' } as const;

export async function putModel(store: ArtifactStore, info: ModelInfo, weights: Weights): Promise<ArtifactRef> {
  return store.put(
    'model',
    async (folder) => {
      await writeFile(join(folder, files.info), `${JSON.stringify(info, null, 2)}\n`);
      await writeSafetensors(join(folder, files.weights), weightsToTensors(weights));
    },
    { formatVersion: 1, datasetId: info.datasetId },
  );
}

/** @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `CONFIG_INVALID`. */
export async function openModel(store: ArtifactStore, id: string): Promise<Model> {
  const { folder } = await store.open({ kind: 'model', id });
  const text = await readFile(join(folder, files.info), 'utf8');
  const info = parseWith(ModelInfo, JSON.parse(text), { source: `model ${id}` });
  const { tensors } = await readSafetensors(join(folder, files.weights));
  return { id, info, weights: tensorsToWeights(tensors) };
}
