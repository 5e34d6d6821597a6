import { dot } from '@facet/platform';
import type { ExtractorConfig } from '../../config.ts';
import { squashEpsilon } from '../../epsilon.ts';
import { createItemProjection } from '../item-table.ts';
import { addWeightedRows, lengthOf, multiplyByRows, weightedSoftmaxInPlace, writeLengths } from '../matrix.ts';
import type { CreateExtractor, ExtractorInput, ExtractorParts } from './extractor.ts';

/** B2I dynamic routing (paper, §4.2, Algorithm 1), `extractByRouting` of the tower. */
export const createRouting: CreateExtractor<'routing'> = (config, parts) => {
  const { embeddingDim: D, interests: maxInterests, sequenceLength: L } = parts.spec.config;
  const logits = parts.weights['routing/logits']!.data;
  const projection = createProjection(config.map, parts);
  const { rows: projected, stride, project } = projection;
  const writeShares = config.softmaxOver === 'behaviors' ? softmaxOverBehaviors : softmaxOverInterests;
  const cosine = config.cosineAgreement;
  /** [n] or [K, n] norms of the projected behaviors. */
  const lengths = new Float32Array(stride === 0 ? L : maxInterests * L);
  const b = new Float32Array(maxInterests * L);
  const agreement = new Float32Array(maxInterests * L);
  const capsules = new Float32Array(maxInterests * D);
  const shares = new Float32Array(maxInterests * L);

  function measureLengths(K: number, n: number): void {
    for (let map = 0; map < (stride === 0 ? 1 : K); map++) {
      writeLengths(lengths, map * n, projected, map * stride, n, D);
    }
  }

  function addAgreement(K: number, n: number): void {
    if (stride === 0) multiplyByRows(agreement, 0, capsules, 0, K, projected, 0, n, D);
    else for (let k = 0; k < K; k++) multiplyByRows(agreement, k * n, capsules, k * D, 1, projected, k * stride, n, D);
    for (let k = 0; k < K; k++) {
      const scale = cosine === 0 ? 1 : cosine / lengthOf(capsules, k * D, D);
      const lengthsOf = stride === 0 ? 0 : k * n;
      for (let row = 0; row < n; row++) {
        const product = agreement[k * n + row]! * scale;
        b[k * n + row]! += cosine === 0 ? product : product / lengths[lengthsOf + row]!;
      }
    }
  }

  return {
    capsules,
    shares,
    projection,
    extract(K, input) {
      const { n, first, weights } = input;
      project(K, input);
      if (cosine > 0) measureLengths(K, n);
      for (let k = 0; k < K; k++) for (let row = 0; row < n; row++) b[k * n + row] = logits[k * L + first + row]!;
      for (let iteration = 0; iteration < config.iterations; iteration++) {
        writeShares(b, shares, weights, K, n);
        capsules.fill(0);
        for (let k = 0; k < K; k++) {
          addWeightedRows(capsules, k * D, projected, k * stride, D, shares, k * n, n);
          squashRow(capsules, k * D, D);
        }
        if (iteration < config.iterations - 1) addAgreement(K, n);
      }
    },
  };
};

/** Writes the shares [K, n] of the behaviors by their logits b, including the weight of each behavior. */
type WriteShares = (b: Float32Array, shares: Float32Array, weights: Float32Array, K: number, n: number) => void;

const softmaxOverInterests: WriteShares = (b, shares, weights, K, n) => {
  for (let row = 0; row < n; row++) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < K; k++) highest = Math.max(highest, b[k * n + row]!);
    let total = 0;
    for (let k = 0; k < K; k++) total += shares[k * n + row] = Math.exp(b[k * n + row]! - highest);
    for (let k = 0; k < K; k++) shares[k * n + row] = (shares[k * n + row]! / total) * weights[row]!;
  }
};

const softmaxOverBehaviors: WriteShares = (b, shares, weights, K, n) => {
  for (let cell = 0; cell < K * n; cell++) shares[cell] = b[cell]!;
  for (let k = 0; k < K; k++) weightedSoftmaxInPlace(shares, k * n, weights, n);
};

