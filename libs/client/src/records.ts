/** The fields of an event that pages and servers send. The server keeps additional fields. */
export interface EventFields {
  /** A standard type such as `click`, or a type that facet.yaml declares. */
  readonly type: string;
  /** Id of the recommendation that led to the event. */
  readonly recommendationId?: string;
  /** Zero-based position in the list that was shown. */
  readonly position?: number;
  readonly value?: number;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** An event to send. */
export interface EventRecord extends EventFields {
  /** Identifies the event, so that it counts once if sent twice. Default: an id made by the client. */
  readonly eventId?: string;
  /** Absent only for anonymous users, who need a `sessionId`. */
  readonly userId?: string;
  /** Absent only in an `identify` event, which joins the events of `sessionId` to `userId`. */
  readonly itemId?: string;
  /** A date, epoch milliseconds or RFC 3339 text. Default: the current time. */
  readonly occurredAt?: Date | number | string;
  readonly sessionId?: string;
}

export type Attributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** A complete item, which replaces the previous one. */
export interface ItemRecord {
  readonly itemId: string;
  readonly title?: string;
  /** False removes the item from recommendations. */
  readonly available?: boolean;
  readonly attributes?: Attributes;
  readonly [field: string]: unknown;
}

/** The complete attributes of a user, which replace the previous ones. */
export interface UserRecord {
  readonly userId: string;
  readonly attributes?: Attributes;
  readonly [field: string]: unknown;
}
