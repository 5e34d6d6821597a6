import { sparkSettings } from '@facet/lake/spark-settings';
import type { ConfigProblem } from '@facet/platform';
import type { FacetConfig } from '../facet-config.ts';

/** Returns a problem for each setting in `dataset.spark.settings` that Facet overrides. */
export function findSparkProblems({ spark }: FacetConfig['dataset']): ConfigProblem[] {
  const remedies: Readonly<Record<string, string>> = {
    'spark.master': 'Set dataset.spark.master instead.',
    ...Object.fromEntries(
      Object.entries(sparkSettings).map(([name, value]) => [name, `Remove it. The value is always ${value}.`]),
    ),
  };
  return Object.keys(spark?.settings ?? {}).flatMap((name) => {
    const remedy = remedies[name];
    if (remedy === undefined) return [];
    return [
      {
        path: ['dataset', 'spark', 'settings', name],
        problem: 'has no effect, because Facet sets it for every query',
        remedy,
      },
    ];
  });
}
