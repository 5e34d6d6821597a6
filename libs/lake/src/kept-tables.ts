import { sqlText } from './duckdb.ts';
import { identifyType } from '@facet/schemas';
import { identifyingFiles } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import { erasedOwners, identifyRows, notErased, ownedRows, receivedFirst } from './lake-sql.ts';

/**
 * The tables of a query that ends in `kept`: rows of which nothing is erased and each `eventId` is there once, but for
 * `identify`. What is erased goes before one of the same `eventId` is chosen.
 *
 * @param query.events all columns of the files that are read.
 * @param query.received the rows of them that are wanted, with the columns that tell whose they are, when, and from where.
 */
export function keptTables(
  snapshot: LakeSnapshot,
  { events, received }: { readonly events: string; readonly received: string },
): string[] {
  const { lakeFolder, pendingErasures } = snapshot;
  // Of an identify the last received counts, where two people are identified at one moment: all of them are needed.
  const distinct = `${receivedFirst} OR type = ${sqlText(identifyType)}`;
  if (pendingErasures.length === 0) return [`kept AS (${received} ${distinct})`];
  return [
    `received AS (${received})`,
    `identifies AS (${identifyRows(lakeFolder, identifyingFiles(snapshot))})`,
    `erased AS (${erasedOwners(pendingErasures, [events, 'identifies'])})`,
    `owned AS (${ownedRows('received', 'identifies')})`,
    `kept AS (SELECT * FROM owned WHERE ${notErased('erased', 'owned')} ${distinct})`,
  ];
}
