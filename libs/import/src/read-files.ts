import type { AppError } from '@facet/platform';
import type { Event } from '@facet/schemas';
import { inputError } from './input-error.ts';
import { createCatalogRowParser, findMissingColumns } from './mapping/catalog-rows.ts';
import type { CatalogKind, CatalogRecords } from './mapping/catalog-rows.ts';
import type { ColumnMapping, ItemMapping, UserMapping } from './mapping/column-mapping.ts';
import { createEventRowParser, hasPlainInvoice } from './mapping/event-rows.ts';
import { eventFieldNames, itemFieldNames } from './mapping/find-columns.ts';
import type { AcceptedRow, RowParser } from './mapping/row-parser.ts';
import { inspectFile } from './tables/byte-source.ts';
import { openTable } from './tables/open-table.ts';
import type { FileKind, TableFormat } from './tables/formats.ts';
import type { RawLine, Table } from './tables/table.ts';
import type { ReportBuilder } from './validation/report-builder.ts';
import type { LineReference } from './validation/report.ts';

/** A file to read. Its name implies its format, unless `format` is set. */
export type SourceFile = string | { readonly path: string; readonly format?: TableFormat | undefined };

/** The files to read. */
export interface SourceFiles {
  readonly events: readonly SourceFile[];
  readonly items?: readonly SourceFile[] | undefined;
  readonly users?: readonly SourceFile[] | undefined;
}

export interface ReadProgress {
  readonly stage: FileKind;
  /** Bytes of the stage's files on the disk. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Rows of the stage's files read so far. */
  readonly doneRows: number;
}

/** A line that was refused. */
export interface RefusedLine extends RawLine {
  readonly path: string;
  readonly kind: FileKind;
  /** The invalid field. Empty when the line is not a row. */
  readonly field: string;
  readonly reason: string;
}

export interface ReadOptions {
  /** Section `mapping` of facet.yaml. */
  readonly mapping?: ColumnMapping | undefined;
  /** Declared event types, in addition to the standard ones. */
  readonly types?: readonly string[] | undefined;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
  readonly onRefused?: ((line: RefusedLine) => void) | undefined;
}

/**
 * Reads item or user files, passes the accepted records to `onRecord`, and adds all rows and the mapped attributes that no file has to
 * `report`.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING`, also after the last row for a misspelled attribute of the mapping.
 */
export async function readCatalogFiles<Kind extends CatalogKind>(
  kind: Kind,
  files: readonly SourceFile[],
  options: ReadOptions,
  report: ReportBuilder,
  onRecord: (record: CatalogRecords[Kind]) => void,
): Promise<void> {
  const { mapping } = options;
  const tables: Table[] = [];
  await readRows<CatalogRecords[Kind]>(files, kind, options, report, (table) => {
    tables.push(table);
    return {
      parser: createCatalogRowParser(kind, table, mapping?.[kind], mapping?.missingIds),
      accept: ({ record }, { file }) => {
        report.acceptRecord(kind, record, file);
        onRecord(record);
      },
    };
  });
  report.missAttributes(kind, findMissingColumns(tables, kind, mapping?.[kind]));
}

/** Reads event files in order, passes the accepted events of each chunk to `onEvents` and adds all rows to `report`. */
export async function readEventFiles(
  files: readonly SourceFile[],
  options: ReadOptions,
  report: ReportBuilder,
  onEvents: (events: readonly Event[]) => void | Promise<void>,
): Promise<void> {
  await readRows<Event>(files, 'events', options, report, async (table, reopen) => {
    const { mapping = {}, types } = options;
    let events: Event[] = [];
    return {
      parser: createEventRowParser(table, {
        mapping,
        types,
        hasPlainInvoice: await hasPlainInvoice(table, mapping, { reopen, signal: options.signal }),
      }),
      accept: (row, at) => {
        report.acceptEvent(row, at);
        events.push(row.record);
      },
      endChunk: async () => {
        await onEvents(events);
        events = [];
      },
    };
  });
}

interface RowReader<Value> {
  readonly parser: RowParser<Value> & { readonly defaultType?: string | undefined };
  accept(row: AcceptedRow<Value>, at: LineReference): void;
  endChunk?(): Promise<void>;
}

