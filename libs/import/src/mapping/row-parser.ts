import type { Refusal, RefusalReason } from '@facet/schemas';
import type { TableRow } from '../tables/table.ts';

/** The value of an optional field that cannot be read. The record is kept without the field. */
export interface IgnoredValue {
  /** Empty for the columns without a field. */
  readonly field: string;
  readonly reason: RefusalReason;
  readonly cell: unknown;
  /** The value inside the cell that the mapping of the field probably means, such as `session.id`. */
  readonly nestedPath?: string | undefined;
}

/** A row without a valid value of a required field. The reason `missing-word` is a word that means a missing id, such as `NULL`. */
export interface RefusedRow extends Omit<Refusal, 'reason'> {
  readonly reason: RefusalReason | 'missing-word';
  /** The cell, if it is text that another setting could read, such as an unknown type or time. */
  readonly cell?: unknown;
  /** As {@link IgnoredValue.nestedPath}. */
  readonly nestedPath?: string | undefined;
}

/** A row with a record. */
export interface AcceptedRow<Value> {
  readonly ok: true;
  readonly record: Value;
  readonly ignored?: readonly IgnoredValue[];
  /** The time of an event has no time of day. */
  readonly isDay?: boolean;
  /** The row contains an event id. Without one, the import derives it from the other columns. */
  readonly hasId?: boolean;
}

export function refuseMissingWord(field: string): RefusedRow {
  return { ok: false, field, reason: 'missing-word' };
}

export type ParsedRow<Value> = AcceptedRow<Value> | RefusedRow;

/** Turns the rows of a table into records. */
export interface RowParser<Value> {
  /** The column of each field. */
  readonly columns: Readonly<Record<string, string>>;
  /** Columns that could be a required field too, but are not used. */
  readonly otherCandidates: Readonly<Record<string, readonly string[]>>;
  /** Parses a row. `now` in epoch milliseconds becomes `receivedAt` of an event and bounds its time. */
  parse(row: TableRow, now: number): ParsedRow<Value>;
}
