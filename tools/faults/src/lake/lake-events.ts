import { join } from 'node:path';
import { transactionsPerCheckpoint } from '@facet/lake';
import type { LakeEvent, LakeWriter } from '@facet/lake';
import { dayMs, listNames } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import { seededEvent } from '../seeded-events.ts';

/** The event log in the lake. */
export const source = 'local-0';

/** The works that a process repeats, next to its commits. */
export const repeatedWorks = ['checkpoint', 'compaction', 'erasure', 'rebuild'] as const;
export type Work = 'upload' | (typeof repeatedWorks)[number];

const users = 30;
const days = 3;
const startedAt = Date.UTC(2026, 0, 15, 12);

/** Returns the event at an offset of the event log. */
export function eventAt(offset: number): LakeEvent {
  return {
    ...seededEvent(offset, startedAt),
    userId: `user-${offset % users}`,
    occurredAt: startedAt + (offset % days) * dayMs,
    receivedAt: receivedAt(offset),
  };
}

/** Returns when the event at an offset was received. */
export function receivedAt(offset: number): number {
  return startedAt + days * dayMs + offset * 1_000;
}

/** Commits a request to erase the events of a random user that the lake contains. Returns the id of the erasure. */
export async function requestErasure(writer: LakeWriter, choose: (bound: number) => number): Promise<string> {
  const userId = `user-${choose(users)}`;
  const last = writer.committed(source) - 1;
  const erasureId = `${userId}@${last}`;
  const request = { erasureId, userHash: hashUser(userId), sessionHashes: [], requestedBy: 'faults' };
  writer.addErasure({ ...request, requestedAt: receivedAt(last) });
  await writer.commit();
  return erasureId;
}

/** Returns the user of an erasure and the last erased offset. */
export function parseErasureId(erasureId: string): { readonly userId: string; readonly last: number } {
  const [userId, last] = erasureId.split('@') as [string, string];
  return { userId, last: Number(last) };
}

/** Returns the number of commits of the lake with this table since its newest checkpoint. */
export async function commitsSinceCheckpoint(table: string): Promise<number> {
  const names = (await listNames(join(table, '_delta_log'))).sort();
  const newest = (pattern: RegExp): number => Number(names.findLast((name) => pattern.test(name))?.slice(0, 20) ?? 0);
  return newest(/^\d{20}\.json$/) - newest(/^\d{20}\.checkpoint\.parquet$/);
}

/** Returns whether the last commit of the lake with this table should have written a checkpoint, but did not. */
export async function isCheckpointDue(table: string): Promise<boolean> {
  return (await commitsSinceCheckpoint(table)) >= transactionsPerCheckpoint;
}
