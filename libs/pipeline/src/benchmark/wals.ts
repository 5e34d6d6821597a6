import type { UserInterests } from '@facet/evaluation';
import { createCatalogScorer, fitWals } from '@facet/model/training';
import type { WalsOptions } from '@facet/model/training';
import { createBlockScorer } from '../evaluation/score-blocks.ts';
import type { DisposableRanker, SimpleMethod } from '../evaluation/simple-methods.ts';
import type { HeldOut, HeldOutSequenceUser } from '../evaluation/tasks.ts';

type WalsSettings = Omit<WalsOptions, 'catalogSize' | 'seed'>;

/** Weighted alternating least squares. It needs TensorFlow, unlike the other simple methods. */
export const walsMethod: SimpleMethod<WalsSettings> = {
  name: 'wals',
  isSeeded: true,
  grid: [1, 10].flatMap((alpha) =>
    [1, 10].map((regularization) => ({ factors: 64, iterations: 15, alpha, regularization })),
  ),
  fit:
    ({ columns, catalogSize, seed }) =>
    (settings) => {
      const {
        factors: dim,
        itemFactors: items,
        foldIn: usersOf,
      } = fitWals(columns, { ...settings, catalogSize, seed });
      const rankerOf = (heldOut: HeldOut) => createProductRanker({ items, dim, usersOf }, heldOut);
      return { parameters: catalogSize * dim, scores: { rankerOf } };
    },
};

/** Scores that are dot products of vectors, so that many users are scored at once. */
interface VectorProducts {
  /** [N + 1, dim] */
  readonly items: Float32Array;
  readonly dim: number;
  /** Returns [U, dim] the vectors of users with these histories. */
  readonly usersOf: (histories: readonly Int32Array[]) => Float32Array;
}

function createProductRanker({ items, dim, usersOf }: VectorProducts, { candidates }: HeldOut): DisposableRanker {
  const catalogScorer = createCatalogScorer(items, { interests: 1, dim });
  const vectorsOf = new Map<HeldOutSequenceUser, UserInterests>();
  const blocks = createBlockScorer<HeldOutSequenceUser>(
    {
      vectors: items,
      dim,
      interestsMax: 1,
      interests: (user) => vectorsOf.get(user)!,
      prior: () => undefined,
      bonuses: () => new Map(),
      candidates,
    },
    catalogScorer,
  );
  const prepare = (users: readonly HeldOutSequenceUser[]): void => {
    vectorsOf.clear();
    const vectors = usersOf(users.map(({ history }) => history));
    users.forEach((user, row) =>
      vectorsOf.set(user, { count: 1, vectors: vectors.subarray(row * dim, (row + 1) * dim) }),
    );
  };
  return { ranker: { ...blocks, prepare }, dispose: () => catalogScorer.dispose() };
}
