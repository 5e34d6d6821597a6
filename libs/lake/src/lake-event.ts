/** One row of the event lake, as training and reports read it. Times are whole epoch milliseconds. */
export interface LakeEvent {
  readonly eventId: string;
  readonly type: string;
  /** Of an anonymous person: of the user whom the session turned out to be, else `session:<sessionId>`. */
  readonly userId: string;
  readonly itemId: string;
  readonly occurredAt: number;
  readonly receivedAt: number;
  readonly value?: number;
}

/** Which events to read. All bounds are half-open: `from <= time < before`, and an offset is the first that is not read. */
export interface LakeWindow {
  readonly occurredFrom?: number | undefined;
  readonly occurredBefore?: number | undefined;
  readonly receivedFrom?: number | undefined;
  readonly receivedBefore?: number | undefined;
  /** By source. Of a source that is not named nothing is read. Absent: whatever is there. */
  readonly offsets?: Readonly<Record<string, number>> | undefined;
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
