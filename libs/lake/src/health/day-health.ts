import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@facet/platform';
import type { DuckDbOptions } from '../duckdb.ts';
import { dayOf } from '../layout.ts';
import { readLakeState } from '../transaction-log/lake-log.ts';
import { queryFiles } from '../transaction-log/snapshot.ts';
import { healthBounds } from './health-report.ts';
import type {
  BoundedCheck,
  DataHealthSettings,
  DayHealth,
  DayMeasures,
  HealthCheck,
  HealthReason,
  HealthVerdict,
} from './health-report.ts';
import { filesAround, measureDay } from './measure-day.ts';

interface DayHealthOptions extends DuckDbOptions {
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

interface JudgedValue {
  readonly value: number;
  /** The number of events that the value is a share of. */
  readonly sampleSize: number;
}

/** Compares the measures of a day with the bounds. */
export function judgeDay(
  measures: DayMeasures,
  settings: DataHealthSettings,
): { verdict: HealthVerdict; reasons: HealthReason[] } {
  const reasons: HealthReason[] = [];
  if (isEmptyDay(measures) && !settings.ignore.includes('no-events')) {
    reasons.push({ check: 'no-events', severity: 'bad', value: 0, bound: 0 });
  }
  for (const [check, { value }] of judgedValues(measures, settings)) {
    const { warning, bad } = healthBounds[check][settings.strictness];
    const isBeyond = (limit: number): boolean => (check === 'volume-low' ? value < limit : value > limit);
    if (isBeyond(bad)) reasons.push({ check, severity: 'bad', value, bound: bad });
    else if (isBeyond(warning)) reasons.push({ check, severity: 'warning', value, bound: warning });
  }
  const isBad = reasons.some(({ severity }) => severity === 'bad');
  return { verdict: isBad ? 'bad' : reasons.length > 0 ? 'warning' : 'ok', reasons };
}

/** Returns the checks that the day passes or fails, because they are on and it has enough events for them. */
export function judgedChecks(measures: DayMeasures, settings: DataHealthSettings): HealthCheck[] {
  return ['no-events', ...judgedValues(measures, settings).map(([check]) => check)];
}

function isEmptyDay({ events, isOver }: DayMeasures): boolean {
  return events.count === 0 && isOver;
}

function judgedValues(
  measures: DayMeasures,
  { eventsMin, ignore }: DataHealthSettings,
): (readonly [BoundedCheck, JudgedValue])[] {
  const { events, identity, volume, intake, duplicates, lateness, unknownItems, joins, suspiciousUsers } = measures;
  const { outcomes } = joins;
  const ratio =
    volume.ratio === undefined || isEmptyDay(measures)
      ? undefined
      : { value: volume.ratio, sampleSize: volume.trailingMean ?? 0 };
  const values: Readonly<Record<BoundedCheck, JudgedValue | undefined>> = {
    'volume-low': ratio,
    'volume-high': ratio,
    refused: { value: intake.refusedShare, sampleSize: intake.accepted + intake.duplicate + intake.refused },
    duplicates: { value: duplicates.share, sampleSize: events.rows },
    late: { value: lateness.lateShare, sampleSize: events.count - lateness.backfilled },
    // Without a catalog, no item is unknown.
    'unknown-items': unknownItems && { value: unknownItems.share, sampleSize: events.count - identity.identifies },
    'unmatched-outcomes': { value: 1 - (outcomes.rate ?? 1), sampleSize: outcomes.count },
    'suspicious-users': { value: suspiciousUsers.share, sampleSize: events.count },
  };
  return (Object.keys(values) as BoundedCheck[]).flatMap((check) => {
    const judged = values[check];
    return judged === undefined || judged.sampleSize < eventsMin || ignore.includes(check)
      ? []
      : [[check, judged] as const];
  });
}
