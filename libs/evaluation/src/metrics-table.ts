import { hitRateAt, mrrAt, ndcgAt, recallAt } from './metrics.ts';
import type { Truth } from './metrics.ts';

/**
 * Where Facet uses a metric: benchmark tables with every cutoff, the metrics in a bundle, comparisons on a sample of users, tables of
 * `facet evaluate`, the gate's comparison with the incumbent, and the choice of settings on validation.
 */
type MetricUse = 'benchmark' | 'bundle' | 'comparison' | 'evaluation' | 'gate' | 'selection';

interface Metric {
  readonly label: string;
  /** The label in wide tables. */
  readonly shortLabel: string;
  /** What a value of 1 means, as a clause. Each metric is between 0 and 1. */
  readonly unit: string;
  /** Always `higher`: the comparisons assume this. */
  readonly better: 'higher';
  /** The definition, as one sentence of Markdown. N is the cutoff. */
  readonly meaning: string;
  /** Returns the value of one user's ranking at cutoff `n`; absent for a metric of all users together. */
  readonly at?: (ranking: Int32Array, truth: Truth, n: number) => number;
  readonly uses: readonly MetricUse[];
}

/** The metrics of rankings, in the order of tables. Each has a cutoff N. */
export const metrics = {
  recall: {
    label: 'Recall',
    shortLabel: 'Recall',
    unit: 'every held-out item is among the first N',
    better: 'higher',
    meaning: "The share of a user's held-out items that are among the first N, averaged over users.",
    at: recallAt,
    uses: ['benchmark', 'bundle', 'comparison', 'evaluation', 'selection'],
  },
  hitRate: {
    label: 'HitRate',
    shortLabel: 'HR',
    unit: 'every user has a held-out item among the first N',
    better: 'higher',
    meaning: 'The share of users with a held-out item among the first N.',
    at: hitRateAt,
    uses: ['benchmark', 'bundle', 'comparison', 'evaluation', 'gate'],
  },
  ndcg: {
    label: 'NDCG',
    shortLabel: 'NDCG',
    unit: "every ranking begins with the user's held-out items",
    better: 'higher',
    meaning:
      'The sum of 1 / log2(rank + 1) over the held-out items among the first N, divided by the sum in the ideal order, averaged over users.',
    at: ndcgAt,
    uses: ['benchmark', 'bundle', 'comparison', 'evaluation', 'gate', 'selection'],
  },
  mrr: {
    label: 'MRR',
    shortLabel: 'MRR',
    unit: 'every ranking begins with a held-out item',
    better: 'higher',
    meaning: '1 / rank of the first held-out item, or 0 if the first N contain no held-out item, averaged over users.',
    at: mrrAt,
    uses: [],
  },
  coverage: {
    label: 'Coverage',
    shortLabel: 'Coverage',
    unit: 'every item is among the first N of some user',
    better: 'higher',
    meaning: "The share of the catalog's items that are among the first N of at least one user.",
    uses: ['evaluation'],
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metrics;

/** The metrics with a value for each user. */
export type UserMetric = {
  [Name in MetricName]: (typeof metrics)[Name] extends { readonly at: unknown } ? Name : never;
}[MetricName];

/** The metrics of a use. */
export type MetricOf<Use extends MetricUse> = {
  [Name in MetricName]: Use extends (typeof metrics)[Name]['uses'][number] ? Name : never;
}[MetricName];

/** All metrics, in the order of tables. */
export const metricNames = Object.keys(metrics) as readonly MetricName[];

/** Returns the metrics of a use, in the order of tables. */
export function metricsOf<Use extends MetricUse>(use: Use): readonly MetricOf<Use>[] {
  return metricNames.filter((name): name is MetricOf<Use> => (metrics[name].uses as readonly string[]).includes(use));
}

/** Returns a record with one value for each of the names. */
export function byMetric<Name extends MetricName, Value>(
  names: readonly Name[],
  valueOf: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, valueOf(name)])) as Record<Name, Value>;
}

/** Returns the title of a metric at a cutoff: `HitRate@50`. */
export function metricTitle(name: MetricName, cutoff: number): string {
  return `${metrics[name].label}@${cutoff}`;
}

/** Returns the name of a metric that a bundle stores: `new.recall@50`. */
export function storedMetric(task: 'new' | 'all', name: MetricName, cutoff: number): string {
  return `${task}.${name}@${cutoff}`;
}
