import type { Refresh } from '@facet/client/trainer-api';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { formatCount, formatDuration, formatShare } from '../../parts/format.ts';
import { DocLink } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { hasEnded, lineageQuery, outputsOf, stageNames } from './queries.ts';
import type { StageRecord } from './queries.ts';
import { RunState, stageColors } from './run-state.tsx';
import { TrainingCurves } from './training-curves.tsx';
import { useNow } from '../../parts/use-now.ts';
import { useRunEvents } from './use-run-events.ts';
import type { LiveProgress } from './use-run-events.ts';

/** One run: its stages, live while it runs, and its training curves. */
export function RunDetail({ report }: { readonly report: Refresh }) {
  const { run, state, reason, stages } = report;
  const isLive = !hasEnded(report);
  const live = useRunEvents(run.runId, isLive && run.place === 'queue');
  const now = useNow(isLive);
  const { bundleId, modelId, badDays = [] } = outputsOf(report);
  return (
    <div className="stack">
      <div className="row">
        <RunState state={state} />
        <span className="muted small">
          Data day {run.day}. Requested by {run.requestedBy} at <Time at={run.requestedAt} />
          {run.isForced ? ', forced' : ''}
          {run.isFull ? ', with a full training' : ''}.
        </span>
      </div>
      {run.acceptedBadData === undefined ? null : (
        <p>
          Accepts bad data: {run.acceptedBadData} <span className="muted">{badDays.join(' ')}</span>
        </p>
      )}
      {reason === undefined ? null : <p className={state === 'failed' ? 'error-text' : undefined}>{reason}</p>}
      {state === 'rejected' ? <RejectedBundle bundleId={bundleId} /> : null}
      <ol className="stage-list">
        {stageNames.map((name) => (
          <StageRow
            key={name}
            name={name}
            record={stages.find(({ stage }) => stage === name)}
            live={live?.stage === name ? live : undefined}
            now={now}
          />
        ))}
      </ol>
      {isLive && run.place === 'here' ? (
        <p className="small muted">facet refresh runs the stages in its own process, which shows their progress.</p>
      ) : null}
      <TrainingCurves modelId={modelId} live={live?.progress.epochs} />
    </div>
  );
}

/** What to do about a rejected bundle, while it exists. */
function RejectedBundle({ bundleId }: { readonly bundleId: string | undefined }) {
  const { data: lineage, isLoading } = useQuery({ ...lineageQuery(bundleId ?? ''), enabled: bundleId !== undefined });
  if (isLoading) return null;
  const isKept = lineage?.bundle?.isGone === false;
  return (
    <p className="small muted">
      {isKept ? (
        <>
          The bundle is kept.{' '}
          <Link to="/compare" search={{ after: bundleId }}>
            Compare it with the current one
          </Link>{' '}
          before you promote it.{' '}
        </>
      ) : (
        'The bundle was deleted. '
      )}
      <DocLink to="promotion.md">How promotion works</DocLink>
    </p>
  );
}

interface StageRowProps {
  readonly name: string;
  readonly record: StageRecord | undefined;
  readonly live: LiveProgress | undefined;
  readonly now: number;
}

function StageRow({ name, record, live, now }: StageRowProps) {
  const color = record === undefined ? 'var(--border)' : stageColors[record.stage];
  const isRunning = record?.state === 'running';
  return (
    <li className="stage-row">
      <span className="swatch" style={{ background: color }} aria-hidden />
      <span className="stage-name">{name}</span>
      <span className="small muted stage-state">{record === undefined ? 'not started' : describe(record)}</span>
      <span className="small numeric">
        {record === undefined
          ? ''
          : formatDuration(Math.max(0, (record.endedAt ?? (isRunning ? now : record.startedAt)) - record.startedAt))}
      </span>
      {isRunning && live !== undefined ? <StageProgressBar live={live} /> : null}
      {record?.problem === undefined ? null : (
        <p className="error-text stage-problem small">
          {record.problem.message} {record.problem.remedy ?? ''}
        </p>
      )}
    </li>
  );
}

function StageProgressBar({ live }: { readonly live: LiveProgress }) {
  // The detail of a training contains its loss.
  const { share, detail, examplesPerSecond, etaSeconds } = live.progress;
  const facts = [
    detail,
    ...(examplesPerSecond === undefined ? [] : [`${formatCount(examplesPerSecond)} examples/s`]),
    ...(etaSeconds === undefined ? [] : [`at most ${formatDuration(etaSeconds * 1000)} left`]),
  ];
  return (
    <div className="stage-progress">
      <progress value={share} max={1} aria-label={`Progress of ${live.stage}`} />
      <span className="small">{formatShare(share)}</span>
      <span className="small muted stage-facts">{facts.join(' · ')}</span>
    </div>
  );
}

function describe({ state, attempt, isReused, willRetry, outputs }: StageRecord): string {
  if (state === 'running') return attempt > 1 ? `running, attempt ${attempt}` : 'running';
  if (state === 'failed') return willRetry === true ? `failed, attempt ${attempt}; will retry` : 'failed';
  if (outputs?.skipped !== undefined) return 'skipped: no new data';
  return isReused === true ? 'finished: reused an earlier result' : 'finished';
}
