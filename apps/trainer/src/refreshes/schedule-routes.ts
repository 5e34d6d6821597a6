import type { ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { artifactErrors, describeRoutes } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { isScheduled, nextRefreshes, overdueSeconds } from '@facet/runs';
import type { RefreshSchedule, RunStore, RunReport } from '@facet/runs';
import { epochMs, hourMs } from '@facet/platform';
import { runsReadMax } from '@facet/refresh';
import type { RefreshQueue, Scheduler } from '@facet/refresh';
import { Type } from 'typebox';

export interface ScheduleDeps {
  readonly runs: RunStore;
  readonly store: ArtifactStore;
  readonly queue: Pick<RefreshQueue, 'counts'>;
  readonly schedule: RefreshSchedule;
  readonly scheduler: Pick<Scheduler, 'isHolder'>;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

const Time = epochMs('Epoch milliseconds.');
const Jobs = Type.Record(Type.String(), Type.Integer(), { description: 'Number of jobs by state.' });

const Schedule = Type.Object(
  {
    cron: Type.String({ description: 'Five or six cron fields, or `off`.' }),
    timeZone: Type.String({ description: 'The time zone of the cron pattern and of the data days.' }),
    promoteWithinHours: Type.Number({ description: 'The time from the due time to the promotion.' }),
    next: Type.Array(
      Type.Object({
        day: Type.String({ description: 'The data day.' }),
        dueAt: Time,
        promoteBefore: epochMs('Epoch milliseconds. The refresh is overdue after this time.'),
      }),
      { description: 'The next refreshes, soonest first; none without a schedule.' },
    ),
    completedDay: Type.Union([Type.String(), Type.Null()], {
      description: 'The newest day whose run was promoted or skipped.',
    }),
    overdueSeconds: Type.Number({ description: 'Seconds since a newer bundle should have been promoted; 0 in time.' }),
    isHolder: Type.Boolean({ description: 'Whether this trainer maintains the schedule. One trainer does.' }),
    queue: Type.Union([Type.Object({ trainer: Jobs, indexer: Jobs }), Type.Null()], {
      description: 'The jobs of the workers; null during an outage of Redis.',
    }),
  },
  {
    title: 'Schedule',
    examples: [
      {
        cron: '30 2 * * *',
        timeZone: 'UTC',
        promoteWithinHours: 6,
        next: [{ day: '2026-01-31', dueAt: 1_769_913_000_000, promoteBefore: 1_769_934_600_000 }],
        completedDay: '2026-01-30',
        overdueSeconds: 0,
        isHolder: true,
        queue: { trainer: { waiting: 0, active: 0 }, indexer: { waiting: 0, active: 0 } },
      },
    ],
  },
);

const nextCount = 5;

/** Adds `GET /v1/schedule`. */
export function addScheduleRoutes(app: HttpApp, deps: ScheduleDeps): void {
  const { runs, store, queue, schedule, scheduler, now } = deps;
  const startedAt = now();
  app.get(
    '/v1/schedule',
    describeRoutes({ scope: 'read', tag: 'refreshes', errors: artifactErrors })({
      operationId: 'readSchedule',
      summary: 'Read when the next refreshes are due, and whether one is overdue',
      response: Schedule,
    }),
    async () => {
      const refreshes = await readRefreshes(runs, store);
      const { cron, timeZone, promoteWithinHours } = schedule;
      const next = isScheduled(schedule) ? nextRefreshes(now(), schedule, nextCount) : [];
      return {
        cron,
        timeZone,
        promoteWithinHours,
        next: next.map(({ day, dueAt }) => ({ day, dueAt, promoteBefore: dueAt + promoteWithinHours * hourMs })),
        completedDay: newestCompleted(refreshes) ?? null,
        overdueSeconds: secondsOverdue(refreshes, { schedule, startedAt, now: now() }),
        isHolder: scheduler.isHolder,
        queue: await queue.counts().catch(() => null),
      };
    },
  );
}

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
function newestCompleted({ promotions, reports }: Refreshes): string | undefined {
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
