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
  // Another seed than that of the inputs.
  const noise = seed && dropoutFactors([2 * blocks, B, L, D], dropout, tf.add(seed, tf.scalar(1, 'int32')));
  let sequence = tf.add(
    tf.mul(input.behaviors, Math.sqrt(D)),
    ofSlots(weight('transformer/positions'), input.users),
  ) as Tensor3D;
  for (let block = 0; block < blocks; block++) {
    // The output reads only the newest place of the last block.
    const places = block === blocks - 1 ? 1 : L;
    const normal = norm(sequence, transformerWeight(block, 'attention'));
    const attended = attend(weights, block, { normal, places }, input);
    sequence = tf.add(newest(sequence, places), drop(attended, 2 * block, noise));
    const dense = denseLayers(weights, block, norm(sequence, transformerWeight(block, 'dense')));
    sequence = tf.add(sequence, drop(dense, 2 * block + 1, noise));
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
  const through = (values: Tensor3D, part: string): Tensor3D =>
    dense(values, variables[transformerWeight(block, `attention/${part}`)]!);
  const query = through(newest(normal, places), 'query');
  const products = tf.matMul(query, through(normal, 'key'), false, true); // [B, places, L]
  const logits = tf.add(tf.div(products, Math.sqrt(D)), futurePenalty(places, L)) as Tensor3D;
  return tf.matMul(weightedSoftmax(logits, weights, users.mask), through(normal, 'value')) as Tensor3D;
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

/** Applies dropout to the output of a sublayer. @param noise [sublayers, B, L, D] */
function drop(values: Tensor3D, sublayer: number, noise: Tensor | undefined): Tensor3D {
  if (noise === undefined) return values;
  const [, B, L, D] = noise.shape as [number, number, number, number];
  const ofSublayer = tf.slice(noise, [sublayer, 0, 0, 0], [1, B, L, D]).reshape([B, L, D]) as Tensor3D;
  return tf.mul(values, newest(ofSublayer, values.shape[1]));
}

/** [places, L] Minus infinity where one of the newest places would attend to a later one. */
function futurePenalty(places: number, L: number): Tensor2D {
  const row = tf.range(L - places, L, 1, 'int32').expandDims(1);
  const column = tf.range(0, L, 1, 'int32').expandDims(0);
  return tf.mul(tf.cast(tf.greater(column, row), 'float32'), minusInfinity);
}
