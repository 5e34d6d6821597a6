import { relative } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ErasedMark } from './lake-record.ts';
import { identifyingFiles } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import { erasedOwners, identifyRows, ownedRows, parquetTable } from './lake-sql.ts';
import type { LakeStateErasure } from './lake-state.ts';

/** What carrying out erasures takes away. */
export interface ErasurePlan {
  /** What is to be recorded once it is done. */
  readonly marks: readonly ErasedMark[];
  /** Files that hold such rows. */
  readonly paths: ReadonlySet<string>;
}

/** The rows of a table that are not in `erasing`. */
export function withoutErasing(table: string): string {
  return `SELECT * FROM ${table} event WHERE NOT EXISTS (SELECT 1 FROM erasing WHERE erasing.logSource = event.logSource AND erasing.logOffset = event.logOffset)`;
}

/**
 * Finds the rows of users who are to be forgotten, in the whole lake, and leaves their places in the table
 * `erasing(erasureId, path, logSource, logOffset)`.
 */
export async function planErasures(
  connection: DuckDBConnection,
  snapshot: LakeSnapshot,
  erasures: readonly LakeStateErasure[],
): Promise<ErasurePlan> {
  const { lakeFolder, version } = snapshot;
  const newest = Math.max(...erasures.map(({ requestedAt }) => requestedAt));
  const files = snapshot.files.filter(({ receivedFrom }) => receivedFrom <= newest);
  const marks = new Map<string, { rows: number; paths: Set<string>; sessionHashes: string[] }>();
  for (const { erasureId } of erasures) marks.set(erasureId, { rows: 0, paths: new Set(), sessionHashes: [] });
  if (files.length > 0) {
    const events = parquetTable(lakeFolder, files);
    const run = async (sql: string): Promise<readonly unknown[][]> => (await connection.run(sql)).getRows();
    await run(`CREATE TEMP TABLE identifies AS ${identifyRows(lakeFolder, identifyingFiles(snapshot))}`);
    await run(`CREATE TEMP TABLE erased AS ${erasedOwners(erasures, [events, 'identifies'])}`);
    await run(
      `CREATE TEMP TABLE erasing AS ` +
        `WITH received AS (SELECT userId, sessionId, occurredAt, receivedAt, logSource, logOffset, filename FROM ${events}) ` +
        `SELECT arg_min(erasureId, (requestedAt, erasureId)) AS erasureId, filename AS path, logSource, logOffset ` +
        `FROM (${ownedRows('received', 'identifies')}) event JOIN erased ` +
        `ON erased.owner = event.owner AND event.receivedAt <= erased.requestedAt GROUP BY path, logSource, logOffset`,
    );
    const counts = await run(`SELECT erasureId, path, count(*)::DOUBLE FROM erasing GROUP BY ALL`);
    for (const [erasureId, path, rows] of counts as [string, string, number][]) {
      const mark = marks.get(erasureId)!;
      mark.rows += rows;
      mark.paths.add(relative(lakeFolder, path));
    }
    const sessions = await run(
      `SELECT DISTINCT erasureId, sha256(sessionId) FROM identifies JOIN erased ` +
        `ON erased.owner = identifies.userId AND identifies.receivedAt <= erased.requestedAt ORDER BY ALL`,
    );
    for (const [erasureId, hash] of sessions as [string, string][]) marks.get(erasureId)!.sessionHashes.push(hash);
  }
  return {
    paths: new Set([...marks.values()].flatMap(({ paths }) => [...paths])),
    marks: [...marks].map(([erasureId, { rows, paths, sessionHashes }]) => ({
      erasureId,
      through: version,
      rows,
      files: paths.size,
      sessionHashes,
    })),
  };
}
