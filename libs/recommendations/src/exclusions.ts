import type { BundleView } from '@facet/bundles';
import type { AllowedItems } from '@facet/retrieval';

/** Items of the catalog that were ruled out, each counted once: excluded, else seen, else unavailable, else filtered. */
export interface RemovedCounts {
  readonly seen: number;
  readonly excluded: number;
  readonly unavailable: number;
  readonly filtered: number;
}

/** Items that must not be returned although they are allowed to others. */
export interface Exclusions {
  /** Those that the caller excludes, and those that the user has seen. */
  readonly own: ReadonlySet<number>;
  has(item: number): boolean;
  readonly counts: RemovedCounts;
}

/** @param allowed what is available and passes the filters; undefined: everything. */
export function collectExclusions(
  bundle: BundleView,
  { exclude, seen }: { readonly exclude: Iterable<string>; readonly seen: Iterable<string> },
  allowed: AllowedItems | undefined,
): Exclusions {
  const { unavailable } = bundle;
  const own = new Set<number>();
  const add = (itemIds: Iterable<string>): void => {
    for (const itemId of itemIds) {
      const item = bundle.indexOf(itemId);
      if (item !== undefined) own.add(item);
    }
  };
  add(exclude);
  const excluded = own.size;
  add(seen);
  let ownUnavailable = 0;
  let ownFiltered = 0;
  for (const item of own) {
    if (unavailable.has(item)) ownUnavailable++;
    else if (allowed?.has(item) === false) ownFiltered++;
  }
  const offered = bundle.itemCount - unavailable.size;
  return {
    own,
    has: (item) => own.has(item) || allowed?.has(item) === false,
    counts: {
      seen: own.size - excluded,
      excluded,
      unavailable: unavailable.size - ownUnavailable,
      filtered: allowed === undefined ? 0 : offered - allowed.count - ownFiltered,
    },
  };
}
