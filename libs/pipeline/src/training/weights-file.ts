import { readSafetensors, writeSafetensors } from '@facet/artifacts';
import { tensorsToWeights, weightsToTensors } from '@facet/bundles';
import type { Weights } from '@facet/model';

export async function writeWeights(path: string, weights: Weights): Promise<void> {
  await writeSafetensors(path, weightsToTensors(weights));
}

/** @throws AppError as `readSafetensors`. */
export async function readWeights(path: string): Promise<Weights> {
  return tensorsToWeights((await readSafetensors(path)).tensors);
}
