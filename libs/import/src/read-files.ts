import { AppError } from '@facet/platform';
import type { Event } from '@facet/schemas';
import { createCatalogRowParser, findMissingAttributes } from './mapping/catalog-rows.ts';
import type { CatalogKind, CatalogRecords } from './mapping/catalog-rows.ts';
import type { ColumnMapping, ItemMapping, UserMapping } from './mapping/column-mapping.ts';
import { createEventRowParser, hasPlainInvoice } from './mapping/event-rows.ts';
import { eventFieldNames, itemFieldNames } from './mapping/find-columns.ts';
import type { AcceptedRow, RowParser } from './mapping/row-parser.ts';
import { inspectFile } from './tables/byte-source.ts';
import { openTable } from './tables/open-table.ts';
import type { RawLine, Table, TableFormat } from './tables/table.ts';
import type { ReportBuilder } from './validation/report-builder.ts';
import type { LineReference, ReportFile } from './validation/report.ts';

/** A file to read. Its name implies its format, unless `format` is set. */
export type SourceFile = string | { readonly path: string; readonly format?: TableFormat | undefined };

/** The files to read. */
export interface SourceFiles {
  readonly events: readonly SourceFile[];
  readonly items?: readonly SourceFile[] | undefined;
  readonly users?: readonly SourceFile[] | undefined;
}

export interface ReadProgress {
  readonly stage: 'items' | 'users' | 'events';
  /** Bytes of the stage's files on the disk. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Rows of the stage's files read so far. */
  readonly doneRows: number;
}

/** A line that was refused. */
export interface RefusedLine extends RawLine {
  readonly path: string;
  readonly kind: ReportFile['kind'];
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
  report.missAttributes(kind, findMissingAttributes(tables, kind, mapping?.[kind]));
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
  kind: ReportFile['kind'],
  options: ReadOptions,
  report: ReportBuilder,
  createReader: (table: Table, reopen: () => Promise<Table>) => RowReader<Value> | Promise<RowReader<Value>>,
): Promise<void> {
  await eachTable(files, kind, options, async (table, { reopen, onRows }) => {
    const { parser, accept, endChunk } = await createReader(table, reopen);
    const { path, format, bytes } = table;
    const { columns, otherCandidates, defaultType } = parser;
    const file = report.startFile({ path, kind, format, bytes, columns, otherCandidates, defaultType });
    const refuse = (refused: { readonly field: string; readonly reason: string }, { line, raw }: RawLine): void => {
      report.refuse(refused, { file, line });
      const { field, reason } = refused;
      options.onRefused?.({ path, kind, line, field, reason, raw });
    };
    let rowsRead = 0;
    for await (const { rows, broken } of table.chunks) {
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
  });
}

async function eachTable(
  files: readonly SourceFile[],
  stage: ReadProgress['stage'],
  options: ReadOptions,
  read: (
    table: Table,
    file: {
      /** Opens a second table of the file. */
      readonly reopen: () => Promise<Table>;
      readonly onRows: (rows: number) => void;
    },
  ) => Promise<void>,
): Promise<void> {
  const sources = files.map((file) => (typeof file === 'string' ? { path: file } : file));
  const sizes = await Promise.all(sources.map(async ({ path }) => (await inspectFile(path)).bytes));
  const totalBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const done = { bytes: 0, rows: 0 };
  let first: NamedWidth | undefined;
  for (const [index, source] of sources.entries()) {
    options.signal?.throwIfAborted();
    const at = { bytes: 0, rows: 0 };
    const onProgress = (part: Partial<typeof at>): void => {
      Object.assign(at, part);
      options.onProgress?.({ stage, doneBytes: done.bytes + at.bytes, totalBytes, doneRows: done.rows + at.rows });
    };
    const mapping = stage === 'events' ? options.mapping : options.mapping?.[stage];
    const settings = {
      ...source,
      encoding: options.mapping?.encoding,
      header: mapping?.columns,
      nestedPaths: nestedPathsOf(mapping),
    };
    const table = await openTable(source.path, { ...settings, onBytes: (bytes) => onProgress({ bytes }) });
    try {
      if (mapping?.columns !== undefined && (table.format === 'csv' || table.format === 'tsv')) {
        const named = { path: source.path, width: table.columns.length };
        first ??= named;
        if (named.width !== first.width) throw otherWidth(first, named);
      }
      const reopen = (): Promise<Table> => openTable(source.path, settings);
      await read(table, { reopen, onRows: (rows) => onProgress({ rows }) });
    } finally {
      await table.close();
    }
    done.bytes += sizes[index] ?? 0;
    done.rows += at.rows;
  }
}

interface NamedWidth {
  readonly path: string;
  readonly width: number;
}

/** The names of the columns would have another meaning in the other file. */
function otherWidth(first: NamedWidth, other: NamedWidth): AppError {
  return new AppError(
    `The setting columns in facet.yaml names the columns of all files, but ${first.path} has ${first.width} columns and ${other.path} has ${other.width}.`,
    {
      code: 'EVENTS_COLUMN_MISSING',
      category: 'input',
      remedy: 'Import the files one by one into the same data home, each with its own settings (--config).',
      context: { paths: [first.path, other.path] },
    },
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
