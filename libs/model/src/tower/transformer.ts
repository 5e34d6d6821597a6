import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor, Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import type { WeightTensors } from '../batch.ts';
import { minusInfinity } from '../epsilon.ts';
import { transformerWeight } from '../weights.ts';
import { ofSlots } from './extractor.ts';
import type { Extractor, ExtractorInput } from './extractor.ts';
import { layerNorm, weightedSoftmax } from './math.ts';
import { dropoutFactors } from './seeded-random.ts';

/**
 * SASRec (Kang and McAuley, ICDM 2018, §III): E · √D + positions through blocks of causal self-attention and two dense layers, each
 * as x + dropout(g(norm(x))). The capsule [B, 1, D] is the normalized output at the newest behavior. Positions count from the
 * newest behavior.
 */
export const extractByTransformer: Extractor<'transformer', { readonly dropout: number }> = (
  weights,
  { blocks, dropout },
  input,
) => {
  const [B, L, D] = input.behaviors.shape;
  const weight = (name: string): Tensor2D => weights[name] as Tensor2D;
  const norm = (values: Tensor3D, name: string): Tensor3D =>
    layerNorm(values, weight(`${name}/scale`), weight(`${name}/shift`));
  const seed = input.users.seeds?.dropout;
  let sequence = tf.add(
    tf.mul(input.behaviors, Math.sqrt(D)),
    ofSlots(weight('transformer/positions'), input.users),
  ) as Tensor3D;
  for (let block = 0; block < blocks; block++) {
    // The output reads only the newest place of the last block.
    const places = block === blocks - 1 ? 1 : L;
    // Other seeds than that of the inputs.
    const noise = seed && dropoutFactors([2, B, places, D], dropout, tf.add(seed, tf.scalar(1 + block, 'int32')));
    const normal = norm(sequence, transformerWeight(block, 'attention'));
    const attended = attend(weights, block, { normal, places }, input);
    sequence = tf.add(newest(sequence, places), drop(attended, 0, noise));
    const dense = denseLayers(weights, block, norm(sequence, transformerWeight(block, 'dense')));
    sequence = tf.add(sequence, drop(dense, 1, noise));
  }
  return norm(sequence, 'transformer/output');
};

/** Attention of the newest `places` to the places up to each [B, places, D]. */
function attend(
  variables: WeightTensors,
  block: number,
  { normal, places }: { readonly normal: Tensor3D; readonly places: number },
  { weights, users }: ExtractorInput,
): Tensor3D {
  const [, L, D] = normal.shape;
  const kernel = (part: string): Tensor2D => variables[transformerWeight(block, `attention/${part}`)] as Tensor2D;
  const softmax = (products: Tensor): Tensor3D =>
    weightedSoftmax(tf.div(products, Math.sqrt(D)) as Tensor3D, weights, users.mask);
  const query = dense(newest(normal, places), kernel('query'));
  if (places === 1) {
    // q (x K)ᵀ = (q Kᵀ) xᵀ and Σ a (x V) = (Σ a x) V: one query needs no products of the behaviors with K and V.
    const shares = softmax(tf.matMul(dense(query, tf.transpose(kernel('key'))), normal, false, true));
    return dense(tf.matMul(shares, normal) as Tensor3D, kernel('value'));
  }
  const products = tf.matMul(query, dense(normal, kernel('key')), false, true); // [B, L, L]
  const shares = softmax(tf.add(products, futurePenalty(L)));
  return tf.matMul(shares, dense(normal, kernel('value'))) as Tensor3D;
}

/** Two dense layers, the same at every place: ReLU, then linear. */
function denseLayers(weights: WeightTensors, block: number, values: Tensor3D): Tensor3D {
  const layer = (input: Tensor3D, position: number): Tensor3D => {
    const name = transformerWeight(block, `dense/${position}`);
    return tf.add(dense(input, weights[`${name}/kernel`]!), weights[`${name}/bias`]!);
  };
  return layer(tf.relu(layer(values, 0)), 1);
}

/** [B, L, D] times [D, D]. */
function dense(values: Tensor3D, kernel: Tensor): Tensor3D {
  const [B, L, D] = values.shape;
  return tf.matMul(values.reshape([B * L, D]) as Tensor2D, kernel as Tensor2D).reshape([B, L, D]);
}

/** The last `places` of [B, L, D]. */
function newest(values: Tensor3D, places: number): Tensor3D {
  const [B, L, D] = values.shape;
  return places === L ? values : tf.slice(values, [0, L - places, 0], [B, places, D]);
}

/** Applies dropout to the output of a sublayer. @param noise [sublayers, B, places, D] */
function drop(values: Tensor3D, sublayer: number, noise: Tensor | undefined): Tensor3D {
  if (noise === undefined) return values;
  const [, ...shape] = noise.shape as [number, number, number, number];
  return tf.mul(values, tf.slice(noise, [sublayer, 0, 0, 0], [1, ...shape]).reshape(shape));
}

/** [L, L] Minus infinity where a place would attend to a later one. */
function futurePenalty(L: number): Tensor2D {
  const places = tf.range(0, L, 1, 'int32');
  return tf.mul(tf.cast(tf.greater(places.expandDims(0), places.expandDims(1)), 'float32'), minusInfinity);
}
