import type { Refresh, Schedule } from '@facet/client/trainer-api';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { PageSearch } from '../../../src/pages.ts';
import { dataOf, trainer } from '../../api/fetch-api.ts';
import { DataTable } from '../../parts/data-table.tsx';
import { ActionDialog } from '../../parts/dialog.tsx';
import { formatDuration, Time } from '../../parts/format.tsx';
import { Card, DocLink, Page, Stat } from '../../parts/page.tsx';
import { Empty, QueryCard, QueryView } from '../../parts/states.tsx';
import { usePageSearch } from '../../parts/use-page-search.ts';
import { LineageView } from './lineage.tsx';
import { hasEnded, outputsOf, refreshesQuery, refreshQuery, scheduleQuery } from './queries.ts';
import './refreshes.css';
import { RunDetail, RunList } from './runs.tsx';

const runsAtFirst = 30;
const runsMax = 1_000;

export function Content() {
  const [limit, setLimit] = useState(runsAtFirst);
  const [search] = usePageSearch('refreshes');
  return (
    <Page name="refreshes" actions={<StartRefresh />}>
      <ScheduleCard />
      <QueryView query={useQuery(refreshesQuery(limit))} what="Loading the runs">
        {({ refreshes }) => {
          const inProgress = refreshes.find((report) => !hasEnded(report));
          const shown = search.run ?? (inProgress ?? refreshes[0])?.run.runId;
          if (shown === undefined) return <NoRuns {...search} />;
          return (
            <ShownRun runId={shown} refreshes={refreshes} artifact={search.artifact}>
              {refreshes.length < limit || limit >= runsMax ? null : (
                <button type="button" className="button small" onClick={() => setLimit(runsMax)}>
                  Show older runs
                </button>
              )}
            </ShownRun>
          );
        }}
      </QueryView>
    </Page>
  );
}

function NoRuns({ artifact }: PageSearch<'refreshes'>) {
  return (
    <Card>
      <Empty title="There are no runs yet">
        Start a refresh, or run <code>facet refresh</code>. <DocLink to="refresh.md">How refreshes work</DocLink>
      </Empty>
      {artifact === undefined ? null : <LineageView id={artifact} />}
    </Card>
  );
}

interface ShownRunProps {
  readonly runId: string;
  readonly refreshes: readonly Refresh[];
  readonly artifact: string | undefined;
  /** Below the list of runs. */
  readonly children: ReactNode;
}

function ShownRun({ runId, refreshes, artifact, children }: ShownRunProps) {
  // The list is newer than the cached run when another user of the console changed it.
  const listed = refreshes.find(({ run }) => run.runId === runId);
  const query = useQuery({ ...refreshQuery(runId), placeholderData: listed, refetchInterval: 10_000 });
  const { data: report } = query;
  const { bundleId, modelId, datasetId } = report === undefined ? {} : outputsOf(report);
  const traced = artifact ?? bundleId ?? modelId ?? datasetId;
  return (
    <>
      <div className="runs">
        <Card title="Runs">
          <RunList runs={refreshes} shown={runId} />
          {children}
        </Card>
        <QueryCard
          title={`Run ${runId}`}
          actions={report === undefined || hasEnded(report) ? null : <CancelRun key={runId} report={report} />}
          query={query}
          what="Loading the run"
        >
          {(loaded) => <RunDetail key={runId} report={loaded} />}
        </QueryCard>
      </div>
      {traced === undefined ? null : <LineageCard id={traced} isChosen={artifact !== undefined} />}
    </>
  );
}

function LineageCard({ id, isChosen }: { readonly id: string; readonly isChosen: boolean }) {
  const back = (
    <Link
      to="/refreshes"
      search={(search) => ({ ...search, artifact: undefined })}
      resetScroll={false}
      className="small"
    >
      Back to the run
    </Link>
  );
  return (
    <Card
      title="Lineage"
      actions={isChosen ? back : <DocLink to="architecture.md#artifacts">How artifacts depend on each other</DocLink>}
    >
      <LineageView id={id} />
    </Card>
  );
}

