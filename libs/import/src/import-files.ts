import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openFileEventLog } from '@facet/event-log';
import type { FileEventLog, LoggedEvent } from '@facet/event-log';
import { sinkLog, upsertItems, upsertUsers } from '@facet/lake';
import { createFolder, hashFile } from '@facet/platform';
import type { Event } from '@facet/schemas';
import { readOtherRecords, readRecord, writeRecord } from './import-record.ts';
import {
  readConfirmedCatalog,
  readConfirmedEvents,
  refuseMostlyRefused,
  validateFiles,
} from './read-confirmed-files.ts';
import type { ReadOptions, ReadProgress, SourceFiles } from './read-files.ts';
import { inspectFile } from './tables/byte-source.ts';
import { fileKinds } from './tables/formats.ts';
import type { FileKind } from './tables/formats.ts';
import type { LearningRule } from './validation/report-counters.ts';
import { ReportBuilder } from './validation/report-builder.ts';
import type { ValidationReport } from './validation/report.ts';

/** The folders of a data home that an import writes. */
export interface ImportFolders {
  readonly logFolder: string;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  /** One record per import, used to skip finished imports and to resume killed ones. */
  readonly importsFolder: string;
}

export type ImportProgress =
  ReadProgress | { readonly stage: 'lake'; readonly doneEvents: number; readonly totalEvents: number };

export interface ImportOptions extends Omit<ReadOptions, 'now' | 'onProgress'> {
  readonly home: ImportFolders;
  /** With a rule, the report says what the model learns from. */
  readonly learning?: LearningRule | undefined;
  /** The clock in epoch milliseconds, by default the system clock. */
  readonly now?: (() => number) | undefined;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
}

export interface ImportResult {
  /** False when the same files were imported earlier with the same mapping. Then no event was written. */
  readonly imported: boolean;
  /** Has no examples if nothing was imported, unless the files were read again to count the events of another rule. */
  readonly report: ValidationReport;
  /** SHA-256 of the source files, for manifests. */
  readonly sources: readonly ImportSource[];
  /** The offsets of the events in the event log. */
  readonly offsets: { readonly from: number; readonly to: number };
  /** The other events of the event log. `readFiles` returns the files of events of other imports into the home. */
  readonly others: { readonly events: number; readonly readFiles: () => Promise<string[]> };
}

export interface ImportSource {
  readonly kind: FileKind;
  readonly path: string;
  readonly sha256: string;
  /** The format, if the name does not decide it. */
  readonly format?: string;
}

/** Increase this when the same files give other records, so that a repeated import reads them again. */
const readerVersion = 5;

/**
 * Imports items and users into the catalog, and events through the event log into the lake. Broken lines are reported and
 * skipped. The import may be aborted or killed at any point and run again. It recognizes a finished import of the same files
 * and mapping by their hashes, and resumes an unfinished import after the events already appended.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING`, the errors of opening a file, `EVENTS_MOSTLY_REFUSED` (before any event is
 * appended), `EVENTS_LOG_LOCKED`, `EVENTS_LOG_BEHIND`, `EVENTS_LOG_UNWRITABLE`, `EVENTS_LAKE_UNWRITABLE`, `IMPORT_RECORD_DAMAGED`. The
 * signal's reason when aborted.
 */
