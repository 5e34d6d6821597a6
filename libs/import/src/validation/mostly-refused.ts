import { AppError, countOf } from '@facet/platform';
import { mappingOf, quoteSample } from './render-report.ts';
import type { ReportBuilder } from './report-builder.ts';
import type { ReportFile, ReportRefusal } from './report.ts';

/** When more than this share of the rows is refused, the mapping is wrong and the import fails. */
const refusedShareMax = 0.5;
const sampleRows = 10_000;

/** Returns whether enough events are read to judge them. An import judges the first rows, because the log is append-only. */
export function hasSample(report: ReportBuilder): boolean {
  return report.progressOf('events').rows >= sampleRows;
}

/** @throws AppError as {@link findMostlyRefused} returns it. */
export function refuseMostlyRefused(report: ReportBuilder, kind: ReportFile['kind']): void {
  const error = findMostlyRefused(report, kind);
  if (error !== undefined) throw error;
}

/** Returns `EVENTS_MOSTLY_REFUSED` with the reasons if most rows of a kind so far are refused, or the event files have no rows. */
export function findMostlyRefused(report: ReportBuilder, kind: ReportFile['kind']): AppError | undefined {
  const { rows, accepted } = report.progressOf(kind);
  if (rows === 0 && kind !== 'events') return undefined;
  return isMostlyRefused(rows, accepted) ? mostlyRefused(report, kind, rows) : undefined;
}

function isMostlyRefused(rows: number, accepted: number): boolean {
  return accepted === 0 || (rows >= 20 && accepted < rows * (1 - refusedShareMax));
}

function mostlyRefused(report: ReportBuilder, kind: ReportFile['kind'], rows: number): AppError {
  const refusals = report.refusals.filter((refusal) => refusal.kind === kind).slice(0, 3);
  const reasons = refusals.map(({ field, reason, count, lines, samples = [] }) => {
    const values = samples.length === 0 ? '' : ` ${samples.map(quoteSample).join(', ')}`;
    const label = (field === '' ? reason : `${field}: ${reason}`) + values;
    return `${label} (${countOf(count, 'row')}, the first at ${report.place(lines[0]!)})`;
  });
  const problem = rows === 0 ? 'The event files have no rows' : `Most of the first ${rows} rows of ${kind} are invalid`;
  return new AppError(reasons.length === 0 ? `${problem}.` : `${problem}: ${reasons.join('; ')}.`, {
    code: 'EVENTS_MOSTLY_REFUSED',
    category: 'input',
    remedy: remedyOf(refusals[0]),
    context: { rows, refusals },
  });
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
