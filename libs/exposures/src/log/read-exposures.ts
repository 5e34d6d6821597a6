import { utcDay } from '@facet/platform';
import { listDays, listFiles, readLogLines } from './exposure-files.ts';
import { parseExposure } from './exposure-record.ts';
import type { ExposureRecord } from './exposure-record.ts';
import { erasedBy } from './erase-exposures.ts';
import type { RecordedErasures } from './erase-exposures.ts';

export interface ReadExposuresOptions {
  /** Half-open range of `respondedAt` in epoch milliseconds; everything by default. */
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  /** Records of these users are skipped. */
  readonly erased?: RecordedErasures | undefined;
  /** Called for each unreadable line, such as the last one of a killed process. */
  readonly onDamaged?: ((path: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads the records of all processes in batches, day by day; within a day in the order of the files. */
export async function* readExposures(
  folder: string,
  options: ReadExposuresOptions = {},
): AsyncGenerator<ExposureRecord[]> {
  const isWanted = wantedBy(options);
  for (const day of await daysWithin(folder, options)) {
    for (const { path } of await listFiles(folder, day)) yield* readRecords(path, isWanted, options);
  }
}

/**
 * Returns the record of a response, searching the newest files first. Of the pages of a list it returns the first page,
 * or any page if the first is lost.
 */
export async function findExposure(
  folder: string,
  recommendationId: string,
  options: Omit<ReadExposuresOptions, 'onDamaged'> = {},
): Promise<ExposureRecord | undefined> {
  const isWanted = wantedBy(options);
  let laterPage: ExposureRecord | undefined;
  const containing = `"recommendationId":${JSON.stringify(recommendationId)}`;
  for (const day of (await daysWithin(folder, options)).reverse()) {
    for (const { path } of (await listFiles(folder, day)).reverse()) {
      for await (const records of readRecords(path, isWanted, { ...options, containing })) {
        for (const record of records.filter((one) => one.recommendationId === recommendationId)) {
          if (record.offset === 0) return record;
          laterPage ??= record;
        }
      }
    }
  }
  return laterPage;
}

function wantedBy({ from = -Infinity, before = Infinity, erased }: ReadExposuresOptions) {
  const isErased = erased === undefined ? () => false : erasedBy(erased);
  return (record: ExposureRecord): boolean =>
    record.respondedAt >= from && record.respondedAt < before && !isErased(record);
}

/** @param options.containing skips lines without this text before they are parsed. */
async function* readRecords(
  path: string,
  isWanted: (record: ExposureRecord) => boolean,
  {
    onDamaged,
    signal,
    containing,
  }: Pick<ReadExposuresOptions, 'onDamaged' | 'signal'> & { readonly containing?: string },
): AsyncGenerator<ExposureRecord[]> {
  for await (const { lines, isTorn } of readLogLines(path, { containing })) {
    signal?.throwIfAborted();
    const records: ExposureRecord[] = [];
    for (const line of lines) {
      if (containing !== undefined && !line.includes(containing)) continue;
      const record = parseExposure(line);
      if (record === undefined) onDamaged?.(path);
      else if (isWanted(record)) records.push(record);
    }
    if (isTorn) onDamaged?.(path);
    if (records.length > 0) yield records;
  }
}

/** Lists the days of the log that overlap the range, ascending. */
async function daysWithin(folder: string, { from, before }: ReadExposuresOptions): Promise<string[]> {
  const first = from === undefined || from === -Infinity ? '' : utcDay(from);
  const last = before === undefined || before === Infinity ? '9999' : utcDay(before - 1);
  return (await listDays(folder)).filter((day) => first <= day && day <= last);
}
