import { ifUsable } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { describeFitChoice, cancelRun, createRunStore, nextRefreshes } from '@facet/runs';
import { fitChoiceOf, readModelInfo } from '@facet/stages';
import type { FitChoice } from '@facet/stages';
import type { RunReport } from '@facet/runs';
import { openRefreshQueue } from '@facet/refresh';
import { addHome, addQueue, addSubcommand, parseCount, queueOf } from '../command.ts';
import type { CommandContext, CommonOptions, QueueFlags, Register } from '../command.ts';
import { openPipeline } from '../stages.ts';
import { durationMs, renderStages } from '../terminal/runs.ts';
import { formatDuration, formatMinute, printable, shortId, truncate } from '../terminal/text.ts';
import { operatorName } from '../home.ts';

interface ListRunsOptions extends CommonOptions {
  readonly limit: number;
}

interface CancelRunOptions extends CommonOptions, QueueFlags {
  readonly reason?: string;
}

export const registerRuns: Register = (command, deps) => {
  // `facet runs` alone lists the runs.
  addHome(addSubcommand(command, 'list', 'List runs, newest day first', { isDefault: true }), deps)
    .option('--limit <number>', 'maximum number of runs', parseCount, 20)
    .action(deps.action(list));
  addHome(addSubcommand(command, 'show', 'Show the stages of a run'), deps)
    .argument('<id>', 'id, such as 2026-01-31, or 2026-01-31-2 for the second run of the day')
    .action(deps.action(show));
  addQueue(addHome(addSubcommand(command, 'cancel', 'Cancel a run; its finished stages are kept'), deps))
    .argument('<id>', 'id, as the list shows it')
    .option('--reason <text>', 'reason to record')
    .action(deps.action(cancel));
};

async function list(options: ListRunsOptions, { output, terminal }: CommandContext): Promise<void> {
  const { home, config } = await openPipeline(options);
  const reports = await createRunStore(home.runsFolder).list(options);
  const [next = null] = nextRefreshes(Date.now(), config.refresh, 1);
  output.document({ home: options.home, runs: reports, next });
  const { width } = terminal;
  const rows = reports.map((report) => [
    report.run.runId,
    report.state,
    printable(report.run.requestedBy),
    formatMinute(report.run.requestedAt),
    report.stages.length === 0 ? '' : formatDuration(durationMs(report)),
    shortId(report.stages.at(-1)?.outputs?.bundleId ?? ''),
    truncate(printable(report.reason ?? ''), Math.max(20, width - 90)),
  ]);
  const header = ['Run', 'State', 'By', 'Requested (UTC)', 'Took', 'Bundle', 'Reason'];
  output.table(header, rows, { empty: `The data home ${options.home} has no refresh runs.` });
  if (next !== null) {
    output.show(`\nIf a trainer is running, it refreshes day ${next.day} at ${formatMinute(next.dueAt)} UTC.`);
  }
}

async function show(runId: string, options: CommonOptions, { output, terminal }: CommandContext): Promise<void> {
  const { home, store } = await openPipeline(options);
  const report = await createRunStore(home.runsFolder).read(runId);
  const model = await readModelOf(report, store);
  output.document({ home: options.home, ...report, ...(model === undefined ? {} : { model }) });
  const { run, state, reason, stages } = report;
  output.show(`Run ${run.runId}: ${state}${reason === undefined ? '' : `. ${printable(reason)}`}`);
  output.show(
    `Data of ${run.day}: events before ${new Date(run.cut.occurredBefore).toISOString()}, received before ${new Date(run.cut.receivedBefore).toISOString()}`,
  );
  output.show(`Requested by ${printable(run.requestedBy)} at ${formatMinute(run.requestedAt)} UTC`);
  const { acceptedBadData } = run;
  if (acceptedBadData !== undefined) output.show(`Accepts bad data: ${printable(acceptedBadData)}`);
  for (const day of stages.findLast(({ outputs }) => outputs?.badDays)?.outputs?.badDays ?? []) output.show(`  ${day}`);
  if (stages.length > 0) output.show(`\n${renderStages(report, terminal)}`);
  if (model !== undefined) output.show(`\nModel ${shortId(model.id)}: ${describeFitChoice(model)}`);
}

/** Reads the model of a run. Returns undefined before the training has finished, or if the model was deleted. */
async function readModelOf(
  { stages }: RunReport,
  store: ArtifactStore,
): Promise<(FitChoice & { readonly id: string }) | undefined> {
  const id = stages.findLast(({ outputs }) => outputs?.modelId !== undefined)?.outputs?.modelId;
  if (id === undefined) return undefined;
  const info = await ifUsable(() => readModelInfo(store, id));
  return info && { id, ...fitChoiceOf(info) };
}

async function cancel(runId: string, options: CancelRunOptions, context: CommandContext): Promise<void> {
  const { home, store, config } = await openPipeline(options);
  const runs = createRunStore(home.runsFolder);
  const decision = { by: operatorName(), reason: options.reason ?? 'facet runs cancel' };
  const report = await cancelWithJobs();
  context.output.document({ home: options.home, ...report });
  context.output.show(
    report.state === 'canceled' ? `Run ${runId} is canceled.` : `Run ${runId} has already ended: ${report.state}.`,
  );

  async function cancelWithJobs(): Promise<RunReport> {
    const found = queueOf(options, context);
    if (found === undefined) return cancelRun({ runs, store }, runId, decision);
    const queue = openRefreshQueue({ runs, store, schedule: config.refresh, now: Date.now }, found);
    try {
      return await queue.cancel(runId, decision);
    } finally {
      await queue.close();
    }
  }
}
