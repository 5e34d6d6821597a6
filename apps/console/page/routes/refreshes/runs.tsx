import type { Refresh } from '@facet/client/trainer-api';
import { describeFit, describeFitChoice } from '@facet/runs/describe-fit';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { interestColor } from '../../parts/colors.ts';
import { formatCount, formatDuration, formatNumber, formatShare, Time, useNow } from '../../parts/format.tsx';
import { LineChart } from '../../parts/line-chart.tsx';
import type { LineSeries } from '../../parts/line-chart.tsx';
import { DocLink } from '../../parts/page.tsx';
import { useVisibleRows } from '../../parts/use-visible-rows.ts';
import { hasEnded, lineageQuery, outputsOf, refreshQuery, stageColors, stageNames, trainingQuery } from './queries.ts';
import type { Epoch, StageName, StageRecord } from './queries.ts';

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

/** The progress of a stage, as `GET /v1/refreshes/{runId}/events` sends it. */
interface StageProgress {
  readonly share: number;
  readonly detail: string;
  readonly examplesPerSecond?: number;
  readonly loss?: number;
  readonly etaSeconds?: number;
  readonly epochs?: readonly Epoch[];
}

interface LiveProgress {
  readonly runId: string;
  readonly stage: StageName;
  readonly progress: StageProgress;
}

/** The browser reconnects a broken stream. After a refused request it does not, so the page opens a new one. */
const reopenMs = 5_000;

/** Follows a run: keeps its query up to date, and returns the progress of its stage. */
function useRunEvents(runId: string, isFollowed: boolean): LiveProgress | undefined {
  const client = useQueryClient();
  const [live, setLive] = useState<LiveProgress>();

  useEffect(() => {
    if (!isFollowed) return undefined;
    let source: EventSource | undefined;
    let reopening: ReturnType<typeof setTimeout> | undefined;
    const open = (): void => {
      source = new EventSource(`/api/trainer/v1/refreshes/${encodeURIComponent(runId)}/events`);
      source.addEventListener('progress', ({ data }: MessageEvent<string>) => {
        setLive({ runId, ...(JSON.parse(data) as Omit<LiveProgress, 'runId'>) });
      });
      source.addEventListener('report', ({ data }: MessageEvent<string>) => {
        const { report } = JSON.parse(data) as { readonly report: Refresh };
        client.setQueryData(refreshQuery(runId).queryKey, report);
        if (!hasEnded(report)) return;
        source?.close();
        void client.invalidateQueries({ queryKey: ['trainer'] });
      });
      source.addEventListener('error', () => {
        if (source?.readyState === EventSource.CLOSED) reopening = setTimeout(open, reopenMs);
      });
    };
    open();
    return () => {
      clearTimeout(reopening);
      source?.close();
    };
  }, [client, runId, isFollowed]);

  return live?.runId === runId ? live : undefined;
}

const tones: Readonly<Record<Refresh['state'], string>> = {
  waiting: '',
  running: 'accent',
  promoted: 'good',
  rejected: 'warning',
  skipped: '',
  failed: 'bad',
  canceled: '',
};

function RunState({ state }: Pick<Refresh, 'state'>) {
  return <span className={`badge ${tones[state]}`}>{state}</span>;
}

const rowPx = 74;

/** The runs as a timeline: the stages of each run on one scale. Only visible rows are drawn. */
export function RunList({ runs, shown }: { readonly runs: readonly Refresh[]; readonly shown: string }) {
  const now = useNow(runs.some((report) => !hasEnded(report)));
  const longestMs = Math.max(1, ...runs.map((report) => spanOf(report, now).ms));
  const { scroller, rows, height } = useVisibleRows(runs.length, rowPx);
  return (
    <div className="stack">
      <ul className="row small muted" aria-label="Colors of the stages">
        {stageNames.map((stage) => (
          <li key={stage} className="row">
            <span className="swatch" style={{ background: stageColors[stage] }} aria-hidden />
            {stage}
          </li>
        ))}
      </ul>
      <div ref={scroller} className="run-list">
        <ol aria-label="Runs, newest first" style={{ height }}>
          {rows.map(({ index, start }) => {
            const report = runs[index]!;
            return (
              <li key={report.run.runId} style={{ top: start, height: rowPx }}>
                <RunRow report={report} isShown={report.run.runId === shown} now={now} longestMs={longestMs} />
              </li>
            );
          })}
        </ol>
      </div>
    </div>
  );
}

