import { changesCurrent } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import type { BundleInfo } from '@facet/bundles';
import { homePaths } from '@facet/config';
import { readGateReport } from '@facet/pipeline';
import type { GateReport } from '@facet/pipeline';
import { isAppError, utcDay } from '@facet/platform';
import { facet } from '../command-context.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openStore } from '../home.ts';
import { addHome, addNotes, addSubcommand, refuseUnknownSubcommands } from '../options.ts';
import type { Register } from '../options.ts';
import { formatMinute, printable, renderTable, shortId } from '../terminal/text.ts';
import { diffBundles } from './bundles-diff.ts';

export const registerBundles: Register = (command, deps) => {
  addNotes(
    addHome(command, deps),
    '',
    'facet bundles',
    'facet bundles --json',
    'facet bundles diff 3f2a9c 71bd02',
  ).action(deps.action(listBundles));
  const id = 'id of a bundle or its beginning';
  const diff = addSubcommand(
    command,
    'diff',
    'Compare two bundles: figures, settings, items, and recommendations of a sample',
  );
  addNotes(
    addHome(diff, deps).argument('<before>', id).argument('<after>', id),
    '',
    'facet bundles diff 3f2a9c 71bd02',
  ).action(deps.action(diffBundles));
  refuseUnknownSubcommands(command);
};

/** One row of the list. The figures of an unreadable bundle are null. */
interface ListedBundle {
  readonly bundleId: string;
  readonly builtAt: string;
  readonly state: 'current' | 'previous' | null;
  /** The last day of its data, UTC. */
  readonly day: string | null;
  readonly items: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly gate: Pick<GateReport, 'verdict' | 'reasons' | 'incumbentId'> | null;
  /** The newest promotion of the bundle. */
  readonly promotion: Pick<PromotionRecord, 'at' | 'by' | 'kind' | 'reason' | 'run'> | null;
  readonly problem: string | null;
}

async function listBundles(options: CommonOptions, { output, terminal }: CommandContext): Promise<void> {
  const store = openStore(options.home);
  const { gatesFolder } = homePaths(options.home);
  const promotions = await store.promotions();
  const [current, previous] = [await store.readRef('current'), await store.readRef('previous')];
  const bundles: ListedBundle[] = [];
  for (const { ref, putAt } of await store.list('bundle')) {
    const made = promotions.findLast((record) => changesCurrent(record) && record.ref?.id === ref.id);
    const report = await readGateReport(gatesFolder, ref.id);
    bundles.push({
      bundleId: ref.id,
      builtAt: new Date(putAt).toISOString(),
      state: ref.id === current?.id ? 'current' : ref.id === previous?.id ? 'previous' : null,
      ...(await describeBundle(store, ref)),
      gate:
        report === undefined
          ? null
          : { verdict: report.verdict, reasons: report.reasons, incumbentId: report.incumbentId },
      promotion:
        made === undefined ? null : { at: made.at, by: made.by, kind: made.kind, reason: made.reason, run: made.run },
    });
  }
  output.show(
    bundles.length === 0
      ? `The data home ${options.home} has no bundles. Build one with: ${facet} index --home ${options.home}`
      : renderTable(['Bundle', '', 'Data to', 'NDCG@50 new', 'all', 'Gate', 'Promoted'], bundles.map(rowOf), {
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
    return { day: utcDay(asOf - 1), items: spec.itemCount, metrics, problem: null };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { day: null, items: null, metrics: {}, problem: error.message };
  }
}

const verdictNames = { pass: 'passed', reject: 'rejected' } as const;

function rowOf({ bundleId, state, day, metrics, gate, promotion, problem }: ListedBundle): string[] {
  const figure = (name: string): string => metrics[name]?.toFixed(4) ?? '';
  return [
    shortId(bundleId),
    state ?? '',
    problem === null ? (day ?? '') : 'unreadable',
    figure('new.ndcg@50'),
    figure('all.ndcg@50'),
    gate === null ? '' : verdictNames[gate.verdict],
    promotion === null
      ? ''
      : `${formatMinute(promotion.at)}, ${printable(promotion.by)}${promotion.reason === undefined ? '' : `: ${printable(promotion.reason)}`}`,
  ];
}
