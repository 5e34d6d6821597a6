import { readSafetensors, writeSafetensors } from '@facet/artifacts';
import type { SafeTensor } from '@facet/artifacts';
import type { Weights } from '@facet/model';
import { tensorOf } from '../items/tensors.ts';

/** Writes weights to a safetensors file. */
export async function writeWeights(path: string, weights: Weights): Promise<void> {
  const tensors = Object.entries(weights).map(([name, { shape, data }]): [string, SafeTensor] => [
    name,
    { dtype: 'F32', shape, data },
  ]);
  await writeSafetensors(path, Object.fromEntries(tensors));
}

/** @throws AppError as `readSafetensors`; `BUNDLE_INVALID` for a tensor of another type. */
export async function readWeights(path: string): Promise<Weights> {
  const { tensors } = await readSafetensors(path);
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape }]) => [name, { shape, data: tensorOf(tensors, name, 'F32') }]),
  );
}

/** Divides the weights that a bundle stores. Item embeddings are stored separately. */
export function bundleWeights(weights: Weights): { readonly tower: Weights; readonly itemTables: Weights } {
  const where = (isKept: (name: string) => boolean): Weights =>
    Object.fromEntries(Object.entries(weights).filter(([name]) => isKept(name)));
  return {
    tower: where((name) => !name.startsWith('item/')),
    itemTables: where((name) => name.startsWith('item/') && name !== 'item/id'),
  };
}