interface RunRowProps {
  readonly report: Refresh;
  readonly isShown: boolean;
  readonly now: number;
  readonly longestMs: number;
}

function RunRow({ report, isShown, now, longestMs }: RunRowProps) {
  const { run, state, reason, stages } = report;
  const { from, ms } = spanOf(report, now);
  return (
    <Link
      to="/refreshes"
      search={{ run: run.runId }}
      className="run-row"
      aria-current={isShown ? 'true' : undefined}
      resetScroll={false}
    >
      <span className="run-row-head">
        <strong>{run.runId}</strong>
        <RunState state={state} />
        <span className="small muted run-row-time">
          {stages.length === 0 ? <Time at={run.requestedAt} isRelative /> : formatDuration(ms)}
        </span>
      </span>
      {stages.length === 0 ? null : (
        <span className="run-bar" aria-hidden>
          {stages.map(({ stage, state: stageState, startedAt, endedAt = now }) => (
            <span
              key={stage}
              className={`run-bar-stage ${stageState}`}
              title={`${stage}: ${formatDuration(Math.max(0, endedAt - startedAt))}`}
              style={{
                left: `${(100 * (startedAt - from)) / longestMs}%`,
                width: `${(100 * Math.max(0, endedAt - startedAt)) / longestMs}%`,
                background: stageColors[stage],
              }}
            />
          ))}
        </span>
      )}
      <span className="small muted run-row-reason">
        {reason ?? `by ${run.requestedBy}`} · <Time at={run.requestedAt} />
      </span>
    </Link>
  );
}

/** Returns the start of the first stage, and the time to the end of the last. */
function spanOf({ stages }: Refresh, now: number): { readonly from: number; readonly ms: number } {
  if (stages.length === 0) return { from: 0, ms: 0 };
  const from = Math.min(...stages.map(({ startedAt }) => startedAt));
  const before = Math.max(...stages.map(({ state, endedAt = state === 'running' ? now : from }) => endedAt));
  return { from, ms: Math.max(0, before - from) };
}

interface TrainingCurvesProps {
  /** The trained model; undefined before the training has finished. */
  readonly modelId: string | undefined;
  /** The epochs of the training in progress. */
  readonly live: readonly Epoch[] | undefined;
}

/** Epochs differ by hundredths of a percent. */
const formatRecall = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** The loss and the recall of each epoch. Shows nothing before the first epoch, and for a model that was deleted. */
function TrainingCurves({ modelId, live }: TrainingCurvesProps) {
  const { data: training } = useQuery({ ...trainingQuery(modelId ?? ''), enabled: modelId !== undefined });
  const epochs: readonly Epoch[] = training?.epochs ?? live ?? [];
  if (epochs.length === 0) return null;
  const last = Math.max(...epochs.map(({ epoch }) => epoch));
  const first = Math.min(...epochs.map(({ epoch }) => epoch));
  const x = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const seriesOf = (read: (epoch: Epoch) => number | undefined): LineSeries[] =>
    [...linesOf(epochs)].map(([name, own], index) => ({
      name,
      color: interestColor(index),
      values: x.map((number) => {
        const found = own.find(({ epoch }) => epoch === number);
        return (found && read(found)) ?? null;
      }),
    }));
  const losses = seriesOf(({ loss }) => loss);
  const recalls = seriesOf(({ recall }) => recall).filter(({ values }) => values.some((value) => value !== null));
  return (
    <div className="stack">
      <div className="row">
        <h3>Training</h3>
        <span className="small muted">
          {training === undefined
            ? 'by epoch'
            : `${training.start === 'warm' ? 'from an earlier model' : 'from the beginning'}, best epoch ${training.bestEpoch}`}
        </span>
        <DocLink to="model.md">How a model is trained</DocLink>
      </div>
      {training === undefined ? null : <p className="small">{describeFitChoice(training)}.</p>}
      <div className="grid">
        <LineChart title="Loss" x={x} series={losses} format={formatNumber} />
        <LineChart title="Recall@50 in the validation window" x={x} series={recalls} format={formatRecall} />
      </div>
    </div>
  );
}

/** Returns one line for each fit and refit. */
function linesOf(epochs: readonly Epoch[]): ReadonlyMap<string, readonly Epoch[]> {
  const lines = new Map<string, Epoch[]>();
  for (const epoch of epochs) {
    const { phase, interests, labels } = epoch;
    const name = interests === undefined ? phase : `${phase}, ${describeFit({ interests, labels })}`;
    lines.set(name, [...(lines.get(name) ?? []), epoch]);
  }
  return lines;
}
