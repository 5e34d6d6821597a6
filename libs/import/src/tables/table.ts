import type { LineFault } from './lines.ts';

export const tableFormats = ['csv', 'tsv', 'jsonl', 'parquet', 'recbole'] as const;
export type TableFormat = (typeof tableFormats)[number];

/**
 * How a column's cells are to be read: `text` as it stands; `list` is text to be split at `separator`; `time` is a number
 * of epoch milliseconds. JSON cells carry their own kind and come as `any`.
 */
export type ColumnKind = 'text' | 'number' | 'boolean' | 'list' | 'time' | 'any';

export interface TableColumn {
  /** The name that mappings use: a typed or annotated header without its annotation. */
  readonly name: string;
  readonly kind: ColumnKind;
  readonly separator?: string;
}

/** A cell as the format gives it; `undefined` and `null` are absent. JSON cells may be any JSON value. */
export type Cell = unknown;

export interface TableRow {
  /** One-based line of the file (of its first line, if the row spans lines); the row number in Parquet. */
  readonly line: number;
  /** One cell a column, in the order of {@link Table.columns}; a JSON row may be shorter. */
  readonly cells: readonly Cell[];
}

export type BrokenReason =
  LineFault | 'wrong-column-count' | 'bad-quoting' | 'quote-not-closed' | 'not-json' | 'not-an-object';

/** A line that is not a row. */
export interface BrokenLine {
  readonly line: number;
  readonly reason: BrokenReason;
  /** What was found, in words, without the content of the line. */
  readonly detail: string;
}

/** Rows and broken lines of one stretch of the file. */
export interface TableChunk {
  readonly rows: readonly TableRow[];
  readonly broken: readonly BrokenLine[];
}

/** An open file of rows, readable once. */
export interface Table {
  readonly path: string;
  readonly format: TableFormat;
  /** Size on the disk. */
  readonly bytes: number;
  /** Known from the start, except in JSONL, where it grows at the end as new keys appear. */
  readonly columns: readonly TableColumn[];
  readonly chunks: AsyncIterable<TableChunk>;
  /** Releases the file, whether or not it was read to its end. */
  close(): Promise<void>;
}
