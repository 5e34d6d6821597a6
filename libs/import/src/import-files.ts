import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, writeFileAtomically } from '@facet/platform';
import { upsertItems, upsertUsers } from '@facet/lake';
import type { LoggedEvent } from '@facet/event-log';
import { openFileEventLog } from '@facet/event-log';
import type { FileEventLog } from '@facet/event-log';
import { sha256File } from '@facet/lake';
import { sinkLog } from '@facet/lake';
import type { Event } from '@facet/schemas';
import type { Item } from '@facet/schemas';
import type { User } from '@facet/schemas';
import { inspectFile } from './tables/byte-source.ts';
import { ReportBuilder } from './validation/report-builder.ts';
import type { ValidationReport } from './validation/report.ts';
import { readEventFiles, readItemFiles, readUserFiles } from './read-files.ts';
import type { ReadOptions, ReadProgress, SourceFiles } from './read-files.ts';

/** The folders of a data home that an import writes. */
export interface ImportFolders {
  readonly logFolder: string;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  /** One record per import: skips repeated imports and resumes killed ones. */
  readonly importsFolder: string;
}

export type ImportProgress =
  ReadProgress | { readonly stage: 'lake'; readonly doneEvents: number; readonly totalEvents: number };

export interface ImportOptions extends Omit<ReadOptions, 'now' | 'onProgress'> {
  readonly home: ImportFolders;
  /** The clock in epoch milliseconds; the system's by default. */
  readonly now?: (() => number) | undefined;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
}

export interface ImportResult {
  /** False when the same files were imported before with the same mapping; nothing was written then. */
  readonly imported: boolean;
  readonly report: ValidationReport;
  /** SHA-256 of the source files, for manifests. */
  readonly sources: readonly ImportSource[];
  /** The offsets of the log that hold the events. */
  readonly offsets: { readonly from: number; readonly to: number };
}

export interface ImportSource {
  readonly kind: 'events' | 'items' | 'users';
  readonly path: string;
  readonly sha256: string;
}

interface ImportRecord {
  readonly status: 'running' | 'done';
  /** The end of the log when the import began. */
  readonly from: number;
  readonly to?: number;
  readonly report?: ValidationReport;
}

/** When the first this many lines … */
const sampleRows = 10_000;
/** … are refused to this share, the mapping is wrong rather than the lines. */
const refusedShareMax = 0.5;

/**
 * Imports files: items and users into the catalog, events through the log into the lake. Broken lines are reported, not
 * fatal. It may be aborted or killed at any point and run again: a finished import of the same files and mapping is
 * recognized by their hashes, and an unfinished one goes on behind the events that it had appended.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING`, the errors of opening a file, `EVENTS_MOSTLY_REFUSED` (before anything is
 * appended when the first lines show it, and when no event is left), `EVENTS_LOG_LOCKED`, `EVENTS_LOG_UNWRITABLE`,
 * `EVENTS_LAKE_UNWRITABLE`; the signal's reason when aborted.
 */
