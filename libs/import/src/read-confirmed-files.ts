import type { Event, Item, User } from '@facet/schemas';
import { readEventFiles, readItemFiles, readUserFiles } from './read-files.ts';
import type { ReadOptions, SourceFiles } from './read-files.ts';
import { hasSample, refuseMostlyRefused } from './validation/mostly-refused.ts';
import type { ReportBuilder } from './validation/report-builder.ts';

/** Reads all items and users. @throws AppError the errors of reading files; `EVENTS_MOSTLY_REFUSED` if most items or most users are refused. */
export async function readConfirmedCatalog(
  files: SourceFiles,
  options: ReadOptions,
  report: ReportBuilder,
): Promise<{ readonly items: readonly Item[]; readonly users: readonly User[] }> {
  const items: Item[] = [];
  await readItemFiles(files.items ?? [], options, report, (item) => items.push(item));
  refuseMostlyRefused(report, 'items');
  const users: User[] = [];
  await readUserFiles(files.users ?? [], options, report, (user) => users.push(user));
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
