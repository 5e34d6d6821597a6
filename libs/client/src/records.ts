/** An event as a sender gives it. Fields that are not named here are kept. */
export interface EventRecord {
  /** Which event it is: sent twice, it counts once. The client gives one where it is absent. */
  readonly eventId?: string;
  /** Such as `click`, or a type that facet.yaml declares. */
  readonly type: string;
  /** Absent only for an anonymous person; `sessionId` is needed then. */
  readonly userId?: string;
  /** Absent only in an `identify`, which joins the events of `sessionId` to `userId`. */
  readonly itemId?: string;
  /** A date, epoch milliseconds or RFC 3339 text. The client takes its clock where it is absent. */
  readonly occurredAt?: Date | number | string;
  readonly sessionId?: string;
  readonly recommendationId?: string;
  /** Zero-based place in the list that was shown. */
  readonly position?: number;
  readonly value?: number;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export type Attributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The whole of what is known about an item: it replaces what was known before. */
export interface ItemRecord {
  readonly itemId: string;
  readonly title?: string;
  /** False withdraws it from recommendations. */
  readonly available?: boolean;
  readonly attributes?: Attributes;
  readonly [field: string]: unknown;
}

/** The whole of what is known about a user beside the behaviors: it replaces what was known before. */
export interface UserRecord {
  readonly userId: string;
  readonly attributes?: Attributes;
  readonly [field: string]: unknown;
}
