import type { Refresh } from '@facet/client/trainer-api';
import { Link } from '@tanstack/react-router';
import { formatDuration, Time, useNow } from '../../parts/format.tsx';
import { useVisibleRows } from '../../parts/use-visible-rows.ts';
import { hasEnded, stageColors, stageNames } from './queries.ts';

const tones: Readonly<Record<Refresh['state'], string>> = {
  waiting: '',
  running: 'accent',
  promoted: 'good',
  rejected: 'warning',
  skipped: '',
  failed: 'bad',
  cancelled: '',
};

export function RunState({ state }: Pick<Refresh, 'state'>) {
  return <span className={`badge ${tones[state]}`}>{state === 'cancelled' ? 'canceled' : state}</span>;
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
