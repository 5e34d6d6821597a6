import type { Refresh } from '@facet/client/trainer-api';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Card, DocLink, Page } from '../../parts/page.tsx';
import { Empty, QueryCard, QueryView } from '../../parts/states.tsx';
import { usePageSearch } from '../../parts/use-page-search.ts';
import { CancelRun, StartRefresh } from './dialogs.tsx';
import { LineageView } from './lineage.tsx';
import { hasEnded, outputsOf, refreshesQuery, refreshQuery } from './queries.ts';
import './refreshes.css';
import { RunDetail } from './run-detail.tsx';
import { RunList } from './run-list.tsx';
import { ScheduleCard } from './schedule-card.tsx';

const runsAtFirst = 30;
const runsMax = 1_000;

export function Content() {
  const [limit, setLimit] = useState(runsAtFirst);
  return (
    <Page name="refreshes" actions={<StartRefresh />}>
      <ScheduleCard />
      <QueryView query={useQuery(refreshesQuery(limit))} what="Loading the runs">
        {({ refreshes }) => (
          <Runs
            refreshes={refreshes}
            onMore={refreshes.length < limit || limit >= runsMax ? undefined : () => setLimit(runsMax)}
          />
        )}
      </QueryView>
    </Page>
  );
}

interface RunsProps {
  readonly refreshes: readonly Refresh[];
  /** Loads older runs; undefined if all are shown. */
  readonly onMore: (() => void) | undefined;
}

function Runs({ refreshes, onMore }: RunsProps) {
  const [search] = usePageSearch('refreshes');
  const inProgress = refreshes.find((report) => !hasEnded(report));
  const shown = search.run ?? (inProgress ?? refreshes[0])?.run.runId;
  if (shown === undefined) {
    return (
      <Card>
        <Empty title="There are no runs yet">
          Start a refresh, or run <code>facet refresh</code>. <DocLink to="refresh.md">How refreshes work</DocLink>
        </Empty>
        {search.artifact === undefined ? null : <LineageView id={search.artifact} />}
      </Card>
    );
  }
  return (
    <ShownRun runId={shown} listed={refreshes.find(({ run }) => run.runId === shown)} artifact={search.artifact}>
      <Card title="Runs">
        <RunList runs={refreshes} shown={shown} />
        {onMore === undefined ? null : (
          <button type="button" className="button small" onClick={onMore}>
            Show older runs
          </button>
        )}
      </Card>
    </ShownRun>
  );
}

interface ShownRunProps {
  readonly runId: string;
  readonly listed: Refresh | undefined;
  readonly artifact: string | undefined;
  /** The list of runs. */
  readonly children: ReactNode;
}

function ShownRun({ runId, listed, artifact, children }: ShownRunProps) {
  // The list is newer than the cached run when another user of the console changed it.
  const query = useQuery({ ...refreshQuery(runId), placeholderData: listed, refetchInterval: 10_000 });
  const { data: report } = query;
  const traced = artifact ?? (report === undefined ? undefined : artifactOf(report));
  return (
    <>
      <div className="runs">
        {children}
        <QueryCard
          title={`Run ${runId}`}
          actions={report === undefined || hasEnded(report) ? null : <CancelRun key={runId} report={report} />}
          query={query}
          what="Loading the run"
        >
          {(loaded) => <RunDetail key={runId} report={loaded} />}
        </QueryCard>
      </div>
      <LineageCard id={traced} isChosen={artifact !== undefined} />
    </>
  );
}

function artifactOf(report: Refresh): string | undefined {
  const { bundleId, modelId, datasetId } = outputsOf(report);
  return bundleId ?? modelId ?? datasetId;
}

function LineageCard({ id, isChosen }: { readonly id: string | undefined; readonly isChosen: boolean }) {
  if (id === undefined) return null;
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
