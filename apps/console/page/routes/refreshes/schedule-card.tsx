import type { Schedule } from '@facet/client/trainer-api';
import { useQuery } from '@tanstack/react-query';
import { DataTable } from '../../parts/data-table.tsx';
import { formatDuration, Time } from '../../parts/format.tsx';
import { DocLink, Stat } from '../../parts/page.tsx';
import { QueryCard } from '../../parts/states.tsx';
import { scheduleQuery } from './queries.ts';

/** When the next refreshes are due, and whether one is overdue. */
export function ScheduleCard() {
  return (
    <QueryCard
      title="Schedule"
      actions={<DocLink to="refresh.md">How refreshes are scheduled</DocLink>}
      query={useQuery(scheduleQuery)}
      what="Loading the schedule"
    >
      {(schedule) => <ScheduleFacts {...schedule} />}
    </QueryCard>
  );
}

function ScheduleFacts(schedule: Schedule) {
  const { cron, timeZone, next, completedDay, overdueSeconds, promoteWithinHours, queue } = schedule;
  const [soonest] = next;
  return (
    <>
      {overdueSeconds === 0 ? null : (
        <p className="banner" role="status">
          A refresh is {formatDuration(overdueSeconds * 1000)} overdue. No bundle was promoted by the deadline,{' '}
          {promoteWithinHours} h after the due time.
        </p>
      )}
      <div className="grid refreshes-stats">
        <Stat
          name="Next refresh"
          value={soonest === undefined ? 'off' : <Time at={soonest.dueAt} isRelative />}
          note={
            soonest === undefined
              ? 'refresh.cron is off in facet.yaml'
              : `data of ${soonest.day}; cron ${cron}, ${timeZone}`
          }
        />
        <Stat name="Newest completed day" value={completedDay ?? '–'} note="promoted or skipped" />
        <Stat
          name="Overdue"
          value={overdueSeconds === 0 ? 'no' : formatDuration(overdueSeconds * 1000)}
          note={`deadline: ${promoteWithinHours} h after the due time`}
        />
        <Stat
          name="Jobs in the queue"
          value={queue === null ? '–' : jobsOf(queue)}
          note={queue === null ? 'Redis does not respond' : 'waiting or running'}
        />
      </div>
      {next.length < 2 ? null : (
        <details>
          <summary className="small">The next {next.length} refreshes</summary>
          <DataTable
            label="Next refreshes"
            columns={['Data of', 'Starts', 'Overdue after']}
            rows={next.map(({ day, dueAt, promoteBefore }) => ({
              key: day,
              cells: [day, <Time at={dueAt} />, <Time at={promoteBefore} />],
            }))}
          />
        </details>
      )}
    </>
  );
}

const unfinished = ['waiting', 'active', 'delayed', 'prioritized', 'waiting-children'];

const jobsOf = ({ trainer, indexer }: NonNullable<Schedule['queue']>): number =>
  [trainer, indexer].flatMap((jobs) => unfinished.map((state) => jobs[state] ?? 0)).reduce((sum, jobs) => sum + jobs);
