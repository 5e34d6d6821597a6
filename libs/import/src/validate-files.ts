import { ReportBuilder } from './validation/report-builder.ts';
import type { ValidationReport } from './validation/report.ts';
import { readEventFiles, readItemFiles, readUserFiles } from './read-files.ts';
import type { ReadOptions, SourceFiles } from './read-files.ts';

/** How to read the files; the clock defaults to the system's. */
export type ValidateOptions = Omit<ReadOptions, 'now'> & Partial<Pick<ReadOptions, 'now'>>;

/**
 * Reads files as an import would and reports what it finds; nothing is written.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` and the errors of opening a file; never for a broken line.
 */
export async function validateFiles(files: SourceFiles, options: ValidateOptions = {}): Promise<ValidationReport> {
  const reading: ReadOptions = { ...options, now: options.now ?? Date.now };
  const report = new ReportBuilder(reading.now());
  await readItemFiles(files.items ?? [], reading, report, () => undefined);
  await readUserFiles(files.users ?? [], reading, report, () => undefined);
  await readEventFiles(files.events, reading, report, () => undefined);
  return report.build();
}
