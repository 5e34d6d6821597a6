import { hash } from 'node:crypto';
import { dayMs, plainName } from '@facet/platform';
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
import type { Event, RefusalReason } from '@facet/schemas';
import {
  cellNumber,
  cellText,
  decimalOf,
  isEmptyCell,
  isNested,
  looksNegative,
  missingIdWords,
  suggestPath,
} from './cell-values.ts';
import { inputError } from '../input-error.ts';
import type { ColumnMapping } from './column-mapping.ts';
import { columnNames, eventFieldNames, findColumns, otherCandidates, ratingNames } from './find-columns.ts';
import type { FieldColumns } from './find-columns.ts';
import { refuseMissingWord } from './row-parser.ts';
import type { IgnoredValue, ParsedRow, RefusedRow, RowParser } from './row-parser.ts';
import { createColumnTimeParser } from './parse-time.ts';
import { createTypeReader } from './type-names.ts';
import type { Table, TableColumn, TableRow } from '../tables/table.ts';

export interface EventRowOptions {
  readonly mapping?: ColumnMapping | undefined;
  /** Declared types, in addition to the standard ones. */
  readonly types?: readonly string[] | undefined;
  /** Whether the file has invoice numbers of digits alone: see {@link hasPlainInvoice}. */
  readonly hasPlainInvoice?: boolean | undefined;
}

export interface EventRowParser extends RowParser<Event> {
  /** The type of every event in a file without a type column. */
  readonly defaultType: string | undefined;
}

/**
 * Creates the parser of an event table. Without a type column, every event has the type `mapping.defaultType`, by default
 * `rating` when the value column has the name of a rating, or else `purchase`. Rows without an event id get a
 * {@link contentEventId}, or without a time of day a {@link dayEventId}. Other columns are kept unchanged in `extra`. An optional field that cannot be read is ignored.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING`, `EVENTS_VALUE_UNCLEAR`, `EVENTS_TIME_FORMAT`, `EVENTS_TIME_ZONE`.
 */
