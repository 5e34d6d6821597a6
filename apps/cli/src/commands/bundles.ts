import type { ArtifactRef, ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import type { BundleInfo } from '@facet/bundles';
import { homePaths } from '@facet/config';
import { readGateReport } from '@facet/pipeline';
import type { GateReport } from '@facet/pipeline';
import { AppError, isAppError } from '@facet/platform';
import { findArtifact } from '../bundles/find-artifact.ts';
import { operatorName } from '../bundles/operator.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openHome, openStore } from '../home.ts';
import { facet } from '../invocation.ts';
import { renderTable } from '../terminal/tables.ts';
import { formatDay, printable, shortId } from '../terminal/text.ts';

type BecauseOptions = CommonOptions & { readonly because?: string };

/**
 * `facet promote ID`: makes a bundle current. What the gate rejected, or has not seen while another bundle is current, needs
 * a reason, which is recorded.
 */
export async function promoteCommand(id: string, options: BecauseOptions, { output }: CommandContext): Promise<void> {
  const { home, because } = options;
  const store = openStore(openHome(home));
  const ref = await findArtifact(store, id, { kinds: ['bundle'], home });
  const current = await store.readRef('current');
  if (because === undefined && current !== undefined && current.id !== ref.id) {
    await refuseUngated(await readGateReport(homePaths(home).gatesFolder, ref.id), { id: ref.id, home });
  }
  const decision = { by: operatorName(), expectedCurrent: current?.id ?? null };
  const record = await store.promote(ref, { ...decision, reason: because });
  output.show(`Bundle ${ref.id} is current. A running API takes it up within seconds.`);
  output.document({ home, bundleId: ref.id, record });
}

async function refuseUngated(
  report: GateReport | undefined,
  { id, home }: { readonly id: string; readonly home: string },
): Promise<void> {
  if (report?.verdict === 'pass') return;
  const what =
    report === undefined
      ? `The gate has not seen bundle ${id}.`
      : `The gate rejected bundle ${id}: ${report.reasons.join(' ')}`;
  const ask = report === undefined ? `Ask it with: ${facet} gate ${shortId(id)} --home ${home}. Or promote` : 'Promote';
  throw new AppError(what, {
    code: 'CLI_USAGE',
    category: 'usage',
    remedy: `${ask} it all the same with --because "REASON", which is recorded.`,
  });
}

/** `facet rollback`: back to what was current before; a second rollback undoes the first. */
export async function rollbackCommand(options: BecauseOptions, { output }: CommandContext): Promise<void> {
  const { home, because } = options;
  const decision = { by: operatorName(), reason: because };
  const { id } = await openStore(openHome(home)).rollback(decision);
  output.show(`Bundle ${id} is current again. A running API takes it up within seconds.`);
  output.document({ home, bundleId: id });
}

/** A bundle as the list shows it; figures are absent where it cannot be read. */
interface ListedBundle {
  readonly bundleId: string;
  readonly builtAt: string;
  readonly state: 'current' | 'previous' | null;
  /** The last day of its data, UTC. */
  readonly day: string | null;
  readonly items: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly gate: Pick<GateReport, 'verdict' | 'reasons' | 'incumbentId'> | null;
  /** What made it current last. */
  readonly promotion: Pick<PromotionRecord, 'at' | 'by' | 'kind' | 'reason' | 'run'> | null;
  readonly problem: string | null;
}

/** `facet bundles`: what there is, the newest first. */
export async function bundlesCommand(options: CommonOptions, { output, terminal }: CommandContext): Promise<void> {
  const store = openStore(openHome(options.home));
  const promotions = await store.promotions();
  const [current, previous] = [await store.readRef('current'), await store.readRef('previous')];
  const bundles: ListedBundle[] = [];
  for (const { ref, putAt } of await store.list('bundle')) {
    const made = promotions.findLast((record) => record.kind !== 'fence' && record.ref?.id === ref.id);
    const report = await readGateReport(homePaths(options.home).gatesFolder, ref.id);
    bundles.push({
      bundleId: ref.id,
      builtAt: new Date(putAt).toISOString(),
      state: ref.id === current?.id ? 'current' : ref.id === previous?.id ? 'previous' : null,
      ...(await describeBundle(store, ref)),
      gate: report === undefined ? null : pickVerdict(report),
      promotion: made === undefined ? null : pickDecision(made),
    });
  }
  output.show(
    bundles.length === 0
      ? `There are no bundles in ${options.home}. Make one with: ${facet} index --home ${options.home}`
      : renderTable(['Bundle', '', 'Data to', 'NDCG@50 new', 'all', 'Gate', 'Made current'], bundles.map(rowOf), {
          style: terminal.style,
          right: [3, 4],
        }),
  );
  output.document({ home: options.home, bundles });
}

async function describeBundle(
  store: ArtifactStore,
  ref: ArtifactRef,
): Promise<Pick<ListedBundle, 'day' | 'items' | 'metrics' | 'problem'>> {
  try {
    const { asOf, spec, metrics }: BundleInfo = await readBundleInfo(store, ref);
    return { day: formatDay(asOf - 1), items: spec.itemCount, metrics, problem: null };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { day: null, items: null, metrics: {}, problem: error.message };
  }
}

const pickVerdict = ({ verdict, reasons, incumbentId }: GateReport): ListedBundle['gate'] => ({
  verdict,
  reasons,
  incumbentId,
});

const pickDecision = ({ at, by, kind, reason, run }: PromotionRecord): ListedBundle['promotion'] => ({
  at,
  by,
  kind,
  reason,
  ...(run === undefined ? {} : { run }),
});

const verdictWords = { pass: 'passed', reject: 'rejected' } as const;

function rowOf({ bundleId, state, day, metrics, gate, promotion, problem }: ListedBundle): string[] {
  const figure = (name: string): string => metrics[name]?.toFixed(4) ?? '';
  return [
    shortId(bundleId),
    state ?? '',
    problem === null ? (day ?? '') : 'unreadable',
    figure('new.ndcg@50'),
    figure('all.ndcg@50'),
    gate === null ? '' : verdictWords[gate.verdict],
    promotion === null ? '' : describeDecision(promotion),
  ];
}

function describeDecision({ at, by, reason }: Pick<PromotionRecord, 'at' | 'by' | 'reason'>): string {
  return `${formatMinute(at)}, ${printable(by)}${reason === undefined ? '' : `: ${printable(reason)}`}`;
}

/** A moment to the minute, UTC. */
function formatMinute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

/** `facet promotions`: the log, the newest first. */
export async function promotionsCommand(
  options: CommonOptions & { readonly limit: number },
  { output, terminal }: CommandContext,
): Promise<void> {
  const records = (await openStore(openHome(options.home)).promotions()).toReversed();
  const rows = records
    .slice(0, options.limit)
    .map(({ number, at, kind, ref, by, run, reason }) => [
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
      ? `Nothing was ever promoted in ${options.home}.`
      : renderTable(['', 'UTC', '', 'Current', 'By', 'Day and run', 'Because'], rows, {
          style: terminal.style,
          right: [0],
        }),
  );
  output.document({ home: options.home, promotions: records.slice(0, options.limit) });
}
