/** The topics that the apps meet in. Names carry the version of the wire format. */
export interface TopicNames {
  /** Events, keyed by user or session. */
  readonly events: string;
  /** Items by id, compacted; null removes one. */
  readonly items: string;
  /** Users by id, compacted; null removes one. */
  readonly users: string;
  readonly erasures: string;
  /** Counts of what ingest took in and refused. */
  readonly intake: string;
  readonly deadLetters: string;
}

/** The topics of one installation; the prefix lets several share a cluster. */
export function topicNames(prefix = 'facet'): TopicNames {
  return {
    events: `${prefix}.events.v1`,
    items: `${prefix}.items.v1`,
    users: `${prefix}.users.v1`,
    erasures: `${prefix}.erasures.v1`,
    intake: `${prefix}.intake.v1`,
    deadLetters: `${prefix}.dead-letters.v1`,
  };
}
