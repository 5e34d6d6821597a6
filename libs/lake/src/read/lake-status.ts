import { join } from 'node:path';
import { hashFile } from '@facet/platform';
import type { IntakeCount } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { dayOf } from '../layout.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { readLakeState } from '../transaction-log/lake-log.ts';
import { filesOfWindow, lakeUnreadable, openLakeSnapshot, withFiles } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';
import type { MaintenanceClaim } from '../transaction-log/state.ts';

const Count = Type.Integer({ minimum: 0 });

/** The content of the lake, from its transaction log. */
export const LakeContent = Type.Object({
  version: Type.Integer({ description: 'The number of the newest record in the transaction log; 0 for no lake.' }),
  rows: Count,
  files: Count,
  bytes: Count,
  days: Type.Array(
    Type.Object({
      day: Type.String({ description: 'UTC day of the events, YYYY-MM-DD.' }),
      rows: Type.Integer({ minimum: 0, description: 'Events, with duplicates.' }),
      files: Count,
      bytes: Count,
    }),
    { description: 'Ascending.' },
  ),
  offsets: Type.Record(Type.String(), Type.Integer(), {
    description: 'By source, the first offset that the lake does not contain.',
  }),
});

interface LakeStatus extends Static<typeof LakeContent> {
  /** Accepted and refused events, by day of receipt and producer. */
  readonly intake: readonly IntakeCount[];
  /** Replaced files that stay on the disk until their grace period ends. */
  readonly replacedFiles: number;
  /** The process that rewrites files, or died while doing so. */
  readonly maintenance: MaintenanceClaim | undefined;
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

/** One file of the lake, for dataset manifests. */
interface LakeFile {
  /** Relative to the lake folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
  /** SHA-256 of the file in hex. */
  readonly sha256: string;
}

/**
 * Lists the files that contain the window's events, by path, with their size, hash and rows.
 *
 * @throws AppError as `readLake`
 */
export async function listLakeFiles(lake: string | LakeSnapshot, window: LakeWindow = {}): Promise<LakeFile[]> {
  const snapshot = typeof lake === 'string' ? await openLakeSnapshot(lake) : lake;
  const wanted = filesOfWindow(snapshot, window);
  // The log of a lake on S3 has the hashes.
  const withoutHash = wanted.filter(({ sha256 }) => sha256 === undefined);
  try {
    return await withFiles(snapshot, withoutHash, async ({ lakeFolder }) => {
      const files: LakeFile[] = [];
      for (const { path, rows, bytes, sha256 } of wanted) {
        const found = sha256 === undefined ? await hashFile(join(lakeFolder, path)) : { bytes, sha256 };
        if (found.bytes !== bytes) throw new Error(`${path} has ${found.bytes} bytes instead of ${bytes}`);
        files.push({ path, rows, ...found });
      }
      return files;
    });
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  }
}
