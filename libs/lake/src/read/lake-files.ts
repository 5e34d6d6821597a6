import { join } from 'node:path';
import { hashFile } from '@facet/platform';
import { filesOfWindow, lakeUnreadable, openLakeSnapshot, withFiles } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';

/** One file of the lake, for dataset manifests. */
export interface LakeFile {
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
