import type { BundleView } from '@facet/bundles';
import type { SearchParameters } from '@facet/retrieval';

/** How wide the bundle's index is searched: as it was tuned, unless told otherwise. */
export function searchParameters({ info }: BundleView, efSearchWanted?: number): SearchParameters {
  const { efSearch = undefined, nprobe } = info.index;
  const breadth = efSearch === undefined ? undefined : (efSearchWanted ?? efSearch);
  return { ...(breadth === undefined ? {} : { efSearch: breadth }), ...(nprobe === undefined ? {} : { nprobe }) };
}
