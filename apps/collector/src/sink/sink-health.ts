import type { PartitionPosition } from './partition-position.ts';
import type { Trouble } from './patience.ts';

/** What is to be known of a running sink. */
export interface SinkState {
  readonly group: { readonly id: string; readonly isMember: boolean; readonly since: number };
  readonly positions: readonly Readonly<PartitionPosition>[];
  /** When something was taken or stored last, or there was nothing to do. Epoch milliseconds. */
  readonly lastProgressAt: number;
  readonly bufferedRows: number;
  readonly troubles: readonly Trouble[];
  /** Why nothing is consumed any more. */
  readonly failure: unknown;
}

/** Messages of the log that are not stored. */
export function lagOf({ end, stored }: Readonly<PartitionPosition>): number {
  return Math.max(0, end - stored);
}

/**
 * How long there has been something to do and nothing was done, in milliseconds. Health is progress: a process that holds
 * its connections and takes nothing is as dead as one that is gone, and so is one that joins the group again and again.
 */
export function stalledMs({ group, positions, lastProgressAt, troubles }: SinkState, now: number): number {
  const hasWork = !group.isMember || troubles.length > 0 || positions.some((position) => lagOf(position) > 0);
  return hasWork ? Math.max(0, now - lastProgressAt) : 0;
}
