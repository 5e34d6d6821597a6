import { userInfo } from 'node:os';
import { changesCurrent } from '@facet/artifacts';
import { homePaths } from '@facet/config';
import { readGateReport } from '@facet/pipeline';
import type { GateReport } from '@facet/pipeline';
import { facet } from '../command-context.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { findArtifact, openStore } from '../home.ts';
import { addHome, addNotes, parseCount, parseReason, usageError } from '../options.ts';
import type { Register } from '../options.ts';
import { formatMinute, printable, renderTable, shortId } from '../terminal/text.ts';

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
  { output, terminal }: CommandContext,
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
  output.show(
    rows.length === 0
      ? `The data home ${options.home} has no promotions.`
      : renderTable(['', 'UTC', 'Change', 'Current bundle', 'By', 'Day and run', 'Reason'], rows, {
          style: terminal.style,
          right: [0],
        }),
  );
  output.document({ home: options.home, promotions: records });
}

/** Returns the name of the user for the promotion log. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id without a name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
