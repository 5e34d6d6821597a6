import { hash } from 'node:crypto';
import {
  isEventType,
  isPlainObject,
  isTooDeep,
  missingField,
  nestingMax,
  refuse,
  refuseIdentifier,
  refuseTime,
  refuseUserIdentifier,
} from '@facet/schemas';
import type { Event, Refusal } from '@facet/schemas';
import { cellNumber, cellText, isEmptyCell } from './cell-values.ts';
import type { ColumnMapping } from './column-mapping.ts';
import { columnNames, eventFieldNames, findColumns, plainName, ratingNames } from './find-columns.ts';
import { createTimeParser } from './parse-time.ts';
import type { Table, TableRow } from '../tables/table.ts';

export interface EventRowOptions {
  readonly mapping?: ColumnMapping | undefined;
  /** Declared types, in addition to the standard ones. */
  readonly types?: readonly string[] | undefined;
}

export interface EventRowParser {
  /** The column of each field. */
  readonly columns: Readonly<Record<string, string>>;
  /** The type of every event in a file without a type column. */
  readonly defaultType: string | undefined;
  /** Parses a row. `now` in epoch milliseconds becomes `receivedAt` and bounds `occurredAt`. */
  parse(row: TableRow, now: number): { readonly ok: true; readonly event: Event } | Refusal;
}

/**
 * Creates the parser of an event table. Without a type column, every event has the type `mapping.defaultType`, by default
 * `rating` when the value column has the name of a rating, or else `purchase`. Rows without an event id get a
 * {@link contentEventId}. Other columns are kept unchanged in `extra`.
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

  /** Later rows of a JSON file may have new keys: optional fields and extras. */
  const addColumns = (): void => {
    at = find(names);
    columnCount = table.columns.length;
    others = otherColumns(table, Object.values(at));
  };

  const parse = (row: TableRow, now: number): { ok: true; event: Event } | Refusal => {
    if (table.columns.length !== columnCount) addColumns();
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
    const listPosition = cellNumber(cellAt(at.position));
    if (listPosition !== undefined) {
      if (!Number.isSafeInteger(listPosition)) return refuse('position', 'not-a-whole-number');
      if (listPosition < 0) return refuse('position', 'negative');
      event.position = listPosition;
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

/** Returns the columns without a field. `receivedAt` is dropped, because Facet sets it. */
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

/** The fields that identify an event without an id. */
export interface EventContent {
  readonly userId: string;
  readonly itemId: string;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  readonly value?: number | undefined;
}

/**
 * Returns the id of an event without one: 132 bits of SHA-256 over user, item, type, time and value. Importing the same row
 * again therefore adds no event. Rows that agree in all five fields are **one** event, even when other columns such as an
 * invoice number differ. Files where they are distinct events need a column `event_id`.
 */
export function contentEventId(content: EventContent): string {
  const { userId, itemId, type, occurredAt, value } = content;
  // JSON separates the fields unambiguously, whatever characters the ids contain.
  const text = JSON.stringify([userId, itemId, type, occurredAt, value ?? null]);
  return hash('sha256', text, 'base64url').slice(0, 22);
}

/** Common names of the standard types in public data sets and shops. */
const usualNames: Readonly<Record<string, string>> = {
  impression: 'impression',
  exposure: 'impression',
  show: 'impression',
  view: 'view',
  pv: 'view',
  pageview: 'view',
  detail: 'view',
  viewitem: 'view',
  click: 'click',
  clk: 'click',
  addtocart: 'add_to_cart',
  cart: 'add_to_cart',
  basket: 'add_to_cart',
  purchase: 'purchase',
  buy: 'purchase',
  order: 'purchase',
  transaction: 'purchase',
  rating: 'rating',
  rate: 'rating',
  review: 'rating',
};

/** Returns the function that maps a type name of a file to a type: by `typeNames`, or by {@link usualNames}, or unchanged. */
function createTypeReader(typeNames: Readonly<Record<string, string>>): (name: string) => string {
  const known = new Map<string, string>(Object.entries(typeNames));
  return (name) => {
    let type = known.get(name);
    if (type === undefined) {
      type = usualNames[plainName(name)] ?? name;
      if (known.size < 10_000) known.set(name, type);
    }
    return type;
  };
}
