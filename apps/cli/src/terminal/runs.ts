import type { RefreshStage, RunReport } from '@facet/runs';
import type { Terminal } from './terminal.ts';
import { formatDuration, formatMinute, printable, renderTable, shortId, truncate } from './text.ts';

/** Describes the result of a stage. */
export function describeOutputs(stage: RefreshStage, outputs: RunReport['stages'][number]['outputs'] = {}): string {
  const { skipped, datasetId = '', modelId = '', start, bundleId = '', verdict, promotion } = outputs;
  if (skipped !== undefined) return 'no new data';
  switch (stage) {
    case 'dataset':
      return `dataset ${shortId(datasetId)}`;
    case 'train':
      return `model ${shortId(modelId)}, ${start === 'warm' ? `from model ${shortId(outputs.warmFrom ?? '')}` : 'from scratch'}`;
    case 'evaluate':
      return 'compared with the baselines';
    case 'index':
      return `bundle ${shortId(bundleId)}`;
    case 'gate':
      return verdict === 'pass' ? 'passed' : 'rejected';
    case 'promote':
      return promotion === undefined ? 'current bundle kept' : `bundle ${shortId(bundleId)} is current`;
  }
}

/** Returns the end of the last stage, in epoch milliseconds. */
export function endOf({ stages }: RunReport): number {
  return Math.max(0, ...stages.map(({ startedAt, endedAt = startedAt }) => endedAt));
}

/** Returns the time from the start of the first stage to the end of the last, including waiting. */
export function durationMs(report: RunReport): number {
  return endOf(report) - Math.min(...report.stages.map(({ startedAt }) => startedAt));
}

/** Returns the stages of a run as a table. */
export function renderStages({ stages }: RunReport, { style, width }: Terminal): string {
  const rows = stages.map(({ stage, state, attempt, startedAt, endedAt, isReused, problem, outputs = {} }) => [
    stage,
    state,
    String(attempt),
    formatMinute(startedAt),
    endedAt === undefined ? '' : formatDuration(endedAt - startedAt),
    truncate(
      printable(problem?.message ?? (isReused === true ? 'already done' : (outputs.skipped ?? ''))),
      Math.max(20, width - 70),
    ),
  ]);
  return renderTable(['Stage', 'State', 'Attempt', 'Started (UTC)', 'Took', ''], rows, { style, right: [2] });
}
