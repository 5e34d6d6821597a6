import { readText } from '../../parts/search-text.ts';

/** The permalink of a comparison. */
export interface CompareSearch {
  /** A bundle id, or `experiment/arm`. Absent: the live bundle. */
  readonly before?: string;
  readonly after?: string;
  /** A merge as in `mergeOptions`. Absent: that of the side. */
  readonly beforeMerge?: string;
  readonly afterMerge?: string;
  readonly user?: string;
}

export const parseCompareSearch = (search: Record<string, unknown>): CompareSearch => ({
  before: readText(search['before']),
  after: readText(search['after']),
  beforeMerge: readText(search['beforeMerge']),
  afterMerge: readText(search['afterMerge']),
  user: readText(search['user']),
});
