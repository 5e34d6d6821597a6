import { createItemCf, ownHistory, popularity, tfIdf, withFallback } from '@facet/evaluation';
import type { InteractionColumns, ItemCfOptions, Scorer } from '@facet/evaluation';
import type { HeldOut, Ranker } from './tasks.ts';
import type { SequenceUser } from './user-queries.ts';

/** A method without a tower. Its settings are chosen on validation for each task separately. */
export interface SimpleMethod<Settings> {
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
  /** Scores all items for a user, or creates a ranker of many users at once. */
  readonly scores: Scorer<SequenceUser> | { readonly rankerOf: (heldOut: HeldOut) => DisposableRanker };
  /** Whether the method can rank items without interactions. */
  readonly ranksCold?: boolean;
}

export interface DisposableRanker {
  readonly ranker: Ranker;
  /** Frees the memory of the ranker. */
  dispose(): void;
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
): SimpleMethod<object> {
  const fit: SimpleMethod<object>['fit'] = (data) => () => ({ scores: scoresOf(data), parameters: data.catalogSize });
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
export const tfIdfMethod: SimpleMethod<{ readonly lastBehaviors: number }> = {
  name: 'tf-idf',
  isSeeded: false,
  grid: [{ lastBehaviors: 100 }],
  fit:
    ({ terms }) =>
    (settings) => ({ scores: tfIdf(terms(), settings), parameters: 0, ranksCold: true }),
};

type ItemCfSettings = Omit<ItemCfOptions, 'catalogSize'>;
type CfWeights = Pick<ItemCfSettings, 'weights' | 'b'>;

const allNeighborCounts = [20, 100, 500];
const bm25Weights: readonly CfWeights[] = [0.2, 0.5, 0.75].map((b) => ({ weights: 'bm25', b }));

/** The weights of a user's behaviors. The last two suit the task `all`, in which a user's own items may return. */
const behaviorSettings: readonly Pick<ItemCfSettings, 'lastBehaviors' | 'decay' | 'scoreCounts'>[] = [
  {},
  { lastBehaviors: 50 },
  { lastBehaviors: 10 },
  { lastBehaviors: 5 },
  { lastBehaviors: 20, decay: 0.9, scoreCounts: 'repeated' },
  { scoreCounts: 'repeated' },
];

function itemCfMethod(
  name: string,
  weights: readonly CfWeights[],
  neighborCounts: readonly number[] = allNeighborCounts,
): SimpleMethod<ItemCfSettings> {
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
export const bm25Cf = itemCfMethod('item-cf-bm25', bm25Weights);
/** With fewer neighbors and less memory, for the evaluation after each training. */
export const smallBm25Cf = itemCfMethod('item-cf-bm25', bm25Weights, [20, 100]);