async function readRows<Value>(
  files: readonly SourceFile[],
  kind: FileKind,
  options: ReadOptions,
  report: ReportBuilder,
  createReader: (table: Table, reopen: () => Promise<Table>) => RowReader<Value> | Promise<RowReader<Value>>,
): Promise<void> {
  const sources = files.map((file) => (typeof file === 'string' ? { path: file } : file));
  const sizes = await Promise.all(sources.map(async ({ path }) => (await inspectFile(path)).bytes));
  const totalBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const mapping = kind === 'events' ? options.mapping : options.mapping?.[kind];
  const settings = {
    encoding: options.mapping?.encoding,
    header: mapping?.columns,
    nestedPaths: nestedPathsOf(mapping),
  };
  const done = { bytes: 0, rows: 0 };
  let first: Table | undefined;
  for (const [index, source] of sources.entries()) {
    options.signal?.throwIfAborted();
    const before = { ...done };
    const onProgress = (part: Partial<typeof done>): void => {
      Object.assign(done, part);
      options.onProgress?.({ stage: kind, doneBytes: done.bytes, totalBytes, doneRows: done.rows });
    };
    const open = (onBytes?: (bytes: number) => void): Promise<Table> =>
      openTable(source.path, { ...source, ...settings, onBytes });
    const table = await open((bytes) => onProgress({ bytes: before.bytes + bytes }));
    try {
      if (settings.header !== undefined && (table.format === 'csv' || table.format === 'tsv')) {
        first ??= table;
        if (table.columns.length !== first.columns.length) throw otherWidth(first, table);
      }
      const reader = await createReader(table, open);
      await readTable(table, kind, options, report, reader, (rows) => onProgress({ rows: before.rows + rows }));
    } finally {
      await table.close();
    }
    done.bytes = before.bytes + (sizes[index] ?? 0);
  }
}

async function readTable<Value>(
  { path, format, bytes, chunks }: Table,
  kind: FileKind,
  options: ReadOptions,
  report: ReportBuilder,
  { parser, accept, endChunk }: RowReader<Value>,
  onRows: (rows: number) => void,
): Promise<void> {
  const { columns, otherCandidates, defaultType } = parser;
  const file = report.startFile({ path, kind, format, bytes, columns, otherCandidates, defaultType });
  const refuse = (refused: { readonly field: string; readonly reason: string }, { line, raw }: RawLine): void => {
    report.refuse(refused, { file, line });
    const { field, reason } = refused;
    options.onRefused?.({ path, kind, line, field, reason, raw });
  };
  let rowsRead = 0;
  for await (const { rows, broken } of chunks) {
    options.signal?.throwIfAborted();
    rowsRead += rows.length + broken.length;
    for (const line of broken) refuse({ field: '', reason: line.reason }, line);
    const now = options.now();
    for (const row of rows) {
      const parsed = parser.parse(row, now);
      if (!parsed.ok) {
        refuse(parsed, row);
        continue;
      }
      accept(parsed, { file, line: row.line });
      for (const value of parsed.ignored ?? []) report.ignore(value, { file, line: row.line });
    }
    await endChunk?.();
    onRows(rowsRead);
  }
}

/** The names of the columns would have another meaning in the other file. */
function otherWidth(first: Table, other: Table): AppError {
  const [width, differing] = [first.columns.length, other.columns.length];
  return inputError(
    'EVENTS_COLUMN_MISSING',
    `The setting columns in facet.yaml names the columns of all files, but ${first.path} has ${width} columns and ${other.path} has ${differing}.`,
    'Import the files one by one into the same data home, each with its own settings (--config).',
    { paths: [first.path, other.path] },
  );
}

/** The settings of a mapping that name a column. */
const columnSettings = [...Object.keys(eventFieldNames), ...Object.keys(itemFieldNames)];

/** Returns the columns of a mapping that are paths into nested objects, such as `user.id`. */
function nestedPathsOf(mapping: ColumnMapping | ItemMapping | UserMapping | undefined): string[] {
  const { attributes = {}, ...settings }: Partial<ItemMapping> = mapping ?? {};
  const columns = Object.entries(settings).flatMap(([name, column]) => (columnSettings.includes(name) ? [column] : []));
  const names = [...columns, ...Object.keys(attributes)];
  return [...new Set(names.filter((name) => typeof name === 'string' && /[^.]\.[^.]/.test(name)))] as string[];
}
