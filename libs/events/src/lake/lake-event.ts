/** One row of the event lake, as training and reports read it. Times are whole epoch milliseconds. */
export interface LakeEvent {
  readonly eventId: string;
  readonly type: string;
  readonly userId: string;
  readonly itemId: string;
  readonly occurredAt: number;
  readonly receivedAt: number;
  readonly value?: number;
}

/** Which events to read: half-open on both times, `occurredFrom <= occurredAt < occurredBefore`, `receivedAt < receivedBefore`. */
export interface LakeWindow {
  readonly occurredFrom?: number;
  readonly occurredBefore?: number;
  readonly receivedBefore?: number;
}

/** One file of the lake, for dataset manifests. */
export interface LakeFile {
  /** Relative to the lake folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
  /** SHA-256 of the file in hex. */
  readonly sha256: string;
}
