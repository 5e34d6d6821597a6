import { loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { noCurrentBundle, openStore } from '../home.ts';
import type { Home } from '../home.ts';

/** Lends the current bundle to `use`. @throws AppError `BUNDLE_NONE_CURRENT`, those of `loadBundle`. */
export async function withCurrentBundle<Result>(home: Home, use: (bundle: Bundle) => Promise<Result>): Promise<Result> {
  const store = openStore(home);
  const ref = await store.readRef('current');
  if (ref === undefined) throw await noCurrentBundle(home);
  const bundle = await loadBundle(store, ref);
  try {
    return await use(bundle);
  } finally {
    bundle.close();
  }
}
