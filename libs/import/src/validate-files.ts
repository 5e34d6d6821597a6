import type { AppError } from '@facet/platform';
import { readEventFiles, readItemFiles, readUserFiles } from './read-files.ts';
import type { ReadOptions, SourceFiles } from './read-files.ts';
import type { LearningRule } from './validation/learning.ts';
import { findMostlyRefused, hasSample } from './validation/mostly-refused.ts';
import { ReportBuilder } from './validation/report-builder.ts';
import type { ValidationReport } from './validation/report.ts';

/** How to read the files. The clock defaults to the system clock. */
export interface ValidateOptions extends Omit<ReadOptions, 'now'>, Partial<Pick<ReadOptions, 'now'>> {
  /** With a rule, the report says what the model learns from. */
  readonly learning?: LearningRule | undefined;
}

export interface FilesValidation {
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
  await readItemFiles(files.items ?? [], reading, report, () => undefined);
  await readUserFiles(files.users ?? [], reading, report, () => undefined);
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
