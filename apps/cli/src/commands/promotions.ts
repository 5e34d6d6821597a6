import { changesCurrent } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { homePaths } from '@facet/config';
import { describeUnread } from '@facet/features';
import { publishDelta } from '@facet/stages';
import { gateStage, readGateReport } from '@facet/gate';
import type { GateCheck, GateReport } from '@facet/gate';
import { alignColumns, AppError, section, utcDay } from '@facet/platform';
import { addHome, addNotes, facet, parseCount, parseReason, usageError } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { currentBundleOf, findArtifact, openStore, operatorName } from '../home.ts';
import { openPipeline } from '../stages.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { countOf, formatBytes, formatMinute, printable, renderTable, shortId, wrap } from '../terminal/text.ts';

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
  if (name === 'size') return formatBytes(value);
  if (name === 'latency') return `${value.toFixed(2)} ms`;
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}

type ReasonOptions = CommonOptions & { readonly reason?: string };

export const registerPromote: Register = (command, deps) => {
  addNotes(
    addHome(command, deps)
      .argument('<id>', 'id of a bundle or its beginning')
      .option(
        '--reason <text>',
        'reason to record; required if the gate rejected or did not check the bundle',
        parseReason,
      ),
    '',
    'facet promote 3f2a9c',
    'facet promote 3f2a9c --reason "smaller catalog on purpose"',
  ).action(deps.action(promote));
};

export const registerRollback: Register = (command, deps) => {
  addNotes(
    addHome(command, deps)
      .option('--to <id>', 'id of the bundle to restore, or its beginning (default: the previous bundle)')
      .option('--reason <text>', 'reason to record', parseReason),
    'Without --to, a second rollback undoes the first.',
    'facet rollback --reason "complaints about empty pages"',
    'facet rollback --to 3f2a9c',
  ).action(deps.action(rollBack));
};

export const registerPromotions: Register = (command, deps) => {
  addNotes(
    addHome(command, deps).option('--limit <number>', 'maximum number of records', parseCount, 20),
    `promote: a bundle became current. rollback: an earlier bundle became current again. fence: a run reserved its day.
cancel: a run was canceled. fence and cancel do not change the current bundle.`,
  ).action(deps.action(listPromotions));
};

/** Promotes a bundle. A bundle that the gate rejected or did not check needs a reason, unless no bundle is current. */
async function promote(id: string, options: ReasonOptions, { output }: CommandContext): Promise<void> {
  const { home, reason } = options;
  const store = openStore(home);
  const ref = await findArtifact(store, id, { kinds: ['bundle'], home });
  const current = await store.readRef('current');
  if (reason === undefined && current !== undefined && current.id !== ref.id) {
    await refuseUngated(await readGateReport(homePaths(home).gatesFolder, ref.id), { id: ref.id, home });
  }
  const decision = { by: operatorName(), reason, expectedCurrent: current?.id ?? null };
  const record = await store.promote(ref, decision);
  output.show(`Bundle ${ref.id} is current. A running API loads it within seconds.`);
  output.document({ home, bundleId: ref.id, record });
}

async function refuseUngated(
  report: GateReport | undefined,
  { id, home }: { readonly id: string; readonly home: string },
): Promise<void> {
  if (report?.verdict === 'pass') return;
  const what =
    report === undefined
      ? `The gate has not checked bundle ${id}.`
      : `The gate rejected bundle ${id}: ${report.reasons.join(' ')}`;
  const ask =
    report === undefined ? `Check it with: ${facet} gate ${shortId(id)} --home ${home}. Or promote` : 'Promote';
  throw usageError(what, `${ask} it anyway with --reason "REASON", which is recorded.`);
}

/** Restores the previous bundle, or another one that was current. */
async function rollBack(
  { home, reason, to }: ReasonOptions & { readonly to?: string },
  { output }: CommandContext,
): Promise<void> {
  const store = openStore(home);
  const before = (await store.promotions()).findLast(changesCurrent);
  const wanted = to === undefined ? undefined : await findArtifact(store, to, { kinds: ['bundle'], home });
  const { id } = await store.rollback({ by: operatorName(), reason, to: wanted?.id });
  const isUndone = to === undefined && before?.kind === 'rollback';
  if (isUndone) {
    output.show(
      `Warning: this undid the rollback of ${formatMinute(before.at)} UTC. To restore an older bundle, run ${facet} rollback --to ID; ${facet} promotions lists the bundles.`,
    );
  }
  output.show(`Bundle ${id} is current again. A running API loads it within seconds.`);
  output.document({ home, bundleId: id, undoesRollback: isUndone });
}

async function listPromotions(
  options: CommonOptions & { readonly limit: number },
  { output }: CommandContext,
): Promise<void> {
  const records = (await openStore(options.home).promotions()).toReversed().slice(0, options.limit);
  const rows = records.map(({ number, at, kind, ref, by, run, reason }) => [
    String(number),
    formatMinute(at),
    kind,
    ref === null ? 'nothing' : shortId(ref.id),
    printable(by),
    run === undefined ? '' : `${run.day}, ${printable(run.runId)}`,
    printable(reason ?? ''),
  ]);
  output.table(['', 'UTC', 'Change', 'Current bundle', 'By', 'Day and run', 'Reason'], rows, {
    right: [0],
    empty: `The data home ${options.home} has no promotions.`,
  });
  output.document({ home: options.home, promotions: records });
}

export const registerDelta: Register = (command, deps) => {
  addNotes(
    addHome(command, deps),
    `Publishes added items, withdrawn items, new titles and interactions with added items. A running API loads them within
seconds. A running indexer does this automatically.`,
    'facet delta',
    'facet import --events new.csv --items items.csv && facet delta',
  ).action(deps.action(delta));
};

async function delta(options: CommonOptions, { output }: CommandContext): Promise<void> {
  const { home } = options;
  const { id } = await currentBundleOf(home);
  const result = await publishDelta(await openPipeline(options));
  if (result === undefined) {
    output.show(`The catalog has no changes since bundle ${id}.`);
    output.document({ home, bundleId: id, isNew: false });
    return;
  }
  const { deltaId, added, withdrawn, returned, changed, chosen } = result;
  const { readAttributes, unreadAttributes, unreadAttributesCount } = result;
  output.show(
    `Delta ${deltaId} of bundle ${id}: ${added} added, ${withdrawn} withdrawn, ${returned} offered again, ${changed} changed, ` +
      `${chosen} first chosen.`,
  );
  if (unreadAttributes.length > 0) {
    const rows = unreadAttributes.map((attribute) => [
      attribute.name,
      countOf(attribute.items, 'added item'),
      describeUnread(attribute, readAttributes),
    ]);
    const lines = alignColumns(rows, { right: [1] });
    const more = unreadAttributesCount - unreadAttributes.length;
    if (more > 0) lines.push(`and ${countOf(more, 'other attribute')}`);
    output.show(section('Attributes of added items that the model does not read', lines));
  }
  output.document({ home, ...result, isNew: true });
}
