import { createItemCf, ownHistory, popularity, tfIdf, withFallback } from '@facet/evaluation';
import type { InteractionColumns, ItemCfOptions, Scorer } from '@facet/evaluation';
import { fitWals } from '@facet/model/training';
import type { WalsOptions } from '@facet/model/training';
import type { SequenceUser } from '../evaluation/user-queries.ts';

/** A method without a tower. Its settings are chosen on validation for each task separately. */
export interface ClassicMethod<Settings> {
  readonly name: string;
  readonly isSeeded: boolean;
  /** Increase it when the method gives other results for the same inputs. Stored rows are then measured again. */
  readonly version?: number;
  /** The settings to compare. */
  readonly grid: readonly Settings[];
  /** Whether it ranks a user's own items in the task `all` on any data. Otherwise validation decides. */
  readonly keepsOwnItems?: boolean;
  /** Returns a function that fits the method with settings. It may keep what several settings share. */
  fit(data: FitData): Fit<Settings>;
}

export type Fit<Settings> = (settings: Settings) => FittedMethod;

export interface FittedMethod {
  readonly parameters: number;
  readonly scores: Scorer<SequenceUser> | VectorProducts;
  /** Whether the method can rank items without interactions. */
  readonly ranksCold?: boolean;
}

/** Scores that are dot products of vectors, so that many users are scored at once. */
interface VectorProducts {
  /** [N + 1, dim] */
  readonly items: Float32Array;
  readonly dim: number;
  /** Returns [U, dim] the vectors of users with these histories. */
  readonly usersOf: (histories: readonly Int32Array[]) => Float32Array;
}

/** The data before a cut. */
export interface FitData {
  readonly columns: InteractionColumns;
  readonly catalogSize: number;
  /** Returns [N + 1] the terms of each item; position 0 is a placeholder. */
  readonly terms: () => string[][];
  /** Popularity in the 30 days before the query of the user. In data without times, popularity in all training data. */
  readonly recent: Scorer<SequenceUser>;
  readonly seed: number;
}

/** A method without settings, with one parameter per item. */
function methodWithoutSettings(
  name: string,
  scoresOf: (data: FitData) => Scorer<SequenceUser>,
  version?: number,
): ClassicMethod<object> {
  const fit: ClassicMethod<object>['fit'] = (data) => () => ({ scores: scoresOf(data), parameters: data.catalogSize });
  return { name, isSeeded: false, ...(version === undefined ? {} : { version }), grid: [{}], fit };
}

export const popularityMethod = methodWithoutSettings('popularity', ({ columns, catalogSize }) =>
  popularity(columns, { catalogSize }),
);
export const recentPopularity = methodWithoutSettings('popularity-30d', ({ recent }) => recent);
export const ownHistoryMethod = {
  ...methodWithoutSettings('own-history', ({ recent }) => ownHistory(recent), 2),
  keepsOwnItems: true,
};

/** The content-based baseline: words of titles and values of attributes. */
export const tfIdfMethod: ClassicMethod<{ readonly lastBehaviors: number }> = {
  name: 'tf-idf',
  isSeeded: false,
  grid: [{ lastBehaviors: 100 }],
  fit:
    ({ terms }) =>
    (settings) => ({ scores: tfIdf(terms(), settings), parameters: 0, ranksCold: true }),
};

type ItemCfSettings = Omit<ItemCfOptions, 'catalogSize'>;
type CfWeights = Pick<ItemCfSettings, 'weights' | 'b'>;

const neighborCounts = [20, 100, 500];

/** The weights of a user's behaviors. The last two suit the task `all`, in which a user's own items may return. */
const behaviorSettings: readonly Pick<ItemCfSettings, 'lastBehaviors' | 'decay' | 'scoreCounts'>[] = [
  {},
  { lastBehaviors: 50 },
  { lastBehaviors: 10 },
  { lastBehaviors: 5 },
  { lastBehaviors: 20, decay: 0.9, scoreCounts: 'repeated' },
  { scoreCounts: 'repeated' },
];

function itemCfMethod(name: string, weights: readonly CfWeights[]): ClassicMethod<ItemCfSettings> {
  return {
    name,
    isSeeded: false,
    version: 2,
    grid: weights.flatMap((weight) =>
      neighborCounts.flatMap((neighbors) =>
        behaviorSettings.map((behaviors) => ({ ...weight, neighbors, ...behaviors })),
      ),
    ),
    fit({ columns, catalogSize, recent }) {
      const cf = createItemCf(columns, { catalogSize, neighborsMax: Math.max(...neighborCounts) });
      return (settings) => {
        const { score, parameters } = cf(settings);
        return { scores: withFallback(score, recent), parameters };
      };
    },
  };
}

export const cosineCf = itemCfMethod('item-cf-cosine', [{ weights: 'cosine' }]);
export const bm25Cf = itemCfMethod(
  'item-cf-bm25',
  [0.2, 0.5, 0.75].map((b) => ({ weights: 'bm25', b })),
);

type WalsSettings = Omit<WalsOptions, 'catalogSize' | 'seed'>;

export const walsMethod: ClassicMethod<WalsSettings> = {
  name: 'wals',
  isSeeded: true,
  grid: [1, 10].flatMap((alpha) =>
    [1, 10].map((regularization) => ({ factors: 64, iterations: 15, alpha, regularization })),
  ),
  fit:
    ({ columns, catalogSize, seed }) =>
    (settings) => {
      const { factors: dim, itemFactors, foldIn } = fitWals(columns, { ...settings, catalogSize, seed });
      return { parameters: catalogSize * dim, scores: { items: itemFactors, dim, usersOf: foldIn } };
    },
};