export async function importFiles(files: SourceFiles, options: ImportOptions): Promise<ImportResult> {
  const { home } = options;
  const reading: ReadOptions = { ...options, now: options.now ?? Date.now };
  const sources = await hashSources(files);
  const recordPath = join(home.importsFolder, `${importKey(sources, options)}.json`);
  await mkdir(home.importsFolder, { recursive: true });
  const log = await openFileEventLog(home.logFolder);
  try {
    const known = await readRecord(recordPath);
    // A record beyond the end of the log speaks of a log that is gone.
    const earlier = known !== undefined && (known.to ?? known.from) <= (await log.end()) ? known : undefined;
    if (earlier?.status === 'done' && earlier.report !== undefined && earlier.to !== undefined) {
      // A kill between the last append and the lake leaves events behind; this is nothing when there are none.
      await fillLake(log, options);
      return { imported: false, report: earlier.report, sources, offsets: { from: earlier.from, to: earlier.to } };
    }
    const from = earlier?.from ?? (await log.end());
    const record = async (value: ImportRecord): Promise<void> =>
      writeFileAtomically(recordPath, [`${JSON.stringify(value)}\n`]);
    await record({ status: 'running', from });

    const report = new ReportBuilder(reading.now());
    await importCatalog(files, { home, reading, report });
    await appendEvents(files, { log, from, reading, report });
    await fillLake(log, options);

    const to = await log.end();
    const built = report.build();
    await record({ status: 'done', from, to, report: built });
    return { imported: true, report: built, sources, offsets: { from, to } };
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

async function importCatalog(
  files: SourceFiles,
  to: { readonly home: ImportFolders; readonly reading: ReadOptions; readonly report: ReportBuilder },
): Promise<void> {
  const items: Item[] = [];
  await readItemFiles(files.items ?? [], to.reading, to.report, (item) => items.push(item));
  const users: User[] = [];
  await readUserFiles(files.users ?? [], to.reading, to.report, (user) => users.push(user));
  await upsertItems(to.home.catalogFolder, items, to.reading.now());
  await upsertUsers(to.home.catalogFolder, users);
}

async function appendEvents(
  files: SourceFiles,
  to: {
    readonly log: FileEventLog;
    readonly from: number;
    readonly reading: ReadOptions;
    readonly report: ReportBuilder;
  },
): Promise<void> {
  const { log, report } = to;
  const skipAppended = createSkipper(log, to.from);
  const start = report.progress;
  // Held back until enough lines are seen to trust the mapping: what is in the log stays there.
  let sample: Event[] | undefined = [];
  const append = async (events: readonly Event[]): Promise<void> => {
    const fresh = await skipAppended(events);
    if (fresh.length > 0) await log.append(fresh);
  };
  const judgeSample = async (): Promise<void> => {
    if (sample === undefined) return;
    const rows = report.progress.rows - start.rows;
    const accepted = report.progress.accepted - start.accepted;
    if (accepted === 0 || (rows >= 20 && accepted < rows * (1 - refusedShareMax))) throw mostlyRefused(report, rows);
    const events = sample;
    sample = undefined;
    await append(events);
  };
  await readEventFiles(files.events, to.reading, report, async (events) => {
    if (sample === undefined) return append(events);
    for (const event of events) sample.push(event);
    if (report.progress.rows - start.rows >= sampleRows) await judgeSample();
  });
  await judgeSample();
}

/**
 * Makes the function that leaves out what an earlier, unfinished run of the same import has appended already: the same
 * files give the same events in the same order, so as long as the log from `from` on agrees, its events are skipped.
 */
function createSkipper(log: FileEventLog, from: number): (events: readonly Event[]) => Promise<readonly Event[]> {
  let offset = from;
  let isAgreeing = true;
  return async (events) => {
    if (!isAgreeing) return events;
    let skipped = 0;
    while (skipped < events.length) {
      const logged: readonly LoggedEvent[] = await log.read({
        from: offset,
        limit: Math.min(20_000, events.length - skipped),
      });
      const differing = logged.findIndex(({ event }, index) => event.eventId !== events[skipped + index]?.eventId);
      const agreeing = differing === -1 ? logged.length : differing;
      skipped += agreeing;
      offset += agreeing;
      if (logged.length === 0 || differing !== -1) {
        isAgreeing = false;
        break;
      }
    }
    return events.slice(skipped);
  };
}

async function hashSources(files: SourceFiles): Promise<ImportSource[]> {
  const sources: ImportSource[] = [];
  for (const kind of ['events', 'items', 'users'] as const) {
    for (const file of files[kind] ?? []) {
      const path = typeof file === 'string' ? file : file.path;
      await inspectFile(path);
      sources.push({ kind, path, sha256: await sha256File(path) });
    }
  }
  return sources;
}

/** Names an import by everything that decides what it writes, but not by the paths of its files. */
function importKey(sources: readonly ImportSource[], options: ImportOptions): string {
  const content = sources.map(({ kind, sha256 }) => [kind, sha256]);
  return createHash('sha256')
    .update(JSON.stringify([content, options.mapping ?? {}, options.types ?? []]))
    .digest('hex')
    .slice(0, 32);
}

async function readRecord(path: string): Promise<ImportRecord | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as ImportRecord);
}

function mostlyRefused(report: ReportBuilder, rows: number): AppError {
  const refusals = report.refusals.filter(({ kind }) => kind === 'events').slice(0, 3);
  const reasons = refusals.map(({ field, reason, count, lines }) => {
    const what = field === '' ? reason : `${field}: ${reason}`;
    return `${what} (${count} lines, the first is ${lines[0]?.line})`;
  });
  const found = rows === 0 ? 'The event files have no rows' : `Most of the first ${rows} event lines are refused`;
  return new AppError(reasons.length === 0 ? `${found}.` : `${found}: ${reasons.join('; ')}.`, {
    code: 'EVENTS_MOSTLY_REFUSED',
    category: 'input',
    remedy: 'See `facet validate`; correct the file, or name its columns and time format under mapping in facet.yaml.',
    context: { rows, refusals },
  });
}
