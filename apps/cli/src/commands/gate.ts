import { readBundleInfo } from '@facet/bundles';
import { gateStage } from '@facet/pipeline';
import type { GateCheck, GateReport } from '@facet/pipeline';
import { AppError, utcDay } from '@facet/platform';
import { facet } from '../command-context.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { findArtifact } from '../home.ts';
import { addHome, addNotes } from '../options.ts';
import type { Register } from '../options.ts';
import { openPipeline } from '../stages.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { countOf, formatMinute, renderTable, shortId, wrap } from '../terminal/text.ts';

export const registerGate: Register = (command, deps) => {
  addNotes(
    addHome(command, deps).argument('[id]', 'id of a bundle or its beginning (default: the newest bundle)'),
    'Compares the bundle with the current bundle on the newest window of its dataset. Exits with 6 if the gate rejects it.',
    'facet gate',
    'facet gate 3f2a9c --json',
  ).action(deps.action(gate));
};

async function gate(
  wanted: string | undefined,
  options: CommonOptions,
  { output, terminal, progress, signal }: CommandContext,
): Promise<void> {
  const { home } = options;
  const pipeline = await openPipeline(options);
  const { store } = pipeline;
  const ref =
    wanted === undefined
      ? (await store.list('bundle'))[0]?.ref
      : await findArtifact(store, wanted, { kinds: ['bundle'], home });
  if (ref === undefined) {
    throw new AppError(`The data home ${home} has no bundles.`, {
      code: 'ARTIFACT_NOT_FOUND',
      category: 'artifact-missing',
      remedy: `Build a bundle with: ${facet} index --no-promote --home ${home}.`,
    });
  }
  const { datasetId } = await readBundleInfo(store, ref);
  const incumbentId = (await store.readRef('current'))?.id;
  if (incumbentId === ref.id) {
    output.show(`Bundle ${shortId(ref.id)} is the current bundle, so there is nothing to compare it with.`);
    output.document({ home, bundleId: ref.id, isCurrent: true });
    return;
  }
  const { output: report, isReused } = await progress.run('gate', 'loading the bundles', async (stage) => {
    const ids = { datasetId, bundleId: ref.id, incumbentId };
    const result = await gateStage(pipeline, ids, { signal, onProgress: stage.report });
    const { verdict, checks } = result.output;
    stage.done(`${verdict === 'pass' ? 'passed' : 'rejected'}, ${checks.length} checks`, { reused: result.isReused });
    return result;
  });
  output.show(`\n${renderGate(report, terminal)}`);
  output.document({ home, ...report, reused: isReused });
  if (report.verdict === 'pass') return;
  throw new AppError(`The gate rejects bundle ${shortId(ref.id)}.`, {
    code: 'GATE_REJECTED',
    category: 'rejected',
    remedy: `The bundle is kept. Promote it anyway with: ${facet} promote ${shortId(ref.id)} --home ${home} --reason "REASON".`,
  });
}

/** Returns the verdict with its reasons, then a table of all checks. */
function renderGate(report: GateReport, { style, width }: Terminal): string {
  const { bundleId, incumbentId, incumbentProblem, window, verdict, reasons, notes, checks } = report;
  const rival = incumbentId === null ? 'no bundle is current' : `against ${shortId(incumbentId)}`;
  const days = `${utcDay(window.from)} to ${utcDay(window.before - 1)}`;
  const head = `${verdict === 'pass' ? style(['bold', 'green'], 'passed') : style(['bold', 'red'], 'rejected')}: bundle ${shortId(bundleId)}, ${rival}; ${countOf(window.users, 'user')} of ${days}`;
  const problem =
    incumbentProblem === null
      ? []
      : [`The gate could not compare with the current bundle, which cannot be loaded: ${incumbentProblem}`];
  const sentences = [...reasons.map((reason) => `- ${reason}`), ...problem, ...notes].map((line) => wrap(line, width));
  const rows = checks.map((check) => [
    check.passed ? 'ok' : style('red', 'FAIL'),
    check.name,
    figureOf(check, check.value),
    check.incumbent === null ? '' : figureOf(check, check.incumbent),
    figureOf(check, check.threshold),
  ]);
  const table = renderTable(['', 'Check', 'Candidate', 'Current', 'Bound'], rows, { style, right: [2, 3, 4] });
  return [head, ...sentences, ...(rows.length === 0 ? [] : ['', table])].join('\n');
}

function figureOf({ name }: GateCheck, value: number): string {
  if (name === 'data age') return formatMinute(value);
  if (name === 'size') return `${Math.round(value / 1000)} kB`;
  if (name === 'latency') return `${value.toFixed(2)} ms`;
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}
