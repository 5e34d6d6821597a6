import { userHashOf } from './exposure-record.ts';
import type { ExposureRecord } from './exposure-record.ts';

/** That a user is to be forgotten, as the lake keeps it. */
export interface UserErasure {
  readonly erasureId: string;
  /** `hashUser` of the id. */
  readonly userHash: string;
  /** What was answered until then is to go; epoch milliseconds. */
  readonly requestedAt: number;
}

/** Tells whether a record is of a user who is to be forgotten. */
export function erasedBy(erasures: readonly UserErasure[]): (record: ExposureRecord) => boolean {
  if (erasures.length === 0) return () => false;
  const until = new Map<string, number>();
  for (const { userHash, requestedAt } of erasures) {
    until.set(userHash, Math.max(requestedAt, until.get(userHash) ?? 0));
  }
  return (record) => {
    const userHash = userHashOf(record);
    return userHash !== undefined && record.answeredAt <= (until.get(userHash) ?? -Infinity);
  };
}
