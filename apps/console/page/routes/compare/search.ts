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

const textOf = (value: unknown): string | undefined =>
  (typeof value === 'string' && value !== '') || typeof value === 'number' ? String(value) : undefined;

export const parseCompareSearch = (search: Record<string, unknown>): CompareSearch => ({
  before: textOf(search['before']),
  after: textOf(search['after']),
  beforeMerge: textOf(search['beforeMerge']),
  afterMerge: textOf(search['afterMerge']),
  user: textOf(search['user']),
});