export function createEventRowParser(table: Table, options: EventRowOptions = {}): EventRowParser {
  const mapping = options.mapping ?? {};
  let at = findEventColumns(table, mapping);
  const columnAt = (index: number | undefined): TableColumn | undefined =>
    index === undefined ? undefined : table.columns[index];
  let columnCount = table.columns.length;
  let others = otherColumns(table, Object.values(at));
  let distinguishing = distinguishingColumns(table, at);

  const names = columnNames(table, at);
  const defaultType = mapping.defaultType ?? typeOfValues(names['value'], { hasType: at.type !== undefined });
  const parseTime = createColumnTimeParser(columnAt(at.occurredAt), mapping);
  const missingWords = missingIdWords(mapping.missingIds);
  const readType = createTypeReader(mapping.typeNames ?? {}, options.types);
  const isReturn = mapping.returns === 'keep' ? () => false : createReturnDetector(table, at, options);

  /** Later rows of a JSON file may have new keys: optional fields and extras. */
  const addColumns = (): void => {
    at = findEventColumns(table, names);
    columnCount = table.columns.length;
    others = otherColumns(table, Object.values(at));
    distinguishing = distinguishingColumns(table, at);
  };

  const nestedPathOf = (field: keyof typeof at, cell: unknown): string | undefined =>
    isNested(cell) ? suggestPath(table.columns[at[field]!]!.name, cell) : undefined;

  const refuseCell = (field: keyof typeof at, reason: RefusalReason, cell: unknown): RefusedRow =>
    isNested(cell)
      ? { ...refuse(field, reason === 'missing' ? 'not-text' : reason), nestedPath: nestedPathOf(field, cell) }
      : refuse(field, reason);

  const parse = (row: TableRow, now: number): ParsedRow<Event> => {
    if (table.columns.length !== columnCount) addColumns();
    const { cells } = row;
    const cellAt = (index: number | undefined): unknown => (index === undefined ? undefined : cells[index]);

    const user = cellText(cellAt(at.userId));
    if (missingWords.has(user)) return refuseMissingWord('userId');
    const userProblem = refuseUserIdentifier(user);
    if (userProblem !== undefined) return refuseCell('userId', userProblem, cellAt(at.userId));
    const item = cellText(cellAt(at.itemId));
    if (missingWords.has(item)) return refuseMissingWord('itemId');
    const itemProblem = refuseIdentifier(item);
    if (itemProblem !== undefined) return refuseCell('itemId', itemProblem, cellAt(at.itemId));

    const timeCell = cellAt(at.occurredAt);
    const time = parseTime(timeCell);
    if (typeof time !== 'number') {
      const refused = refuseCell('occurredAt', time, timeCell);
      return isNested(timeCell) || time === 'missing' ? refused : { ...refused, cell: timeCell };
    }
    const timeRefusal = refuseTime(time, now);
    if (timeRefusal !== undefined) return timeRefusal;

    let eventType = defaultType;
    let name: string | undefined;
    if (at.type !== undefined) {
      name = cellText(cells[at.type]);
      if (name === undefined) return refuseCell('type', 'missing', cells[at.type]);
      eventType = readType(name);
    }
    if (eventType === 'purchase' && isReturn(cells)) eventType = 'return';
    if (!isEventType(eventType, options.types)) return { ...refuse('type', 'unknown-type'), cell: name };

    let ignored: IgnoredValue[] | undefined;
    const ignore = (field: keyof typeof at | '', reason: RefusalReason, cell: unknown): undefined => {
      const nestedPath = field === '' ? undefined : nestedPathOf(field, cell);
      (ignored ??= []).push({ field, reason, cell, ...(nestedPath === undefined ? {} : { nestedPath }) });
    };
    const idAt = (field: 'eventId' | 'sessionId' | 'recommendationId'): string | undefined => {
      const cell = cellAt(at[field]);
      if (isNested(cell)) return ignore(field, 'not-text', cell);
      const text = cellText(cell);
      if (text === undefined || missingWords.has(text)) return undefined;
      const problem = refuseIdentifier(text);
      return problem === undefined ? text : ignore(field, problem, text);
    };

    let amount = cellNumber(cellAt(at.value), decimalOf(columnAt(at.value), mapping.decimal));
    if (Number.isNaN(amount)) amount = ignore('value', 'not-a-number', cellAt(at.value));
    const givenId = idAt('eventId');
    const session = idAt('sessionId');
    const recommendation = idAt('recommendationId');
    let extra = extraOf(cells, others);
    if (isTooDeep(extra, nestingMax + 1)) extra = ignore('', 'too-deep', undefined);
    const isDay = isWholeDay(timeCell, time, columnAt(at.occurredAt));
    const event: { -readonly [Field in keyof Event]: Event[Field] } = {
      // The id depends on all other fields.
      eventId: '',
      type: eventType,
      userId: user,
      itemId: item,
      occurredAt: time,
      receivedAt: now,
    };
    if (amount !== undefined) event.value = amount;
    if (session !== undefined) event.sessionId = session;
    if (recommendation !== undefined) event.recommendationId = recommendation;
    const missing = missingField(event);
    if (missing !== undefined) return refuse(missing, 'missing');
    const listPosition = cellNumber(cellAt(at.position));
    if (listPosition !== undefined) {
      if (!Number.isSafeInteger(listPosition)) ignore('position', 'not-a-whole-number', cellAt(at.position));
      else if (listPosition < 0) ignore('position', 'negative', listPosition);
      else event.position = listPosition;
    }
    const context = cellAt(at.context);
    if (isTooDeep(context)) ignore('context', 'too-deep', undefined);
    else if (!isEmptyCell(context)) event.context = isPlainObject(context) ? context : { context };
    if (extra !== undefined) event.extra = extra;
    event.eventId = givenId ?? (isDay ? dayEventId(event, extraOf(cells, distinguishing)) : contentEventId(event));
    return {
      ok: true,
      record: event,
      isDay,
      hasId: givenId !== undefined,
      ...(ignored === undefined ? {} : { ignored }),
    };
  };
  return {
    columns: names,
    otherCandidates: otherCandidates(table, eventFieldNames, at, ['userId', 'itemId', 'occurredAt']),
    defaultType: at.type === undefined ? defaultType : undefined,
    parse,
  };
}

function findEventColumns(table: Table, mapping: ColumnMapping): FieldColumns<typeof eventFieldNames> {
  const { eventId, type, userId, itemId, occurredAt, sessionId, recommendationId, position, value } = mapping;
  return findColumns(table, eventFieldNames, {
    mapped: { eventId, type, userId, itemId, occurredAt, sessionId, recommendationId, position, value },
    required: ['userId', 'itemId', 'occurredAt'],
    section: 'mapping',
  });
}

/**
 * Returns the type of all events of a file: `rating` if the column of values has the name of a rating, or else `purchase`.
 *
 * @throws AppError `EVENTS_VALUE_UNCLEAR` if the file has no types, and the mapped column may contain ratings or amounts.
 */
function typeOfValues(column: string | undefined, { hasType }: { readonly hasType: boolean }): string {
  if (column === undefined) return 'purchase';
  if (ratingNames.includes(plainName(column))) return 'rating';
  // The last key of a path such as `order.amount` decides. `review.rating` is unclear: the lake may contain its rows as purchases.
  // Event ids depend on the type, so the same rows as ratings would count twice.
  const name = plainName(column.slice(column.lastIndexOf('.') + 1));
  const isAmount = !ratingNames.includes(name) && (eventFieldNames.value.includes(name) || quantityNames.has(name));
  if (hasType || isAmount) return 'purchase';
  throw inputError(
    'EVENTS_VALUE_UNCLEAR',
    `mapping.value names the column "${column}", which may contain ratings or amounts.`,
    'Set mapping.defaultType in facet.yaml: rating for ratings, or purchase for quantities and amounts.',
    { column },
  );
}

const quantityNames = new Set([
  ...['quantity', 'qty', 'units', 'pieces', 'menge', 'anzahl'],
  ...['quantitysold', 'qtysold', 'unitssold', 'quantityordered', 'orderquantity', 'itemquantity', 'productquantity'],
]);
const invoiceNames = new Set(['invoice', 'invoiceno']);
const plainInvoicePattern = /^\d{5,}$/;

