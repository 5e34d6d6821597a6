import { layerNormEpsilon } from '../../epsilon.ts';
import { transformerWeight } from '../../weights.ts';
import type { Weights } from '../../weights.ts';
import { addWeightedRows, multiplyByRows, weightedSoftmaxInPlace } from '../matrix.ts';
import type { CreateExtractor } from './extractor.ts';

/** SASRec, `extractByTransformer` of the tower. The share of a behavior is the attention of the newest one to it in the last block. */
export const createTransformer: CreateExtractor<'transformer'> = ({ blocks }, { spec, weights }) => {
  const { embeddingDim: D, sequenceLength: L } = spec.config;
  const positions = weights['transformer/positions']!.data;
  const layers = Array.from({ length: blocks }, (_, block) => blockWeights(weights, block));
  const output = normWeights(weights, 'transformer/output');
  const rowScale = Math.sqrt(D);
  const productScale = 1 / Math.sqrt(D);
  const sequence = new Float32Array(L * D);
  const normal = new Float32Array(L * D);
  const keys = new Float32Array(L * D);
  const values = new Float32Array(L * D);
  const query = new Float32Array(D);
  const pooled = new Float32Array(D);
  const hidden = new Float32Array(D);
  const shares = new Float32Array(L);
  const capsules = new Float32Array(D);

  /** Adds the attention of place `row` to the places up to it. */
  function attend(row: number, { query: toQuery }: BlockWeights, behaviorWeights: Float32Array): void {
    query.fill(0);
    addWeightedRows(query, 0, toQuery, 0, D, normal, row * D, D);
    multiplyByRows(shares, 0, query, 0, 1, keys, 0, row + 1, D);
    for (let other = 0; other <= row; other++) shares[other]! *= productScale;
    weightedSoftmaxInPlace(shares, 0, behaviorWeights, row + 1);
    addWeightedRows(sequence, row * D, values, 0, D, shares, 0, row + 1);
  }

  /** Does the same for the newest place as one query, without keys and values of all places (`attend` of the tower). */
  function attendFromNewest(n: number, layer: BlockWeights, behaviorWeights: Float32Array): void {
    const newest = (n - 1) * D;
    query.fill(0);
    addWeightedRows(query, 0, layer.query, 0, D, normal, newest, D);
    multiplyByRows(pooled, 0, query, 0, 1, layer.key, 0, D, D);
    multiplyByRows(shares, 0, pooled, 0, 1, normal, 0, n, D);
    for (let row = 0; row < n; row++) shares[row]! *= productScale;
    weightedSoftmaxInPlace(shares, 0, behaviorWeights, n);
    pooled.fill(0);
    addWeightedRows(pooled, 0, normal, 0, D, shares, 0, n);
    addWeightedRows(sequence, newest, layer.value, 0, D, pooled, 0, D);
  }

  function addDense(row: number, { denseNorm, dense }: BlockWeights): void {
    const [first, second] = dense;
    normalize(sequence, row * D, denseNorm, normal, row * D, D);
    for (let d = 0; d < D; d++) hidden[d] = first.bias[d]!;
    addWeightedRows(hidden, 0, first.kernel, 0, D, normal, row * D, D);
    for (let d = 0; d < D; d++) hidden[d] = Math.max(0, hidden[d]!);
    for (let d = 0; d < D; d++) sequence[row * D + d]! += second.bias[d]!;
    addWeightedRows(sequence, row * D, second.kernel, 0, D, hidden, 0, D);
  }

  return {
    capsules,
    shares,
    extract(_K, { first, n, behaviors, weights: behaviorWeights }) {
      for (let cell = 0; cell < n * D; cell++) {
        sequence[cell] = behaviors[cell]! * rowScale + positions[first * D + cell]!;
      }
      for (let block = 0; block < blocks; block++) {
        const layer = layers[block]!;
        for (let row = 0; row < n; row++) normalize(sequence, row * D, layer.attentionNorm, normal, row * D, D);
        if (block === blocks - 1) {
          attendFromNewest(n, layer, behaviorWeights);
          addDense(n - 1, layer);
          break;
        }
        keys.fill(0, 0, n * D);
        values.fill(0, 0, n * D);
        for (let row = 0; row < n; row++) {
          addWeightedRows(keys, row * D, layer.key, 0, D, normal, row * D, D);
          addWeightedRows(values, row * D, layer.value, 0, D, normal, row * D, D);
        }
        for (let row = 0; row < n; row++) {
          attend(row, layer, behaviorWeights);
          addDense(row, layer);
        }
      }
      normalize(sequence, (n - 1) * D, output, capsules, 0, D);
    },
  };
};

interface NormWeights {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

interface DenseWeights {
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
}

interface BlockWeights {
  readonly attentionNorm: NormWeights;
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly denseNorm: NormWeights;
  readonly dense: readonly [DenseWeights, DenseWeights];
}

function blockWeights(weights: Weights, block: number): BlockWeights {
  const of = (part: string): Float32Array => weights[transformerWeight(block, part)]!.data;
  const denseOf = (layer: number): DenseWeights => ({
    kernel: of(`dense/${layer}/kernel`),
    bias: of(`dense/${layer}/bias`),
  });
  return {
    attentionNorm: normWeights(weights, transformerWeight(block, 'attention')),
    query: of('attention/query'),
    key: of('attention/key'),
    value: of('attention/value'),
    denseNorm: normWeights(weights, transformerWeight(block, 'dense')),
    dense: [denseOf(0), denseOf(1)],
  };
}

function normWeights(weights: Weights, name: string): NormWeights {
  return { scale: weights[`${name}/scale`]!.data, shift: weights[`${name}/shift`]!.data };
}

/** `layerNorm` of the tower. */
function normalize(
  source: Float32Array,
  sourceOffset: number,
  { scale, shift }: NormWeights,
  target: Float32Array,
  targetOffset: number,
  D: number,
): void {
  let mean = 0;
  for (let d = 0; d < D; d++) mean += source[sourceOffset + d]! / D;
  let variance = 0;
  for (let d = 0; d < D; d++) variance += (source[sourceOffset + d]! - mean) ** 2 / D;
  const factor = 1 / Math.sqrt(variance + layerNormEpsilon);
  for (let d = 0; d < D; d++) {
    target[targetOffset + d] = (source[sourceOffset + d]! - mean) * factor * scale[d]! + shift[d]!;
  }
}
