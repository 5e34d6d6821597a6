import { isAppError, parseWith } from '@facet/platform';
import { withDuckDb } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { dayOf } from '../lake-layout.ts';
import { readLakeState } from '../lake-log.ts';
import { lakeUnreadable } from '../lake-snapshot.ts';
import { HealthBoundsSchema } from './health-bounds.ts';
import type { HealthBounds } from './health-bounds.ts';
import type { DayHealth } from './health-report.ts';
import { judgeDay } from './judge-day.ts';
import { measureDay } from './measure-day.ts';

export interface DayHealthOptions extends DuckDbOptions {
  /** Section `dataHealth` of facet.yaml; its defaults where absent. */
  readonly bounds?: HealthBounds | undefined;
  /** The clock in epoch milliseconds; the system's by default. */
  readonly now?: (() => number) | undefined;
}

/** Defaults of {@link HealthBoundsSchema}. */
export function defaultHealthBounds(): HealthBounds {
  return parseWith(HealthBoundsSchema, {}, { source: 'dataHealth' });
}

/**
 * The health of one day (`YYYY-MM-DD`, UTC) of the lake as it stands now: volume, refusals, duplicates, lateness, unknown
 * items, joins of exposures to outcomes, suspicious users, with a verdict. Reads the day, the seven days before and the one after.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_CATALOG_DAMAGED`; when a compaction has deleted a file meanwhile, `EVENTS_LAKE_SNAPSHOT_EXPIRED`
 */
export async function dayHealth(
  lakeFolder: string,
  catalogFolder: string,
  day: string,
  options: DayHealthOptions = {},
): Promise<DayHealth> {
  const bounds = options.bounds ?? defaultHealthBounds();
  const now = (options.now ?? Date.now)();
  const state = await readLakeState(lakeFolder);
  const measures = await withDuckDb(options, async (connection) =>
    measureDay(connection, { lakeFolder, catalogFolder, state }, { day, bounds, now }),
  ).catch(async (error: unknown) => {
    if (isAppError(error)) throw error;
    const files = [...state.files.values()];
    throw await lakeUnreadable({ lakeFolder, files }, error);
  });
  return { version: 1, ...measures, ...judgeDay(measures, bounds) };
}

/** The newest `count` days of the lake that have events, ascending. @throws AppError `EVENTS_LAKE_DAMAGED` */
export async function newestLakeDays(lakeFolder: string, count: number): Promise<readonly string[]> {
  const { files } = await readLakeState(lakeFolder);
  return [...new Set([...files.values()].map(({ path }) => dayOf(path)))].sort().slice(-count);
}
