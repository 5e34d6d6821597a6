import type { SafeTensor } from '@facet/artifacts';
import { AppError } from '@facet/platform';

export type Tensors = Readonly<Record<string, SafeTensor>>;

type DataOf<Dtype> = Extract<SafeTensor, { readonly dtype: Dtype }>['data'];

/**
 * Returns the data of a tensor.
 *
 * @throws AppError `BUNDLE_INVALID` if the tensor is missing or has another type or length.
 */
export function readTensor<Dtype extends SafeTensor['dtype']>(
  tensors: Tensors,
  name: string,
  dtype: Dtype,
  length?: number,
): DataOf<Dtype> {
  const tensor = tensors[name];
  if (tensor?.dtype !== dtype) throw invalidTensor(`The tensor ${name} is missing or not of type ${dtype}.`);
  if (length !== undefined && tensor.data.length !== length) {
    throw invalidTensor(`The tensor ${name} has ${tensor.data.length} values instead of ${length}.`);
  }
  return tensor.data as DataOf<Dtype>;
}

/** @param shape Default: one dimension. */
export function tensor<Dtype extends SafeTensor['dtype']>(
  dtype: Dtype,
  data: DataOf<Dtype>,
  shape: readonly number[] = [data.length],
): SafeTensor {
  return { dtype, shape, data } as SafeTensor;
}

function invalidTensor(problem: string): AppError {
  return new AppError(problem, {
    code: 'BUNDLE_INVALID',
    category: 'artifact',
    remedy: 'Rebuild the artifact. Another version of Facet wrote it.',
  });
}
