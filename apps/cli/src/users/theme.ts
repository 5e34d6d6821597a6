import type { Bundle } from '@facet/bundles';
import type { InterestBehavior } from '@facet/recommendations';

/** A value that most of an interest carries … */
const shareMin = 0.4;
/** … and that much more of it than of all the user's behaviors together, tells what the interest is about. */
const liftMin = 0.12;
const valuesMax = 2;

/**
 * What sets an interest apart in words of the catalog: values of category attributes (genres, brands …) that weigh more
 * in it than in the user's interests on average. Often empty: many catalogs have no such words.
 */
export function describeTheme(
  bundle: Bundle,
  behaviors: readonly InterestBehavior[],
  others: readonly (readonly InterestBehavior[])[],
): string[] {
  const own = weighValues(bundle, behaviors);
  const average = new Map<string, number>();
  for (const interest of others) {
    for (const [value, weight] of weighValues(bundle, interest)) {
      average.set(value, (average.get(value) ?? 0) + weight / others.length);
    }
  }
  return [...own]
    .map(([value, share]) => ({ value, share, lift: share - (average.get(value) ?? 0) }))
    .filter(({ share, lift }) => share >= shareMin && lift >= liftMin)
    .sort((a, b) => b.lift - a.lift || (a.value < b.value ? -1 : 1))
    .slice(0, valuesMax)
    .map(({ value }) => value);
}

/** The share of an interest that carries each value. */
function weighValues(bundle: Bundle, behaviors: readonly InterestBehavior[]): Map<string, number> {
  const weights = new Map<string, number>();
  const names = bundle.info.spec.itemFeatures.filter(({ kind }) => kind === 'category').map(({ name }) => name);
  for (const { itemId, share } of behaviors) {
    const item = bundle.indexOf(itemId);
    const attributes = item === undefined ? {} : bundle.itemAt(item).attributes;
    for (const name of names) {
      for (const value of [attributes[name] ?? []].flat()) {
        // A number tells nobody what an interest is about.
        if (typeof value !== 'string' || !/\p{L}/u.test(value)) continue;
        weights.set(value, (weights.get(value) ?? 0) + share);
      }
    }
  }
  return weights;
}
