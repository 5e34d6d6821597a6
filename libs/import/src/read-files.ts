import type { ColumnMapping } from './mapping/column-mapping.ts';
import { createEventRowParser } from './mapping/event-rows.ts';
import { createItemRowParser, createUserRowParser } from './mapping/item-rows.ts';
import type { Event } from '@facet/schemas';
import type { Item } from '@facet/schemas';
import type { Refusal } from '@facet/schemas';
import type { User } from '@facet/schemas';
import { inspectFile } from './tables/byte-source.ts';
import { openTable } from './tables/open-table.ts';
import type { Table, TableFormat, TableRow } from './tables/table.ts';
import type { ReportBuilder } from './validation/report-builder.ts';
import type { ReportFile } from './validation/report.ts';

/** A file to read; its format is told by its name unless it is given. */
export type SourceFile = string | { readonly path: string; readonly format?: TableFormat; readonly delimiter?: string };

/** What to read. Events are needed for a model; items and users are known better with their files. */
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
  /** Declared event types beside the standard ones. */
  readonly types?: readonly string[] | undefined;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}

/** Reads item files into `take`, telling `report` what was taken and what not. */
export async function readItemFiles(
  files: readonly SourceFile[],
  options: ReadOptions,
  report: ReportBuilder,
  take: (item: Item) => void,
): Promise<void> {
  await readRows<{ readonly ok: true; readonly item: Item }>(files, 'items', options, report, (table) => {
    const parser = createItemRowParser(table, options.mapping?.items);
    return {
      ...parser,
      accept: ({ item }, file) => {
        report.acceptItem(item.itemId, file);
        take(item);
      },
    };
  });
}

/** Reads user files into `take`, telling `report` what was taken and what not. */
export async function readUserFiles(
  files: readonly SourceFile[],
  options: ReadOptions,
  report: ReportBuilder,
  take: (user: User) => void,
): Promise<void> {
  await readRows<{ readonly ok: true; readonly user: User }>(files, 'users', options, report, (table) => {
    const parser = createUserRowParser(table, options.mapping?.users);
    return {
      ...parser,
      accept: ({ user }, file) => {
        report.acceptUser(user.userId, file);
        take(user);
      },
    };
  });
}

/** Reads event files and passes on the accepted events of each chunk, in the order of the files. */
export async function readEventFiles(
  files: readonly SourceFile[],
  options: ReadOptions,
  report: ReportBuilder,
  take: (events: readonly Event[]) => void | Promise<void>,
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
        await take(events);
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
    const defaultType = reader.defaultType === undefined ? {} : { defaultType: reader.defaultType };
    const file = report.startFile({ path, kind, format, bytes, columns: reader.columns, ...defaultType });
    for await (const { rows, broken } of table.chunks) {
      options.signal?.throwIfAborted();
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
