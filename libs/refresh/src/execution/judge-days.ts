import { dayHealth, describeHealthReason, judgedChecks, newestLakeDays, storeDayHealth } from '@facet/lake';
import type { DayHealth } from '@facet/lake';
import { AppError, dayMs, utcDay } from '@facet/platform';
import type { StageContext } from '@facet/stages';
import { boundsOf, shiftDay } from '@facet/runs';
import type { RefreshRun, RunReport } from '@facet/runs';

/** A volume is compared with this many days, if each of them has events. */
const baselineDays = 7;
/** Limits the time of the check after a long pause, and of the search for a day to compare with: the newest days count. */
const judgedDaysMax = 31;

/**
 * Judges the new days, which no earlier run has read. For each failed check of data health, it looks at the last earlier day with
 * enough events for the check. The new day is bad if the earlier day passed the check. So a shop that always fails a check is
 * refreshed, such as one that imports each day a day late. A volume counts only after a week with events on each day. The first run
 * judges nothing.
 *
 * @param reports of all runs
 * @returns the bad days with their reasons, if the run accepts them
 * @throws AppError `REFRESH_DATA_BAD` unless the run accepts bad days; as `dayHealth`
 */
export async function judgeNewDays(
  { home, config }: StageContext,
  run: RefreshRun,
  reports: readonly RunReport[],
  signal?: AbortSignal,
): Promise<string[]> {
  const { dataHealth: settings, dataset, refresh } = config;
  const days = settings.blockRefresh ? findNewDays(run, reports, refresh.timeZone) : [];
  const checkDay = (day: string): Promise<DayHealth> =>
    dayHealth(home.lakeFolder, home.catalogFolder, day, { ...dataset, settings, signal });
  const bad: DayHealth[] = [];
  for (const day of days) {
    const health = await checkDay(day);
    await storeDayHealth(home.healthFolder, health);
    if (badReasons(health, settings.eventsMin).length > 0) bad.push(health);
  }
  if (bad.length === 0) return [];
  const failed = bad.flatMap((health) => badReasons(health, settings.eventsMin).map(({ check }) => check));
  const earlier = (await newestLakeDays(home.lakeFolder, Infinity)).filter((day) => day < days[0]!);
  const passed = new Set<string>();
  const undecided = new Set<string>(failed);
  for (const day of earlier.slice(-judgedDaysMax).reverse()) {
    if (undecided.size === 0) break;
    const health = await checkDay(day);
    for (const check of judgedChecks(health, settings)) {
      const isBad = health.reasons.some((reason) => reason.check === check && reason.severity === 'bad');
      if (undecided.delete(check) && !isBad) passed.add(check);
    }
  }
  const described = bad.flatMap((health) => {
    const reasons = badReasons(health, settings.eventsMin).filter(({ check }) => passed.has(check));
    const texts = reasons.map((reason) => `${describeHealthReason(reason)} (${reason.check})`);
    return texts.length === 0 ? [] : [{ day: health.day, text: `${health.day}: ${texts.join('; ')}` }];
  });
  if (described.length > 0 && run.acceptedBadData === undefined) throw dataBad(run, described);
  return described.map(({ text }) => text);
}

/** Returns the UTC days after the newest day whose dataset another run has built, ascending. */
function findNewDays({ runId, cut }: RefreshRun, reports: readonly RunReport[], timeZone: string): string[] {
  const read = reports.filter(
    ({ run, stages }) =>
      run.runId !== runId && stages.some(({ stage, state }) => stage === 'dataset' && state === 'finished'),
  );
  if (read.length === 0) return [];
  const newest = read
    .map(({ run }) => run.day)
    .sort()
    .at(-1)!;
  const from = Math.max(boundsOf(newest, timeZone).before, cut.occurredBefore - judgedDaysMax * dayMs);
  const days: string[] = [];
  for (let day = utcDay(from); Date.parse(day) < cut.occurredBefore; day = shiftDay(day, 1)) days.push(day);
  return days;
}

function badReasons({ reasons, volume }: DayHealth, eventsMin: number): DayHealth['reasons'] {
  const hasBaseline = volume.trailing.length === baselineDays && (volume.trailingMean ?? 0) >= eventsMin;
  const needsBaseline = (check: string): boolean => check === 'no-events' || check.startsWith('volume-');
  return reasons.filter(({ severity, check }) => severity === 'bad' && (hasBaseline || !needsBaseline(check)));
}

function dataBad({ day }: RefreshRun, bad: readonly { readonly day: string; readonly text: string }[]): AppError {
  return new AppError(`The data is bad. ${bad.map(({ text }) => text).join('. ')}.`, {
    code: 'REFRESH_DATA_BAD',
    category: 'input',
    remedy:
      `See facet validate --day ${bad[0]!.day}, fix the data and refresh again. Or accept the data with ` +
      `facet refresh --day ${day} --accept-bad-data "REASON". dataHealth.strictness in facet.yaml decides the bounds.`,
    context: { days: bad.map((of) => of.day) },
  });
}
