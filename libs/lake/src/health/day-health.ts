import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@facet/platform';
import type { DuckDbOptions } from '../duckdb.ts';
import type { DataHealthSettings } from './health-bounds.ts';
import type { DayHealth } from './health-report.ts';
import { judgeDay } from './judge-day.ts';
import { filesAround, measureDay } from './measure-day.ts';
import { dayOf } from '../layout.ts';
import { queryFiles } from '../transaction-log/snapshot.ts';
import { readLakeState } from '../transaction-log/lake-log.ts';

export interface DayHealthOptions extends DuckDbOptions {
  /** Section `dataHealth` of facet.yaml. */
  readonly settings: DataHealthSettings;
  /** The clock in epoch milliseconds, by default the system clock. */
  readonly now?: (() => number) | undefined;
}

/**
 * Checks the health of one UTC day (`YYYY-MM-DD`) of the current lake: volume, refusals, duplicates, lateness, unknown items,
 * joins of exposures to outcomes, and suspicious users. Reads the day, the seven days before and the day after.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`; as `readLake`
 */
export async function dayHealth(
  lakeFolder: string,
  catalogFolder: string,
  day: string,
  options: DayHealthOptions,
): Promise<DayHealth> {
  const { settings } = options;
  const now = (options.now ?? Date.now)();
  const state = await readLakeState(lakeFolder);
  const lake = { lakeFolder, files: [...state.files.values()] };
  const measures = await queryFiles(lake, filesAround(state, day).all, options, (connection, opened) =>
    measureDay(connection, { lakeFolder: opened.lakeFolder, catalogFolder, state }, { day, settings, now }),
  );
  return { version: 1, ...measures, ...judgeDay(measures, settings) };
}

/** Returns the newest `count` days of the lake with events, ascending. @throws AppError as `openLakeSnapshot` */
export async function newestLakeDays(lakeFolder: string, count: number): Promise<readonly string[]> {
  const { files } = await readLakeState(lakeFolder);
  return [...new Set([...files.values()].map(({ path }) => dayOf(path)))].sort().slice(-count);
}

/**
 * Stores a day's health as `<folder>/<day>.json`, replacing an earlier one. The ids of suspicious users are left out, because
 * erasures do not reach this file.
 */
export async function storeDayHealth(folder: string, health: DayHealth): Promise<void> {
  await mkdir(folder, { recursive: true });
  const stored = { ...health, suspiciousUsers: { ...health.suspiciousUsers, examples: [] } };
  await writeFileAtomically(join(folder, `${health.day}.json`), [`${JSON.stringify(stored)}\n`]);
}
