import { readEventFiles, readItemFiles, readUserFiles } from './read-files.ts';
import type { ReadOptions, SourceFiles } from './read-files.ts';
import type { LearningRule } from './validation/learning.ts';
import { ReportBuilder } from './validation/report-builder.ts';
import type { ValidationReport } from './validation/report.ts';

/** How to read the files. The clock defaults to the system clock. */
export interface ValidateOptions extends Omit<ReadOptions, 'now'>, Partial<Pick<ReadOptions, 'now'>> {
  /** With a rule, the report says what the model learns from. */
  readonly learning?: LearningRule | undefined;
}

/**
 * Reads files as an import does and returns the validation report. Nothing is written.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` and the errors of opening a file, `EVENTS_FILE_TOO_LARGE` above `options.bounds`. Broken lines are reported instead.
 */
export async function validateFiles(files: SourceFiles, options: ValidateOptions = {}): Promise<ValidationReport> {
  const reading: ReadOptions = { ...options, now: options.now ?? Date.now };
  const report = new ReportBuilder(reading.now(), options.learning);
  await readItemFiles(files.items ?? [], reading, report, () => undefined);
  await readUserFiles(files.users ?? [], reading, report, () => undefined);
  await readEventFiles(files.events, reading, report, () => undefined);
  return report.build();
}
