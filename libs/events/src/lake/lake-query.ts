import { sqlText } from '../duckdb.ts';
import { identifyType } from '../schemas/event.ts';
import type { LakeWindow } from './lake-event.ts';
import { filesOfWindow, identifyingFiles } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import {
  erasedOwners,
  identifyRows,
  notErased,
  ownedRows,
  parquetTable,
  receivedFirst,
  where,
  windowConditions,
} from './lake-sql.ts';

/**
 * The query behind `readLake`; `undefined` when no file can hold events of the window. Most lakes hold no anonymous events
 * and no pending erasures: theirs is the plain query, without the joins.
 */
export function lakeQuery(snapshot: LakeSnapshot, window: LakeWindow): string | undefined {
  const files = filesOfWindow(snapshot, window);
  if (files.length === 0) return undefined;
  const { lakeFolder, pendingErasures } = snapshot;
  const hasSessions = files.some(({ anonymous, identifies }) => anonymous + identifies > 0);
  const events = parquetTable(lakeFolder, files);
  // Whose the sessions are, as far as it is known at the end of the window.
  const known = {
    occurredBefore: window.occurredBefore,
    receivedBefore: window.receivedBefore,
    offsets: window.offsets,
  };
  const knowing = identifyingFiles(snapshot, known);
  const received = `SELECT ${columns} FROM ${events} ${where(windowConditions(window))}`;
  if (pendingErasures.length === 0) {
    const distinct = `${received} ${receivedFirst}`;
    if (!hasSessions) return result(`(${distinct})`, 'userId');
    return (
      `WITH received AS (${distinct}), identifies AS (${identifyRows(lakeFolder, knowing, windowConditions(known))}) ` +
      result(`(${ownedRows('received', 'identifies')})`, 'owner')
    );
  }
  // What is erased is decided by all that is known, as a compaction does, and gone before anything else is looked at.
  const tables = [
    `received AS (${received})`,
    `everyIdentify AS (${identifyRows(lakeFolder, identifyingFiles(snapshot))})`,
    `erased AS (${erasedOwners(pendingErasures, [events, 'everyIdentify'])})`,
    `owned AS (${ownedRows('received', 'everyIdentify')})`,
    `kept AS (SELECT ${columns} FROM owned WHERE ${notErased('erased', 'owned')} ${receivedFirst})`,
    `identifies AS (${identifyRows(lakeFolder, knowing, [...windowConditions(known), keptIdentify])})`,
  ];
  return `WITH ${tables.join(', ')} ${result(`(${ownedRows('kept', 'identifies')})`, 'owner')}`;
}

const keptIdentify = notErased('erased', 'identify', 'userId');
const columns = 'eventId, type, userId, itemId, sessionId, occurredAt, receivedAt, value, logSource, logOffset';

function result(rows: string, owner: 'userId' | 'owner'): string {
  return (
    `SELECT eventId, type, ${owner}, itemId, epoch_ms(occurredAt)::DOUBLE, epoch_ms(receivedAt)::DOUBLE, value FROM ${rows} ` +
    `${owner === 'owner' ? `WHERE type <> ${sqlText(identifyType)}` : ''} ORDER BY ${owner}, occurredAt, eventId`
  );
}
