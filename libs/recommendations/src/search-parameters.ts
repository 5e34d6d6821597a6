import type { BundleView } from '@facet/bundles';
import type { SearchParameters } from '@facet/retrieval';

/** How wide the bundle's index is searched: as it was tuned, unless told otherwise. */
export function searchParameters({ info }: BundleView, breadth?: number): SearchParameters {
  const { efSearch, nprobe } = info.index;
  if (efSearch !== undefined) return { efSearch: breadth ?? efSearch };
  return nprobe === undefined ? {} : { nprobe: breadth ?? nprobe };
}