function squashRow(values: Float32Array, offset: number, D: number): void {
  const squaredNorm = dot(values, offset, values, offset, D);
  const factor = Math.sqrt(squaredNorm + squashEpsilon) / (1 + squaredNorm);
  for (let d = 0; d < D; d++) values[offset + d]! *= factor;
}

/** The bilinear maps applied to the behaviors of a user. */
interface Projection {
  /** Rows S·e_i: those of interest k [n, D] begin at k · `stride`. */
  readonly rows: Float32Array;
  /** 0 if all interests share the map and thus the rows. */
  readonly stride: number;
  project(K: number, input: ExtractorInput): void;
}

function createProjection(kind: ExtractorConfig<'routing'>['map'], parts: ExtractorParts): Projection {
  if (kind === 'per-position') return projectByPosition(parts);
  return kind === 'shared-repeated' ? projectRepeated(parts) : projectByItem(kind, parts);
}

/** Maps that do not depend on the position: the rows of items are cached across users, those of ages are computed once. */
function projectByItem(kind: 'shared' | 'per-interest', { spec, weights, items }: ExtractorParts): Projection {
  const { embeddingDim: D, interests, sequenceLength: L, recency } = spec.config;
  const S = weights['routing/S']!.data;
  const maps = kind === 'shared' ? 1 : interests;
  const width = maps * D;
  const projectItems = createItemProjection(S, D, items, L);
  const ages = recency ? weights['behavior/age']!.data : undefined;
  const projectedAges = new Float32Array(((ages?.length ?? 0) / D) * width);
  if (ages !== undefined) multiplyByRows(projectedAges, 0, ages, 0, ages.length / D, S, 0, width, D);
  const ofItems = new Float32Array(L * width);
  const rows = new Float32Array(L * width);
  return {
    rows,
    stride: kind === 'shared' ? 0 : L * D,
    project(_K, { rows: { items: itemOf, ages: ageOf }, first, n }) {
      projectItems(itemOf, first, n, ofItems);
      for (let row = 0; row < n; row++) {
        const age = ages === undefined ? 0 : ageOf[first + row]! * width;
        for (let map = 0; map < maps; map++) {
          const target = map * L * D + row * D;
          const source = row * width + map * D;
          const ofAge = age + map * D;
          if (ages === undefined) for (let d = 0; d < D; d++) rows[target + d] = ofItems[source + d]!;
          else for (let d = 0; d < D; d++) rows[target + d] = ofItems[source + d]! + projectedAges[ofAge + d]!;
        }
      }
    },
  };
}

/** A shared map with repeated coordinates: coordinate d of interest k is coordinate ⌊(k D + d) / K⌋. */
function projectRepeated(parts: ExtractorParts): Projection {
  const { embeddingDim: D, interests, sequenceLength: L } = parts.spec.config;
  const shared = projectByItem('shared', parts);
  const rows = new Float32Array(interests * L * D);
  return {
    rows,
    stride: L * D,
    project(K, input) {
      shared.project(K, input);
      for (let cell = 0; cell < interests * D; cell++) {
        const target = Math.floor(cell / D) * L * D + (cell % D);
        const source = Math.floor(cell / interests);
        for (let row = 0; row < input.n; row++) rows[target + row * D] = shared.rows[source + row * D]!;
      }
    },
  };
}

function projectByPosition({ spec, weights }: ExtractorParts): Projection {
  const { embeddingDim: D, interests, sequenceLength: L } = spec.config;
  const S = weights['routing/S']!.data;
  const rows = new Float32Array(interests * L * D);
  return {
    rows,
    stride: L * D,
    project(K, { behaviors, first, n }) {
      for (let k = 0; k < K; k++) {
        for (let row = 0; row < n; row++) {
          const map = ((first + row) * interests + k) * D * D;
          multiplyByRows(rows, (k * L + row) * D, behaviors, row * D, 1, S, map, D, D);
        }
      }
    },
  };
}
