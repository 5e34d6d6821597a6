import type { BundleView } from '@facet/bundles';

/** Returns a function that computes a value at most once for each bundle. Concurrent calls share it; a failure is tried again. */
export function oncePerBundle<Value, Rest extends unknown[]>(
  compute: (bundle: BundleView, ...rest: Rest) => Promise<Value>,
): (bundle: BundleView, ...rest: Rest) => Promise<Value> {
  const values = new WeakMap<BundleView, Promise<Value>>();
  return (bundle, ...rest) => {
    const known = values.get(bundle);
    if (known !== undefined) return known;
    const value = compute(bundle, ...rest);
    values.set(bundle, value);
    value.catch(() => values.delete(bundle));
    return value;
  };
}
