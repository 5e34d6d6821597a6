import { countOf } from '@facet/platform';
import type { AppError } from '@facet/platform';
import type { Event, Item, User } from '@facet/schemas';
import { inputError } from './input-error.ts';
import { readCatalogFiles, readEventFiles } from './read-files.ts';
import type { ReadOptions, SourceFiles } from './read-files.ts';
import type { FileKind } from './tables/formats.ts';
import type { LearningRule } from './validation/report-counters.ts';
import { mappingOf, quoteSample } from './validation/render-report.ts';
import { ReportBuilder } from './validation/report-builder.ts';
import type { ReportRefusal, ValidationReport } from './validation/report.ts';

/** When more than this share of the rows is refused, the mapping is wrong and the import fails. */
const refusedShareMax = 0.5;
const sampleRows = 10_000;

/** Returns whether enough events are read to judge them. An import judges the first rows, because the log is append-only. */
function hasSample(report: ReportBuilder): boolean {
  return report.progressOf('events').rows >= sampleRows;
}

/** @throws AppError as {@link findMostlyRefused} returns it. */
export function refuseMostlyRefused(report: ReportBuilder, kind: FileKind): void {
  const error = findMostlyRefused(report, kind);
  if (error !== undefined) throw error;
}

/** Returns `EVENTS_MOSTLY_REFUSED` with the reasons if most rows of a kind so far are refused, or the event files have no rows. */
function findMostlyRefused(report: ReportBuilder, kind: FileKind): AppError | undefined {
  const { rows, accepted } = report.progressOf(kind);
  if (rows === 0 && kind !== 'events') return undefined;
  if (accepted > 0 && (rows < 20 || accepted >= rows * (1 - refusedShareMax))) return undefined;
  const refusals = report.refusals.filter((refusal) => refusal.kind === kind).slice(0, 3);
  const reasons = refusals.map(({ field, reason, count, lines, samples = [] }) => {
    const values = samples.length === 0 ? '' : ` ${samples.map(quoteSample).join(', ')}`;
    const label = (field === '' ? reason : `${field}: ${reason}`) + values;
    return `${label} (${countOf(count, 'row')}, the first at ${report.locate(lines[0]!)})`;
  });
  const problem = rows === 0 ? 'The event files have no rows' : `Most of the first ${rows} rows of ${kind} are invalid`;
  return inputError(
    'EVENTS_MOSTLY_REFUSED',
    reasons.length === 0 ? `${problem}.` : `${problem}: ${reasons.join('; ')}.`,
    remedyOf(refusals[0]),
    { rows, refusals },
  );
}

const remedies: Readonly<Record<string, string>> = {
  'time-order-unclear':
    'Set mapping.timeFormat in facet.yaml to the format of the column, such as "D/M/YYYY H:mm", "M/D/YYYY H:mm" or "M/D/YYYY h:mm:ss A".',
  'not-a-time':
    'If the column contains times, set mapping.timeFormat in facet.yaml to their format, such as "YYYY-MM-DD HH". Else set mapping.occurredAt to the column of the time.',
  'missing-word':
    'Facet reads words such as NULL as missing ids. Remove these rows. If the words are ids, set mapping.missingIds: [] in facet.yaml. If most rows have no user, another column such as the session can be the user: set mapping.userId.',
  'not-utf8': 'Set mapping.encoding in facet.yaml, for example to windows-1252.',
  'unknown-type': 'Map the types under mapping.typeNames in facet.yaml, or declare them under eventTypes.',
};

function remedyOf(refusal: ReportRefusal | undefined): string {
  if (refusal?.nestedPath !== undefined) return `The value is an object. Set ${mappingOf(refusal)} in facet.yaml.`;
  return (
    remedies[refusal?.reason ?? ''] ??
    'Correct the file, or set mapping in facet.yaml. Run facet validate with --refused FILE to see the refused lines.'
  );
}

/** Reads all items and users. @throws AppError the errors of reading files; `EVENTS_MOSTLY_REFUSED` if most items or most users are refused. */
export async function readConfirmedCatalog(
  files: SourceFiles,
  options: ReadOptions,
  report: ReportBuilder,
): Promise<{ readonly items: readonly Item[]; readonly users: readonly User[] }> {
  const items: Item[] = [];
  await readCatalogFiles('items', files.items ?? [], options, report, (item) => items.push(item));
  refuseMostlyRefused(report, 'items');
  const users: User[] = [];
  await readCatalogFiles('users', files.users ?? [], options, report, (user) => users.push(user));
  refuseMostlyRefused(report, 'users');
  return { items, users };
}

/**
 * Reads events and passes them to `onEvents`. The first call waits until enough rows confirm the mapping, because event logs are
 * append-only. Accepts empty files.
 *
 * @throws AppError the errors of reading files; `EVENTS_MOSTLY_REFUSED`, before the first call of `onEvents`, if most of the first rows are
 *   refused.
 */
export async function readConfirmedEvents(
  files: SourceFiles,
  options: ReadOptions,
  report: ReportBuilder,
  onEvents: (events: readonly Event[]) => Promise<void>,
): Promise<void> {
  let sample: Event[] | undefined = [];
  const releaseSample = async (): Promise<void> => {
    if (sample === undefined) return;
    refuseMostlyRefused(report, 'events');
    const events = sample;
    sample = undefined;
    await onEvents(events);
  };
  await readEventFiles(files.events, options, report, async (events) => {
    if (sample === undefined) return onEvents(events);
    for (const event of events) sample.push(event);
    if (hasSample(report)) await releaseSample();
  });
  if (report.progressOf('events').rows > 0) await releaseSample();
}

/** How to read the files. The clock defaults to the system clock. */
export interface ValidateOptions extends Omit<ReadOptions, 'now'>, Partial<Pick<ReadOptions, 'now'>> {
  /** With a rule, the report says what the model learns from. */
  readonly learning?: LearningRule | undefined;
}

interface FilesValidation {
  readonly report: ValidationReport;
  /** The `EVENTS_MOSTLY_REFUSED` that ends an import of the files. */
  readonly importError: AppError | undefined;
}

/**
 * Reads files as an import does, and judges the same rows. Nothing is written.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` and the errors of opening a file. Broken lines are reported instead.
 */
export async function validateFiles(files: SourceFiles, options: ValidateOptions = {}): Promise<FilesValidation> {
  const reading: ReadOptions = { ...options, now: options.now ?? Date.now };
  const report = new ReportBuilder(reading.now(), options.learning);
  await readCatalogFiles('items', files.items ?? [], reading, report, () => undefined);
  await readCatalogFiles('users', files.users ?? [], reading, report, () => undefined);
  let isJudged = files.events.length === 0;
  let eventsError: AppError | undefined;
  const judgeEvents = (): void => {
    if (!isJudged) eventsError = findMostlyRefused(report, 'events');
    isJudged = true;
  };
  await readEventFiles(files.events, reading, report, () => {
    if (hasSample(report)) judgeEvents();
  });
  judgeEvents();
  const importError = findMostlyRefused(report, 'items') ?? findMostlyRefused(report, 'users') ?? eventsError;
  return { report: report.build(), importError };
}
