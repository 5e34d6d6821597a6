import { createRunStore, dueMomentOf, isScheduled, newestDueDay, shiftDay } from '@facet/pipeline/runs';
import type { RefreshSchedule, RunReport } from '@facet/pipeline/runs';
import { openRefreshQueue } from '@facet/refresh';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openPipeline } from '../pipeline-context.ts';
import { renderTable } from '../terminal/tables.ts';
import { formatDuration, printable, shortId, truncate } from '../terminal/text.ts';
import { queueOf, tookMs } from './refresh.ts';
import type { QueueFlags } from './refresh.ts';

export interface ListRunsOptions extends CommonOptions {
  readonly limit: number;
}

export interface CancelRunOptions extends CommonOptions, QueueFlags {
  readonly because?: string;
}

/** `facet runs`: the refreshes of a home, the newest day first. */
export async function listRunsCommand(options: ListRunsOptions, { output, terminal }: CommandContext): Promise<void> {
  const { home, config } = await openPipeline(options);
  const reports = await createRunStore(home.runsFolder).list(options);
  const next = isScheduled(config.refresh) ? nextDue(config.refresh) : null;
  output.document({ home: options.home, runs: reports, next });
  const { style, width } = terminal;
  const rows = reports.map((report) => [
    report.run.runId,
    report.state,
    printable(report.run.requestedBy),
    formatTime(report.run.requestedAt),
    report.stages.length === 0 ? '' : formatDuration(tookMs(report)),
    shortId(report.stages.at(-1)?.outputs?.bundleId ?? ''),
    truncate(printable(report.reason ?? ''), Math.max(20, width - 90)),
  ]);
  const header = ['Run', 'State', 'By', 'Asked for (UTC)', 'Took', 'Bundle', 'Why'];
  output.show(rows.length === 0 ? `${options.home} was never refreshed.` : renderTable(header, rows, { style }));
  if (next !== null) output.show(`\nWith a trainer the day ${next.day} is due at ${formatTime(next.dueAt)} UTC.`);
}

function nextDue(schedule: RefreshSchedule): { readonly day: string; readonly dueAt: number } {
  const day = shiftDay(newestDueDay(Date.now(), schedule), 1);
  return { day, dueAt: dueMomentOf(day, schedule) };
}

/** `facet runs show ID`: each stage of a run. */
export async function showRunCommand(
  runId: string,
  options: CommonOptions,
  { output, terminal }: CommandContext,
): Promise<void> {
  const { home } = await openPipeline(options);
  const report = await createRunStore(home.runsFolder).read(runId);
  output.document({ home: options.home, ...report });
  const { run, state, reason, stages } = report;
  output.show(`Run ${run.runId}: ${state}${reason === undefined ? '' : `. ${printable(reason)}`}`);
  const until = (time: number): string => new Date(time).toISOString();
  output.show(
    `Data of ${run.day}: events before ${until(run.cut.occurredBefore)}, received before ${until(run.cut.receivedBefore)}`,
  );
  output.show(`Asked for by ${printable(run.requestedBy)} at ${until(run.requestedAt)}`);
  if (stages.length > 0) output.show(`\n${renderStages(report, terminal)}`);
}

/** `facet runs cancel ID`: ends a run; its finished stages are kept. */
export async function cancelRunCommand(
  runId: string,
  options: CancelRunOptions,
  context: CommandContext,
): Promise<void> {
  const { home, store, config } = await openPipeline(options);
  const runs = createRunStore(home.runsFolder);
  const because = options.because ?? 'facet runs cancel';
  const report = await cancel();
  context.output.document({ home: options.home, ...report });
  context.output.show(
    report.state === 'cancelled' ? `Run ${runId} is cancelled.` : `Run ${runId} had ended before: ${report.state}.`,
  );

  async function cancel(): Promise<RunReport> {
    const found = queueOf(options, context);
    if (found === undefined) return runs.cancel(runId, because);
    const schedule = config.refresh;
    const queue = openRefreshQueue({ runs, store, schedule, now: Date.now, attempts: schedule.attempts }, found);
    try {
      return await queue.cancel(runId, because);
    } finally {
      await queue.close();
    }
  }
}

function renderStages({ stages }: RunReport, { style, width }: CommandContext['terminal']): string {
  const rows = stages.map(({ stage, state, attempt, startedAt, endedAt, isReused, problem, outputs = {} }) => [
    stage,
    state,
    String(attempt),
    formatTime(startedAt),
    endedAt === undefined ? '' : formatDuration(endedAt - startedAt),
    truncate(
      printable(problem?.message ?? (isReused === true ? 'done before' : (outputs.skipped ?? ''))),
      Math.max(20, width - 70),
    ),
  ]);
  return renderTable(['Stage', 'State', 'Attempt', 'Begun (UTC)', 'Took', ''], rows, { style, right: [2] });
}

function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}
