import type { ArtifactStore } from '@facet/artifacts';
import { problemResponses } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { isScheduled, nextRefreshes } from '@facet/pipeline/runs';
import type { RefreshSchedule, RunStore } from '@facet/pipeline/runs';
import type { RefreshQueue, Scheduler } from '@facet/refresh';
import { epochMs, hourMs } from '@facet/platform';
import { Type } from 'typebox';
import { newestCompleted, readRefreshes, secondsOverdue } from './schedule-status.ts';

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
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'readSchedule',
        summary: 'Read when the next refreshes are due, and whether one is overdue',
        tags: ['refreshes'],
        response: { 200: Schedule, ...problemResponses },
      },
    },
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
