import { isScheduled } from '@facet/pipeline/runs';
import type { RefreshSchedule } from '@facet/pipeline/runs';
import { minuteMs } from '@facet/platform';
import type { Queue } from 'bullmq';

/** The name of the schedule and of its jobs. */
const scheduleId = 'refresh';

/** How far in the past the next time of a schedule may be before the schedule counts as stuck. */
const latenessMsMax = minuteMs;

type Repair = 'added' | 'changed' | 'stuck' | 'removed';

/**
 * Makes the schedules in the queue equal to `facet.yaml`, whatever removed or changed them.
 *
 * @returns the repairs that were necessary
 */
export async function reconcileSchedule(
  queue: Queue,
  { cron, timeZone }: Pick<RefreshSchedule, 'cron' | 'timeZone'>,
  now: number,
): Promise<Repair[]> {
  const actual = await queue.getJobSchedulers();
  const repairs: Repair[] = [];
  for (const { key } of actual) {
    if (key === scheduleId && isScheduled({ cron })) continue;
    await queue.removeJobScheduler(key);
    repairs.push('removed');
  }
  if (!isScheduled({ cron })) return repairs;
  const ours = actual.find(({ key }) => key === scheduleId);
  const repair = findRepair(ours, { cron, timeZone }, now);
  if (repair !== undefined) {
    await queue.upsertJobScheduler(
      scheduleId,
      { pattern: cron, tz: timeZone },
      { name: scheduleId, opts: { removeOnComplete: 10, removeOnFail: 10 } },
    );
    repairs.push(repair);
  }
  return repairs;
}

function findRepair(
  scheduler: { readonly pattern?: string; readonly tz?: string; readonly next?: number } | undefined,
  wanted: Pick<RefreshSchedule, 'cron' | 'timeZone'>,
  now: number,
): Exclude<Repair, 'removed'> | undefined {
  if (scheduler === undefined) return 'added';
  if (scheduler.pattern !== wanted.cron || scheduler.tz !== wanted.timeZone) return 'changed';
  return (scheduler.next ?? 0) < now - latenessMsMax ? 'stuck' : undefined;
}
