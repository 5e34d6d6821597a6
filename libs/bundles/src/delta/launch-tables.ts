import { launchAges, popularityFeatureCount } from '@facet/features';
import type { LaunchCurves } from '@facet/features';
import type { Weights } from '@facet/model';

const byAgeName = 'launch/byAge';
const byValuePrefix = 'launch/byValue/';

/** Returns launch curves as arrays of a bundle, next to the tables that embed new items. */
export function launchTables(curves: LaunchCurves | undefined): Weights {
  if (curves === undefined) return {};
  return {
    [byAgeName]: { shape: [launchAges.length, popularityFeatureCount], data: curves.byAge },
    ...Object.fromEntries(
      Object.entries(curves.byValue).map(([name, data]) => [byValuePrefix + name, { shape: [data.length], data }]),
    ),
  };
}

/** Returns the launch curves of {@link launchTables}; undefined if the bundle has none. */
export function launchCurvesOf(itemTables: Weights): LaunchCurves | undefined {
  const byAge = itemTables[byAgeName]?.data;
  if (byAge === undefined) return undefined;
  const byValue = Object.entries(itemTables).flatMap(([name, { data }]) =>
    name.startsWith(byValuePrefix) ? [[name.slice(byValuePrefix.length), data] as const] : [],
  );
  return { byAge, byValue: Object.fromEntries(byValue) };
}
