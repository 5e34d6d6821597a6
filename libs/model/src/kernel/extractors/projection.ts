import type { ExtractorConfig } from '../../config.ts';
import { createItemProjection } from '../projected-rows.ts';
import { multiplyByRows } from '../rows.ts';
import type { KernelInput, KernelParts } from './extractor-kernel.ts';

/** The behaviors of a user through the bilinear maps. */
export interface Projection {
  /** Rows S·e_i: of interest k [n, D] from k · `stride` on. */
  readonly rows: Float32Array;
  /** 0 where all interests share a map, and with it the rows. */
  readonly stride: number;
  project(K: number, input: KernelInput): void;
}

export function createProjection(kind: ExtractorConfig<'routing'>['map'], parts: KernelParts): Projection {
  return kind === 'per-position' ? projectByPosition(parts) : projectByItem(kind, parts);
}

/** Maps that do not depend on the place: the row of an item may be kept from another user, that of an age is made once. */
function projectByItem(kind: 'shared' | 'per-interest', { spec, weights, items }: KernelParts): Projection {
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

function projectByPosition({ spec, weights }: KernelParts): Projection {
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
