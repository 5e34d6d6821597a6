import type { ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { overdueSeconds } from '@facet/pipeline/runs';
import type { RefreshSchedule, RunReport, RunStore } from '@facet/pipeline/runs';
import { runsReadMax } from '@facet/refresh';

/** The newest runs, and all promotions. */
export interface Refreshes {
  /** The newest first. */
  readonly reports: readonly RunReport[];
  /** Oldest first. */
  readonly promotions: readonly PromotionRecord[];
}

export async function readRefreshes(runs: RunStore, store: ArtifactStore): Promise<Refreshes> {
  const [reports, promotions] = await Promise.all([runs.list({ limit: runsReadMax }), store.promotions()]);
  return { reports, promotions };
}

/**
 * Returns the seconds since a newer bundle should have been promoted; 0 while there is time.
 *
 * @param options.startedAt the start of this process, epoch milliseconds; used before the first run and promotion
 */
export function secondsOverdue(
  refreshes: Refreshes,
  {
    schedule,
    startedAt,
    now,
  }: { readonly schedule: RefreshSchedule; readonly startedAt: number; readonly now: number },
): number {
  const requested = refreshes.reports.map(({ run }) => run.requestedAt);
  const since = Math.min(startedAt, ...requested, refreshes.promotions[0]?.at ?? Infinity);
  return overdueSeconds(now, schedule, { completed: newestCompleted(refreshes), since });
}

/** Returns the newest day whose run was promoted or skipped. */
export function newestCompleted({ promotions, reports }: Refreshes): string | undefined {
  const promoted = promotions.flatMap(({ kind, ref, run }) => {
    // A manual promotion records no run. The run that built the bundle gives the day.
    const day = run?.day ?? reports.find(({ stages }) => bundleOf(stages) === ref?.id)?.run.day;
    return kind === 'promote' && day !== undefined ? [day] : [];
  });
  const skipped = reports.filter(({ state }) => state === 'skipped').map(({ run }) => run.day);
  return [...promoted, ...skipped].sort().at(-1);
}

function bundleOf(stages: RunReport['stages']): string | undefined {
  return stages.findLast(({ outputs }) => outputs?.bundleId !== undefined)?.outputs?.bundleId;
}