/** When the next refreshes are due, and whether one is overdue. */
function ScheduleCard() {
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

/** A button that requests a refresh, and shows the new run. */
function StartRefresh() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [day, setDay] = useState('');
  const [force, setForce] = useState(false);
  const [full, setFull] = useState(false);
  const [acceptBadData, setAcceptBadData] = useState('');
  const start = useMutation({
    mutationFn: async () => {
      const given = { day: day || undefined, acceptBadData: acceptBadData.trim() === '' ? undefined : acceptBadData };
      const call = trainer.POST('/v1/refreshes', { body: { ...given, force, full } });
      // 200: the request would only repeat this run.
      return { report: await dataOf(call), isNew: (await call).response.status === 202 };
    },
  });
  const submit = (close: () => void): void =>
    start.mutate(undefined, {
      onSuccess({ report, isNew }) {
        if (!isNew) return;
        const { runId } = report.run;
        client.setQueryData(refreshQuery(runId).queryKey, report);
        void client.invalidateQueries({ queryKey: ['trainer'] });
        close();
        void navigate({ to: '/refreshes', search: { run: runId } });
      },
    });
  return (
    <ActionDialog
      button="Start a refresh"
      className="primary"
      title="Start a refresh"
      description="Trainer and indexer build a bundle from the data of a day. The gate compares it with the current one, and promotes it if it passes."
      action="Start"
      mutation={start}
      onSubmit={submit}
    >
      <label className="field">
        <span>Data day</span>
        <input className="input" type="date" value={day} onChange={({ target }) => setDay(target.value)} />
        <small className="muted">Empty: the newest day that is over.</small>
      </label>
      <label className="row">
        <input type="checkbox" checked={force} onChange={({ target }) => setForce(target.checked)} />
        Force: run even without new data or if the day is finished
      </label>
      <label className="row">
        <input type="checkbox" checked={full} onChange={({ target }) => setFull(target.checked)} />
        Full training, without a warm start
      </label>
      <label className="field">
        <span>Reason to accept bad data</span>
        <input
          className="input"
          value={acceptBadData}
          maxLength={1_000}
          onChange={({ target }) => setAcceptBadData(target.value)}
        />
        <small className="muted">Empty: a new day with bad data stops the run.</small>
      </label>
      {start.data?.isNew === false ? (
        <p className="banner" role="status">
          No run was started. Run {start.data.report.run.runId} already covers this request.
        </p>
      ) : null}
    </ActionDialog>
  );
}

/** A button that cancels a run that has not ended. */
function CancelRun({ report }: { readonly report: Refresh }) {
  const { runId } = report.run;
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const cancel = useMutation({
    mutationFn: () =>
      dataOf(
        trainer.POST('/v1/refreshes/{runId}/cancel', {
          params: { path: { runId } },
          body: { reason: reason.trim() === '' ? undefined : reason },
        }),
      ),
    onSuccess: (canceled) => {
      client.setQueryData(refreshQuery(runId).queryKey, canceled);
      void client.invalidateQueries({ queryKey: ['trainer'] });
    },
  });
  return (
    <ActionDialog
      button="Cancel this run"
      className="small danger"
      title={`Cancel run ${runId}`}
      description="The current stage stops within a second. Finished stages are kept, and the next run of that day reuses them."
      action="Cancel the run"
      isDanger
      mutation={cancel}
      onSubmit={(close) => cancel.mutate(undefined, { onSuccess: close })}
    >
      <label className="field">
        <span>Reason</span>
        <input className="input" value={reason} maxLength={1000} onChange={({ target }) => setReason(target.value)} />
        <small className="muted">Saved in the run record.</small>
      </label>
    </ActionDialog>
  );
}
