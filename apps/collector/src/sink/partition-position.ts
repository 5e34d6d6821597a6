/** How far one partition of a topic is; all offsets are the first that the statement is not true of. */
export interface PartitionPosition {
  readonly topic: string;
  readonly partition: number;
  /** Taken: in the profile store and in the buffer of the lake. */
  next: number;
  /** In the files of the lake or of the catalog. */
  stored: number;
  /** In the log, as far as it is known. */
  end: number;
  /** The last offset that the log was asked to read again from. */
  rewoundTo?: number;
}

/** What to do with messages of the offsets `first` to `next` (exclusive) when `position.next` is to be taken next. */
export type Placement = 'skip' | 'take' | 'read-again';

/**
 * Each offset is taken once. What was taken before is skipped. A gap is read again, once: what is still not there then is
 * no message but one that was compacted away, aborted, or the mark of a transaction.
 */
export function placeMessages(
  position: Readonly<PartitionPosition>,
  { first, next }: { readonly first: number; readonly next: number },
): Placement {
  if (next <= position.next) return 'skip';
  return first > position.next && position.rewoundTo !== position.next ? 'read-again' : 'take';
}
