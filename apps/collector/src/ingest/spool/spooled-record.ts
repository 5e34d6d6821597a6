import type { LogRecord } from '@facet/kafka';

/** Records that were stored, and are read back, together: those of one request. */
export type SpooledBatch = readonly LogRecord[];

/** Where in the spool a batch begins. Ordered by segment, then byte. */
export interface SpoolPosition {
  readonly segment: number;
  readonly byte: number;
}

/** Before every segment. */
export const spoolStart: SpoolPosition = { segment: 0, byte: 0 };
