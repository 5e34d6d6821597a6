import type { Event, Item, Refusal, User } from '@facet/schemas';
import { createItemRowParser, createUserRowParser } from './mapping/catalog-rows.ts';
import type { ColumnMapping } from './mapping/column-mapping.ts';
import { createEventRowParser } from './mapping/event-rows.ts';
import { inspectFile } from './tables/byte-source.ts';
import { openTable } from './tables/open-table.ts';
import { fileTooLarge } from './tables/read-bounds.ts';
import type { ReadBounds } from './tables/read-bounds.ts';
import type { Table, TableFormat, TableRow } from './tables/table.ts';
import type { ReportBuilder } from './validation/report-builder.ts';
import type { ReportFile } from './validation/report.ts';

/** A file to read. Its name implies its format, unless `format` is set. */
export type SourceFile = string | { readonly path: string; readonly format?: TableFormat; readonly delimiter?: string };

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
  readonly bounds?: ReadBounds | undefined;
}

/** Reads item files, passes the accepted items to `onItem` and adds all rows to `report`. */
export async function readItemFiles(
  files: readonly SourceFile[],
  options: ReadOptions,
  report: ReportBuilder,
  onItem: (item: Item) => void,
): Promise<void> {
  await readRows<{ readonly ok: true; readonly item: Item }>(files, 'items', options, report, (table) => {
    const parser = createItemRowParser(table, options.mapping?.items);
    return {
      ...parser,
      accept: ({ item }, file) => {
        report.acceptItem(item.itemId, file);
        onItem(item);
      },
    };
  });
}

/** Reads user files, passes the accepted users to `onUser` and adds all rows to `report`. */
export async function readUserFiles(
  files: readonly SourceFile[],
  options: ReadOptions,
  report: ReportBuilder,
  onUser: (user: User) => void,
): Promise<void> {
  await readRows<{ readonly ok: true; readonly user: User }>(files, 'users', options, report, (table) => {
    const parser = createUserRowParser(table, options.mapping?.users);
    return {
      ...parser,
      accept: ({ user }, file) => {
        report.acceptUser(user.userId, file);
        onUser(user);
      },
    };
  });
}

/** Reads event files in order, passes the accepted events of each chunk to `onEvents` and adds all rows to `report`. */
export async function readEventFiles(
  files: readonly SourceFile[],
  options: ReadOptions,
  report: ReportBuilder,
  onEvents: (events: readonly Event[]) => void | Promise<void>,
): Promise<void> {
  await readRows<{ readonly ok: true; readonly event: Event }>(files, 'events', options, report, (table) => {
    let events: Event[] = [];
    return {
      ...createEventRowParser(table, { mapping: options.mapping, types: options.types }),
      accept: ({ event }, file, line) => {
        report.acceptEvent(event, file, line);
        events.push(event);
      },
      endChunk: async () => {
        await onEvents(events);
        events = [];
      },
    };
  });
}

interface RowReader<Parsed extends { readonly ok: true }> {
  readonly columns: Readonly<Record<string, string>>;
  readonly defaultType?: string | undefined;
  parse(row: TableRow, now: number): Parsed | Refusal;
  accept(parsed: Parsed, file: number, line: number): void;
  endChunk?(): Promise<void>;
}

async function readRows<Parsed extends { readonly ok: true }>(
  files: readonly SourceFile[],
  kind: ReportFile['kind'],
  options: ReadOptions,
  report: ReportBuilder,
  createReader: (table: Table) => RowReader<Parsed>,
): Promise<void> {
  await eachTable(files, kind, options, async (table) => {
    const reader = createReader(table);
    const { path, format, bytes } = table;
    const { columns, defaultType } = reader;
    const file = report.startFile({ path, kind, format, bytes, columns, defaultType });
    const rowsMax = options.bounds?.rowsMax ?? Infinity;
    let rowsRead = 0;
    for await (const { rows, broken } of table.chunks) {
      options.signal?.throwIfAborted();
      rowsRead += rows.length + broken.length;
      if (rowsRead > rowsMax) throw fileTooLarge(path, `has more than ${rowsMax} rows`);
      for (const { line, reason } of broken) report.refuse(file, line, '', reason);
      const now = options.now();
      for (const row of rows) {
        const parsed = reader.parse(row, now);
        if (parsed.ok) reader.accept(parsed, file, row.line);
        else report.refuse(file, row.line, parsed.field, parsed.reason);
      }
      await reader.endChunk?.();
    }
  });
}

async function eachTable(
  files: readonly SourceFile[],
  stage: ReadProgress['stage'],
  options: ReadOptions,
  read: (table: Table) => Promise<void>,
): Promise<void> {
  const sources = files.map((file) => (typeof file === 'string' ? { path: file } : file));
  const sizes = await Promise.all(sources.map(async ({ path }) => (await inspectFile(path)).bytes));
  const totalBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  let earlierBytes = 0;
  for (const [index, source] of sources.entries()) {
    options.signal?.throwIfAborted();
    const table = await openTable(source.path, {
      ...source,
      bounds: options.bounds,
      onBytes: (bytes) => options.onProgress?.({ stage, doneBytes: earlierBytes + bytes, totalBytes }),
    });
    try {
      await read(table);
    } finally {
      await table.close();
    }
    earlierBytes += sizes[index] ?? 0;
  }
}
