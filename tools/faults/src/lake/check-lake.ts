import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  listErasures,
  openLakeSnapshot,
  selectRows,
  sqlText,
  streamLake,
  verifyErasure,
  verifyLake,
  withDuckDb,
} from '@facet/lake';
import { eventNumberOf } from '../seeded-events.ts';
import { eventAt, parseErasureId, source } from './lake-events.ts';

export interface LakeFolders {
  /** The folder that Facet opens. */
  readonly lake: string;
  /** The folder of the data files and the transaction log: the same one, or that of the objects on S3. */
  readonly table: string;
}

/** What a process has acknowledged. */
export interface Acknowledged {
  /** The offset after the last acknowledged event. */
  committed: number;
  readonly erasureIds: Set<string>;
  /**
   * The most checkpoints that the process can have failed to write. Counts a checkpoint, too, that a concurrent commit was still
   * writing.
   */
  failedCheckpoints: number;
}

/** Compares a lake with what was acknowledged. Returns a text for each violation. */
export async function checkLake({ lake, table }: LakeFolders, acknowledged: Acknowledged): Promise<string[]> {
  const snapshot = await openLakeSnapshot(lake);
  const erasures = await listErasures(lake);
  const committed = snapshot.offsets[source] ?? 0;
  const isErased = eraser(erasures);
  const problems: string[] = [];

  if (committed < acknowledged.committed) {
    problems.push(`offsets ${committed} to ${acknowledged.committed} are acknowledged, but lost`);
  }
  for (const erasureId of acknowledged.erasureIds) {
    if (!erasures.some((erasure) => erasure.erasureId === erasureId)) problems.push(`erasure ${erasureId} is lost`);
  }
  const { isSound, files, sources } = await verifyLake(lake);
  if (!isSound) problems.push(`files and log differ: ${JSON.stringify({ files, sources })}`);

  const seen = new Set<number>();
  for await (const events of streamLake(snapshot)) {
    for (const event of events) {
      const offset = eventNumberOf(event.eventId);
      if (offset === undefined || offset >= committed) problems.push(`${event.eventId} is invented`);
      else if (seen.has(offset)) problems.push(`${event.eventId} is read twice`);
      else if (isErased(offset)) problems.push(`${event.eventId} is erased, but read`);
      else if (!isDeepStrictEqual(event, eventAt(offset))) problems.push(`${event.eventId} is altered`);
      else seen.add(offset);
    }
  }
  for (let offset = 0; offset < committed; offset++) {
    if (!seen.has(offset) && !isErased(offset)) problems.push(`event ${offset} is lost`);
  }
  // Only pending erasures may have rows in the files of the lake.
  const isRemoved = eraser(erasures.filter(({ isPending }) => !isPending));
  for (const offset of await storedOffsets(table, snapshot.files)) {
    if (isRemoved(offset)) problems.push(`event ${offset} has been erased, but is stored`);
  }
  return problems;
}

/** Returns whether an erasure covers the event at an offset. */
function eraser(erasures: readonly { readonly erasureId: string }[]): (offset: number) => boolean {
  const lastOf = new Map<string, number>();
  for (const { erasureId } of erasures) {
    const { userId, last } = parseErasureId(erasureId);
    lastOf.set(userId, Math.max(last, lastOf.get(userId) ?? -1));
  }
  return (offset) => offset <= (lastOf.get(eventAt(offset).userId) ?? -1);
}

async function storedOffsets(table: string, files: readonly { readonly path: string }[]): Promise<readonly number[]> {
  const paths = files.map(({ path }) => sqlText(join(table, path)));
  const sql = `SELECT logOffset::DOUBLE AS logOffset FROM read_parquet([${paths.join(', ')}])`;
  const rows = await withDuckDb({}, (connection) => selectRows<{ logOffset: number }>(connection, sql));
  return rows.map(({ logOffset }) => logOffset);
}

/** Checks that a compaction without a grace period has left no rows of erased users and no other files. */
export async function checkLeftovers({ lake, table }: LakeFolders): Promise<string[]> {
  const problems: string[] = [];
  for (const { erasureId, isPending } of await listErasures(lake)) {
    const { rows } = await verifyErasure(lake, parseErasureId(erasureId).userId);
    if (isPending || rows > 0) problems.push(`erasure ${erasureId} has left ${rows} rows`);
  }
  const { files } = await openLakeSnapshot(lake);
  const paths = new Set(files.map(({ path }) => path));
  // On S3, the lake has local copies of files.
  for (const folder of new Set([lake, join(lake, 's3-copies'), table])) {
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    for (const name of names) {
      const isLeft =
        name.startsWith('_tmp/') || (name.endsWith('.parquet') && name.startsWith('dt=') && !paths.has(name));
      if (isLeft) problems.push(`${join(folder, name)} is left`);
    }
  }
  return problems;
}
