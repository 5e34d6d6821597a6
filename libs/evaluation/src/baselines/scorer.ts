/** What a scorer may know of a user. A scorer that needs more (a profile) takes a subtype. */
export interface ScoredUser {
  /** Dense user index, for scorers that learned something per user. */
  readonly userIndex?: number;
  /** Item indices, oldest to newest, with repeats: everything before the held-out window and nothing of it. */
  readonly history: Int32Array;
}

/**
 * Scores every item for a user: `[N+1]`, index 0 (padding) unused, higher is better, `-Infinity` for an item that is no
 * candidate. The array may be shared between calls, so it is not to be written to: exclude items in `topN`.
 */
export type Scorer<User extends ScoredUser = ScoredUser> = (user: User) => Float32Array;

/** Interactions as parallel columns: row r is one choice. Users are dense from 0, items from 1, times epoch milliseconds. */
export interface InteractionColumns {
  readonly users: Int32Array;
  readonly items: Int32Array;
  readonly times: Float64Array;
}
