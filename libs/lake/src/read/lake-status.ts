import type { IntakeCount } from '@facet/schemas';
import { dayOf } from '../layout.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { readLakeState } from '../transaction-log/lake-log.ts';
import type { MaintenanceClaim } from '../transaction-log/transaction.ts';

export interface LakeStatus {
  readonly version: number;
  /** By source, the first offset that the lake does not contain. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly days: readonly LakeDay[];
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** Accepted and refused events, by day of receipt and producer. */
  readonly intake: readonly IntakeCount[];
  /** Replaced files that stay on the disk until their grace period ends. */
  readonly replacedFiles: number;
  /** The process that rewrites files, or died while doing so. */
  readonly maintenance: MaintenanceClaim | undefined;
}

export interface LakeDay {
  /** UTC day of `occurredAt`, `YYYY-MM-DD`. */
  readonly day: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Summarizes the transaction log without opening a data file. @throws AppError as `openLakeSnapshot` */
export async function lakeStatus(lakeFolder: string): Promise<LakeStatus> {
  const storage = await openLakeStorage(lakeFolder);
  const state = await readLakeState(storage);
  const placed = await storage.list();
  const days = new Map<string, { files: number; rows: number; bytes: number }>();
  for (const { path, rows, bytes } of state.files.values()) {
    const sum = days.get(dayOf(path)) ?? { files: 0, rows: 0, bytes: 0 };
    days.set(dayOf(path), { files: sum.files + 1, rows: sum.rows + rows, bytes: sum.bytes + bytes });
  }
  const list = [...days].map(([day, sums]) => ({ day, ...sums })).sort((a, b) => (a.day < b.day ? -1 : 1));
  const total = (what: 'files' | 'rows' | 'bytes'): number => list.reduce((sum, day) => sum + day[what], 0);
  return {
    version: Math.max(0, state.version),
    offsets: Object.fromEntries(state.offsets),
    days: list,
    files: total('files'),
    rows: total('rows'),
    bytes: total('bytes'),
    intake: [...state.intake.values()].flat(),
    replacedFiles: placed.filter((path) => state.removed.has(path)).length,
    maintenance: state.claim,
  };
}
