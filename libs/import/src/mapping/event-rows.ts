import { contentEventId } from './content-event-id.ts';
import { isEventType, missingField, refuseTime } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { refuseIdentifier, refuseUserIdentifier } from '@facet/schemas';
import { isTooDeep, nestingMax } from '@facet/schemas';
import { isPlainObject, refuse } from '@facet/schemas';
import type { Refusal } from '@facet/schemas';
import type { Table, TableRow } from '../tables/table.ts';
import { cellNumber, cellText, isEmptyCell } from './cell-values.ts';
import type { ColumnMapping } from './column-mapping.ts';
import { createTypeReader } from './event-types.ts';
import { columnNames, eventFieldNames, findColumns, plainName, ratingNames } from './find-columns.ts';
import { createTimeParser } from './parse-time.ts';

export interface EventRowOptions {
  readonly mapping?: ColumnMapping | undefined;
  /** Declared types beside the standard ones. */
  readonly types?: readonly string[] | undefined;
}

export interface EventRowParser {
  /** Which column each field was found in. */
  readonly columns: Readonly<Record<string, string>>;
  /** The type of every event when the file has no type column. */
  readonly defaultType: string | undefined;
  /** `now` in epoch milliseconds becomes `receivedAt` and bounds the future. */
  parse(row: TableRow, now: number): { readonly ok: true; readonly event: Event } | Refusal;
}

/**
 * Makes the parser of one table's rows. Without a type column every event is a `rating` when the value column holds one
 * (by its name), else a `purchase`, unless `mapping.defaultType` says otherwise. Rows without an event id get
 * {@link contentEventId}. Columns that are no field are kept in `extra`, as they came.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING`, `EVENTS_TIME_FORMAT`, `EVENTS_TIME_ZONE`.
 */
export function createEventRowParser(table: Table, options: EventRowOptions = {}): EventRowParser {
  const mapping = options.mapping ?? {};
  const { eventId, type, userId, itemId, occurredAt, sessionId, recommendationId, position, value } = mapping;
  const find = (mapped: Readonly<Record<string, string | undefined>>) =>
    findColumns(table, eventFieldNames, { mapped, required: ['userId', 'itemId', 'occurredAt'], section: 'mapping' });
  let at = find({ eventId, type, userId, itemId, occurredAt, sessionId, recommendationId, position, value });
  let columnCount = table.columns.length;
  let others = otherColumns(table, Object.values(at));

  const names = columnNames(table, at);
  const isRating = names['value'] !== undefined && ratingNames.includes(plainName(names['value']));
  const defaultType = mapping.defaultType ?? (isRating ? 'rating' : 'purchase');
  const parseTime = createTimeParser(mapping);
  const readType = createTypeReader(mapping.typeNames ?? {});

  /** JSON files show further keys as they go: those are optional fields and extras. */
  const followColumns = (): void => {
    at = find(names);
    columnCount = table.columns.length;
    others = otherColumns(table, Object.values(at));
  };

  const parse = (row: TableRow, now: number): { ok: true; event: Event } | Refusal => {
    if (table.columns.length !== columnCount) followColumns();
    const { cells } = row;
    const cellAt = (index: number | undefined): unknown => (index === undefined ? undefined : cells[index]);

    const user = cellText(cellAt(at.userId));
    const userProblem = refuseUserIdentifier(user);
    if (userProblem !== undefined) return refuse('userId', userProblem);
    const item = cellText(cellAt(at.itemId));
    const itemProblem = refuseIdentifier(item);
    if (itemProblem !== undefined) return refuse('itemId', itemProblem);

    const time = parseTime(cellAt(at.occurredAt));
    if (typeof time !== 'number') return refuse('occurredAt', time);
    const timeRefusal = refuseTime(time, now);
    if (timeRefusal !== undefined) return timeRefusal;

    let eventType = defaultType;
    if (at.type !== undefined) {
      const name = cellText(cells[at.type]);
      if (name === undefined) return refuse('type', 'missing');
      eventType = readType(name);
    }
    if (!isEventType(eventType, options.types)) return refuse('type', 'unknown-type');

    const amount = cellNumber(cellAt(at.value));
    if (Number.isNaN(amount)) return refuse('value', 'not-a-number');

    const givenId = cellText(cellAt(at.eventId));
    if (givenId !== undefined) {
      const problem = refuseIdentifier(givenId);
      if (problem !== undefined) return refuse('eventId', problem);
    }
    const content = { userId: user as string, itemId: item as string, type: eventType, occurredAt: time };
    const event: { -readonly [Field in keyof Event]: Event[Field] } = {
      eventId: givenId ?? contentEventId({ ...content, value: amount }),
      ...content,
      receivedAt: now,
    };
    if (amount !== undefined) event.value = amount;

    for (const field of ['sessionId', 'recommendationId'] as const) {
      const text = cellText(cellAt(at[field]));
      if (text === undefined) continue;
      const problem = refuseIdentifier(text);
      if (problem !== undefined) return refuse(field, problem);
      event[field] = text;
    }
    const missing = missingField(event);
    if (missing !== undefined) return refuse(missing, 'missing');
    const place = cellNumber(cellAt(at.position));
    if (place !== undefined) {
      if (!Number.isSafeInteger(place)) return refuse('position', 'not-a-whole-number');
      if (place < 0) return refuse('position', 'negative');
      event.position = place;
    }
    const context = cellAt(at.context);
    if (!isEmptyCell(context)) event.context = isPlainObject(context) ? context : { context };
    const extra = extraOf(cells, others);
    if (extra !== undefined) event.extra = extra;
    if (isTooDeep(event.context)) return refuse('context', 'too-deep');
    if (isTooDeep(extra, nestingMax + 1)) return refuse('', 'too-deep');
    return { ok: true, event };
  };
  return { columns: names, defaultType: at.type === undefined ? defaultType : undefined, parse };
}

interface NamedColumn {
  readonly name: string;
  readonly index: number;
}

/** Columns that are no field. A sender's `receivedAt` is dropped: that time is Facet's to set. */
function otherColumns(table: Table, taken: readonly (number | undefined)[]): NamedColumn[] {
  return table.columns
    .map(({ name }, index) => ({ name, index }))
    .filter(({ name, index }) => !taken.includes(index) && name !== 'receivedAt');
}

function extraOf(cells: readonly unknown[], others: readonly NamedColumn[]): Record<string, unknown> | undefined {
  let entries: [string, unknown][] | undefined;
  for (const { name, index } of others) {
    const cell = cells[index];
    if (!isEmptyCell(cell)) (entries ??= []).push([name, cell]);
  }
  return entries === undefined ? undefined : Object.fromEntries(entries);
}
