import { isScheduled } from '@facet/pipeline/runs';
import type { RefreshSchedule } from '@facet/pipeline/runs';
import type { Queue } from 'bullmq';

/** The name of the one schedule, and of its jobs. */
const scheduleId = 'refresh';

/** How late the next moment of a schedule may be before it counts as stuck. */
const latenessMsMax = 60_000;

type Repair = 'added' | 'changed' | 'stuck' | 'removed';

/**
 * Makes the schedules in the queue be those that are wanted. Whatever removed or altered them, they are as they were a minute
 * later.
 *
 * @returns what had to be done.
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
  const repair = whatIsWrong(ours, { cron, timeZone }, now);
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

function whatIsWrong(
  scheduler: { readonly pattern?: string; readonly tz?: string; readonly next?: number } | undefined,
  wanted: Pick<RefreshSchedule, 'cron' | 'timeZone'>,
  now: number,
): Exclude<Repair, 'removed'> | undefined {
  if (scheduler === undefined) return 'added';
  if (scheduler.pattern !== wanted.cron || scheduler.tz !== wanted.timeZone) return 'changed';
  return (scheduler.next ?? 0) < now - latenessMsMax ? 'stuck' : undefined;
}