export async function importFiles(files: SourceFiles, options: ImportOptions): Promise<ImportResult> {
  const { home } = options;
  const reading: ReadOptions = { ...options, now: options.now ?? Date.now };
  const sources = await hashSources(files);
  const recordPath = join(home.importsFolder, `${importKey(sources, options)}.json`);
  await createFolder(home.importsFolder);
  const log = await openFileEventLog(home.logFolder);
  const resultOf = async (
    imported: boolean,
    offsets: ImportResult['offsets'],
    report: ValidationReport,
  ): Promise<ImportResult> => {
    const readFiles = async (): Promise<string[]> => {
      const records = await readOtherRecords(recordPath);
      const read = records.flatMap((record) => record.report?.files ?? []).filter(({ kind }) => kind === 'events');
      return [...new Set(read.map(({ path }) => path))];
    };
    // A repeated validation may accept more: events that were too far ahead at the import.
    const events = Math.max(0, (await log.end()) - report.events.accepted);
    return { imported, report, sources, offsets, others: { events, readFiles } };
  };
  try {
    // A kill after the last append may have left events that the lake does not contain. If the log lost events that the lake contains, the
    // lake would skip new ones at their offsets: this fails before any is appended.
    await fillLake(log, options);
    const known = await readRecord(recordPath);
    // A record beyond the end of the log belongs to a deleted log.
    const earlier = known !== undefined && (known.to ?? known.from) <= (await log.end()) ? known : undefined;
    if (earlier?.status === 'done' && earlier.report !== undefined && earlier.to !== undefined) {
      let { report } = earlier;
      const { learning } = options;
      if (files.events.length > 0 && learning !== undefined && report.learning?.rule !== learning.rule) {
        // Only the files show which events another rule counts.
        ({ report } = await validateFiles(files, { ...reading, learning, onRefused: undefined }));
        await writeRecord(recordPath, { ...earlier, report });
      }
      return await resultOf(false, { from: earlier.from, to: earlier.to }, report);
    }
    const from = earlier?.from ?? (await log.end());
    await writeRecord(recordPath, { status: 'running', from });

    const report = new ReportBuilder(reading.now(), options.learning);
    const { items, users } = await readConfirmedCatalog(files, reading, report);
    await upsertItems(home.catalogFolder, items, reading.now());
    await upsertUsers(home.catalogFolder, users);
    const skipAppended = createResumeFilter(log, from);
    await readConfirmedEvents(files, reading, report, async (events) => {
      const fresh = await skipAppended(events);
      if (fresh.length > 0) await log.append(fresh);
    });
    const isEmpty = files.events.length > 0 && report.progressOf('events').rows === 0;
    if (isEmpty) refuseMostlyRefused(report, 'events');
    await fillLake(log, options);

    const to = await log.end();
    const built = report.build();
    await writeRecord(recordPath, { status: 'done', from, to, report: built });
    return await resultOf(true, { from, to }, built);
  } finally {
    await log.close();
  }
}

async function fillLake(log: FileEventLog, { home, signal, onProgress }: ImportOptions): Promise<void> {
  await sinkLog(log, home.lakeFolder, {
    signal,
    onProgress: (doneEvents, totalEvents) => onProgress?.({ stage: 'lake', doneEvents, totalEvents }),
  });
}

/**
 * Returns the function that drops events that an unfinished run of the same import has already appended. The same files give
 * the same events in the same order, so events are dropped while they equal those of the log from `from` on.
 */
function createResumeFilter(log: FileEventLog, from: number): (events: readonly Event[]) => Promise<readonly Event[]> {
  let offset = from;
  let isResuming = true;
  return async (events) => {
    if (!isResuming) return events;
    let skipped = 0;
    while (skipped < events.length) {
      const logged: readonly LoggedEvent[] = await log.read({
        from: offset,
        limit: Math.min(20_000, events.length - skipped),
      });
      const differing = logged.findIndex(({ event }, index) => event.eventId !== events[skipped + index]?.eventId);
      const equal = differing === -1 ? logged.length : differing;
      skipped += equal;
      offset += equal;
      if (logged.length === 0 || differing !== -1) {
        isResuming = false;
        break;
      }
    }
    return events.slice(skipped);
  };
}

async function hashSources(files: SourceFiles): Promise<ImportSource[]> {
  const sources: ImportSource[] = [];
  for (const kind of fileKinds) {
    for (const file of files[kind] ?? []) {
      const path = typeof file === 'string' ? file : file.path;
      await inspectFile(path);
      const format = typeof file === 'string' ? undefined : file.format;
      sources.push({ kind, path, sha256: (await hashFile(path)).sha256, ...(format === undefined ? {} : { format }) });
    }
  }
  return sources;
}

/** Returns the key of an import: a hash of everything that decides its result. Paths of files do not. */
function importKey(sources: readonly ImportSource[], options: ImportOptions): string {
  const content = sources.map(({ kind, sha256, format = null }) => [kind, sha256, format]);
  return createHash('sha256')
    .update(JSON.stringify([readerVersion, content, options.mapping ?? {}, options.types ?? []]))
    .digest('hex')
    .slice(0, 32);
}
