import { tf } from '../../tf.ts';
import type { Tensor2D, Tensor3D, Variable } from '../../tf.ts';
import { minusInfinity } from '../../epsilon.ts';
import { transformerWeight } from '../../weights.ts';
import { layerNorm } from '../layer-norm.ts';
import { ofSlots } from '../user-batch.ts';
import { weightedSoftmax } from '../weighted-softmax.ts';
import type { Extractor, ExtractorInput } from './extractor.ts';

/**
 * SASRec (Kang and McAuley, ICDM 2018, §III): E · √D + positions through blocks of causal self-attention and two dense layers, each
 * as x + dropout(g(norm(x))); the capsule [B, 1, D] is the normalized output at the newest behavior. Positions are counted from
 * the newest.
 */
export const extractByTransformer: Extractor<'transformer'> = (variables, { blocks }, input) => {
  const [, L, D] = input.behaviors.shape;
  const weight = (name: string): Tensor2D => variables[name] as unknown as Tensor2D;
  const norm = (values: Tensor3D, name: string): Tensor3D =>
    layerNorm(values, weight(`${name}/scale`), weight(`${name}/shift`));
  let sequence = tf.add(
    tf.mul(input.behaviors, Math.sqrt(D)),
    ofSlots(weight('transformer/positions'), input.users),
  ) as Tensor3D;
  for (let block = 0; block < blocks; block++) {
    // Behind the last block only the newest place is read.
    const places = block === blocks - 1 ? 1 : L;
    const normal = norm(sequence, transformerWeight(block, 'attention'));
    const attended = attend(variables, block, { normal, places }, input);
    const kept = drop(attended, 2 * block, input);
    sequence = tf.add(newest(sequence, places), kept);
    const dense = denseLayers(variables, block, norm(sequence, transformerWeight(block, 'dense')));
    sequence = tf.add(sequence, drop(dense, 2 * block + 1, input));
  }
  return norm(sequence, 'transformer/output');
};

/** Attention of the newest `places` [B, places, D] over the places up to each. */
function attend(
  variables: Readonly<Record<string, Variable>>,
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
function denseLayers(variables: Readonly<Record<string, Variable>>, block: number, values: Tensor3D): Tensor3D {
  const layer = (input: Tensor3D, position: number): Tensor3D => {
    const name = transformerWeight(block, `dense/${position}`);
    return tf.add(dense(input, variables[`${name}/kernel`]!), variables[`${name}/bias`]!);
  };
  return layer(tf.relu(layer(values, 0)), 1);
}

/** [B, L, D] times [D, D]. */
function dense(values: Tensor3D, kernel: Variable): Tensor3D {
  const [B, L, D] = values.shape;
  return tf.matMul(values.reshape([B * L, D]) as Tensor2D, kernel as unknown as Tensor2D).reshape([B, L, D]);
}

/** The last `places` of [B, L, D]. */
function newest(values: Tensor3D, places: number): Tensor3D {
  const [B, L, D] = values.shape;
  return places === L ? values : tf.slice(values, [0, L - places, 0], [B, places, D]);
}

function drop(values: Tensor3D, sublayer: number, { users: { layerNoise } }: ExtractorInput): Tensor3D {
  if (layerNoise === undefined) return values;
  const [, B, L, D] = layerNoise.shape;
  const noise = tf.slice(layerNoise, [sublayer, 0, 0, 0], [1, B, L, D]).reshape([B, L, D]) as Tensor3D;
  return tf.mul(values, newest(noise, values.shape[1]));
}

/** [places, L] what forbids the newest places to look at later ones. */
function futurePenalty(places: number, L: number): Tensor2D {
  const row = tf.range(L - places, L, 1, 'int32').expandDims(1);
  const column = tf.range(0, L, 1, 'int32').expandDims(0);
  return tf.mul(tf.cast(tf.greater(column, row), 'float32'), minusInfinity);
}