/**
 * Creates the function that tells whether a purchase is a return: its quantity is negative, or its invoice is canceled. The invoice
 * `C536379` is canceled in a file where other invoices are plain numbers. Elsewhere the letter may mean anything.
 */
function createReturnDetector(
  table: Table,
  at: FieldColumns<typeof eventFieldNames>,
  { mapping, hasPlainInvoice = false }: EventRowOptions,
): (cells: readonly unknown[]) => boolean {
  const found = table.columns.findIndex(({ name }) => quantityNames.has(plainName(name)));
  const quantityAt = found === -1 && at.value !== undefined ? at.value : found;
  const invoiceAt = hasPlainInvoice ? findInvoiceColumn(table, at) : undefined;
  return (cells) => {
    const cell = quantityAt === -1 ? undefined : cells[quantityAt];
    const quantity = cellNumber(cell, decimalOf(table.columns[quantityAt], mapping?.decimal));
    if (quantity !== undefined && (quantity < 0 || (Number.isNaN(quantity) && looksNegative(cell)))) return true;
    const invoice = invoiceAt === undefined ? undefined : cellText(cells[invoiceAt]);
    return invoice !== undefined && /^[Cc]\d{5,}$/.test(invoice);
  };
}

function findInvoiceColumn(
  { columns }: Pick<Table, 'columns'>,
  { sessionId }: FieldColumns<typeof eventFieldNames>,
): number | undefined {
  const name = sessionId === undefined ? undefined : columns[sessionId]?.name;
  return name !== undefined && invoiceNames.has(plainName(name)) ? sessionId : undefined;
}

/**
 * Returns whether the invoices of a file include a plain number. Reads a second table of the same file up to the first of them,
 * because a canceled invoice may come before it.
 *
 * @param options.reopen opens the second table.
 * @throws AppError `EVENTS_COLUMN_MISSING`; those of `reopen`. The signal's reason when aborted.
 */
export async function hasPlainInvoice(
  table: Table,
  mapping: ColumnMapping,
  { reopen, signal }: { readonly reopen: () => Promise<Table>; readonly signal?: AbortSignal | undefined },
): Promise<boolean> {
  const invoiceAt = mapping.returns === 'keep' ? undefined : findInvoiceColumn(table, findEventColumns(table, mapping));
  if (invoiceAt === undefined) return false;
  const second = await reopen();
  try {
    for await (const { rows } of second.chunks) {
      signal?.throwIfAborted();
      if (rows.some(({ cells }) => plainInvoicePattern.test(cellText(cells[invoiceAt]) ?? ''))) return true;
    }
    return false;
  } finally {
    await second.close();
  }
}

/** Returns whether a time has no time of day. */
function isWholeDay(cell: unknown, time: number, column: TableColumn | undefined): boolean {
  if (time % dayMs === 0) return true;
  // In another zone than UTC, a Parquet date begins at another time than a day of UTC.
  if (column?.isLocalTime === true && typeof cell === 'number') return cell % dayMs === 0;
  if (typeof cell !== 'string' || cell.includes(':')) return false;
  const text = cell.trim();
  return Number.isNaN(Number(text)) || /^\d{8}$/.test(text);
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
type EventContent = Pick<Event, 'userId' | 'itemId' | 'type' | 'occurredAt' | 'value'>;

/**
 * Returns the id of an event without one: 132 bits of SHA-256 over user, item, type, time and value. Importing the same row
 * again therefore adds no event. Rows that agree in all five fields are **one** event, even when other columns such as an
 * invoice number differ. Files where they are distinct events need a column `event_id`. Times without a time of day: see
 * {@link dayEventId}.
 */
export function contentEventId({ userId, itemId, type, occurredAt, value }: EventContent): string {
  return hashOf([userId, itemId, type, occurredAt, value ?? null]);
}

function hashOf(fields: readonly unknown[]): string {
  // JSON separates the fields unambiguously, whatever characters the ids contain.
  return hash('sha256', JSON.stringify(fields), 'base64url').slice(0, 22);
}

/**
 * Returns the id of an event without one and without a time of day. Such events of a day may agree in all fields of
 * {@link contentEventId} and still be distinct, so the id depends on all other columns of the row, too. It does not depend on the order of
 * rows and columns, and not on the file.
 */
function dayEventId(content: EventContent, others: Readonly<Record<string, unknown>> | undefined): string {
  const id = contentEventId(content);
  if (others === undefined) return id;
  const cells = Object.entries(others).map(([name, cell]) => [name, cellText(cell) ?? cell] as const);
  return hashOf([id, cells.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Returns the columns that {@link contentEventId} does not read. Facet sets `receivedAt`. */
function distinguishingColumns(table: Table, at: FieldColumns<typeof eventFieldNames>): NamedColumn[] {
  return otherColumns(table, [at.userId, at.itemId, at.type, at.occurredAt, at.value]);
}
