import { featureAttributes } from '@facet/bundles';
import type { UserInterests } from '@facet/evaluation';
import { contentTerms } from '@facet/features';
import { createCatalogScorer, fitWals } from '@facet/model/training';
import type { WalsOptions } from '@facet/model/training';
import {
  createBlockScorer,
  blendedCf,
  bm25Cf,
  chooseSettings,
  cosineCf,
  fitChosen,
  ownHistoryMethod,
  ownItemsOf,
  popularityMethod,
  recentPopularity,
  tfIdfMethod,
} from '@facet/stages';
import type { DisposableRanker, SimpleMethod, HeldOut, HeldOutSequenceUser } from '@facet/stages';
import type { BenchmarkData } from './benchmark-data.ts';
import type { System } from './system.ts';

type WalsSettings = Omit<WalsOptions, 'catalogSize' | 'seed'>;

/** Weighted alternating least squares. It needs TensorFlow, unlike the other simple methods. */
const walsMethod: SimpleMethod<WalsSettings> = {
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

/** All simple methods, the weakest first. */
const allSystems: readonly System[] = [
  toSystem(popularityMethod),
  toSystem(recentPopularity),
  toSystem(ownHistoryMethod),
  toSystem(tfIdfMethod),
  toSystem(cosineCf),
  toSystem(bm25Cf),
  toSystem(blendedCf),
  toSystem(walsMethod),
];

/** The names of all simple methods. */
export const simpleNames = allSystems.map(({ name }) => name);

/** Returns the simple methods of a protocol, the weakest first. */
export function simpleSystems({ protocol: { tasks }, data: { items }, hasTimes }: BenchmarkData): System[] {
  const hasContent = items.some((item) => contentTerms(featureAttributes(item)).length > 0);
  const useless = [
    ...(hasTimes ? [] : [recentPopularity.name]),
    // Finds repeats only.
    ...(tasks.includes('all') ? [] : [ownHistoryMethod.name]),
    ...(hasContent ? [] : [tfIdfMethod.name]),
  ];
  return allSystems.filter(({ name }) => !useless.includes(name));
}

function toSystem<Settings extends object>(method: SimpleMethod<Settings>): System {
  return {
    name: method.name,
    kind: 'simple',
    isSeeded: method.isSeeded,
    settings: { grid: method.grid, version: method.version, ownItems: ownItemsOf(method) },
    fit: async (context) => {
      const startedAt = context.now();
      const settings = await chooseSettings(method, context);
      const chosenAt = context.now();
      const fitted = fitChosen(method, settings, context);
      return {
        ...fitted,
        tuningSeconds: fitted.validationScore === undefined ? 0 : (chosenAt - startedAt) / 1000,
        trainingSeconds: (context.now() - chosenAt) / 1000,
      };
    },
  };
}
