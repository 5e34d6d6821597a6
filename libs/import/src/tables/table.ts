import type { TableFormat } from './formats.ts';
import type { LineFault } from './lines.ts';

/**
 * The kind of a column's cells. `list` cells are text to split at `separator`. `time` cells are epoch milliseconds. JSON cells
 * may have any type and are `any`.
 */
export type ColumnKind = 'text' | 'number' | 'boolean' | 'list' | 'time' | 'any';

export interface TableColumn {
  /** The name that mappings use: the header without type or annotation. */
  readonly name: string;
  readonly kind: ColumnKind;
  readonly separator?: string;
  /** True if the times have no zone. Their cells are milliseconds as if the zone were UTC. */
  readonly isLocalTime?: boolean;
}

/** A cell of any format. `undefined` and `null` are empty. JSON cells may be any JSON value. */
export type Cell = unknown;

/** A line of a file and its text. */
export interface RawLine {
  /** One-based number of the row's first line in the file, or the row number in Parquet. */
  readonly line: number;
  /** The text of the row. Absent in Parquet, and where the bytes are no text. */
  readonly raw?: string | undefined;
}

export interface TableRow extends RawLine {
  /** One cell per column, in the order of {@link Table.columns}. A JSON row may be shorter. */
  readonly cells: readonly Cell[];
}

export type BrokenReason =
  LineFault | 'wrong-column-count' | 'bad-quoting' | 'quote-not-closed' | 'not-json' | 'not-an-object';

/** A line that is not a row. */
export interface BrokenLine extends RawLine {
  readonly reason: BrokenReason;
}

/** Consecutive rows and broken lines of the file. */
export interface TableChunk {
  readonly rows: readonly TableRow[];
  readonly broken: readonly BrokenLine[];
}

/** An open file of rows. It can be read once. */
export interface Table {
  readonly path: string;
  readonly format: TableFormat;
  /** Size on the disk. */
  readonly bytes: number;
  /** The columns. In JSON Lines, later keys are appended as they appear. */
  readonly columns: readonly TableColumn[];
  /** Paths of the texts and numbers inside the objects of the first rows, such as `item.id`. Only JSON Lines has them. */
  readonly nestedPaths?: readonly string[];
  /** The column of the first rows that contains lists of objects, such as the events of a session. Only JSON Lines has one. */
  readonly nestedList?: string | undefined;
  readonly chunks: AsyncIterable<TableChunk>;
  /** Closes the file, also before its end was read. */
  close(): Promise<void>;
}

/** Puts the first value of a generator back in front of the others. */
export async function* startingWith<Value>(first: Value, rest: AsyncGenerator<Value>): AsyncGenerator<Value> {
  yield first;
  yield* rest;
}
