import { dayOf } from './lake-layout.ts';
import type { ErasedMark, LakeFileEntry } from './lake-record.ts';
import { parquetTable } from './lake-sql.ts';
import type { LakeStateFile } from './lake-state.ts';
import { maintainLake } from './maintain-lake.ts';
import type { Maintenance, MaintainOptions } from './maintain-lake.ts';
import { placeMerged } from './merge-files.ts';
import { planErasures, withoutErasing } from './plan-erasures.ts';

export interface CompactOptions extends MaintainOptions {
  /** Called with the days that are done and those that there are to do. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface CompactResult {
  /** Days that were rewritten. */
  readonly days: number;
  readonly filesBefore: number;
  readonly filesAfter: number;
  /** Erasures that were carried out, with the rows that are gone. */
  readonly erased: readonly ErasedMark[];
}

/**
 * Makes of each day one file, sorted by user and time, and carries out pending erasures, all of them in one transaction. Sinks
 * and readers go on meanwhile: a day's files are replaced at once, and what they hold does not change but by erasure. It may
 * be killed at any point and run again.
 *
 * @throws AppError `EVENTS_LAKE_BUSY` while another process rewrites files, `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNWRITABLE`;
 * the signal's reason when aborted.
 */
export async function compactLake(lakeFolder: string, options: CompactOptions = {}): Promise<CompactResult> {
  return maintainLake(lakeFolder, options, async (maintenance) => {
    const { snapshot, openErasures, connection, commit, renew } = maintenance;
    const { marks, paths } =
      openErasures.length === 0
        ? { marks: [], paths: new Set<string>() }
        : await planErasures(connection, snapshot, openErasures);
    const days = new Map<string, LakeStateFile[]>();
    for (const file of snapshot.files) days.set(dayOf(file.path), [...(days.get(dayOf(file.path)) ?? []), file]);
    const erasing = [...days].filter(([, files]) => files.some(({ path }) => paths.has(path)));
    const merging = [...days].filter(([day, files]) => files.length > 1 && !erasing.some(([other]) => other === day));

    let done = 0;
    let filesAfter = 0;
    const rewrite = async (day: string, files: readonly LakeStateFile[]): Promise<readonly LakeFileEntry[]> => {
      options.signal?.throwIfAborted();
      const added = await rewriteDay(maintenance, { day, files, isErasing: files.some(({ path }) => paths.has(path)) });
      done++;
      options.onProgress?.(done, erasing.length + merging.length);
      filesAfter += added.length;
      return added;
    };
    const pathsOf = (files: readonly LakeStateFile[]): string[] => files.map(({ path }) => path);
    if (marks.length > 0) {
      const add: LakeFileEntry[] = [];
      for (const [day, files] of erasing) {
        add.push(...(await rewrite(day, files)));
        await renew();
      }
      await commit({ add, remove: erasing.flatMap(([, files]) => pathsOf(files)), erased: marks });
    }
    for (const [day, files] of merging) await commit({ add: await rewrite(day, files), remove: pathsOf(files) });
    const filesBefore = [...erasing, ...merging].reduce((sum, [, files]) => sum + files.length, 0);
    return { days: done, filesBefore, filesAfter, erased: marks };
  });
}

async function rewriteDay(
  maintenance: Maintenance,
  {
    day,
    files,
    isErasing,
  }: { readonly day: string; readonly files: readonly LakeStateFile[]; readonly isErasing: boolean },
): Promise<readonly LakeFileEntry[]> {
  const { lakeFolder, version } = maintenance.snapshot;
  const table = parquetTable(lakeFolder, files);
  const rows = isErasing ? withoutErasing(table) : `SELECT * FROM ${table}`;
  const merged = await placeMerged(maintenance, { day, rows });
  return merged === undefined ? [] : [{ ...merged, erasedThrough: version }];
}
