import { artifactIdPattern, changesCurrent, moveArtifactsToS3 } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore, MovedArtifacts, PromotionRecord } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import type { BundleInfo } from '@facet/bundles';
import { homePaths } from '@facet/config/home-paths';
import { metricTitle, storedMetric } from '@facet/evaluation/metrics-table';
import { readGateReport } from '@facet/gate';
import type { GateReport } from '@facet/gate';
import { describeFitChoice } from '@facet/runs';
import { traceLineage } from '@facet/refresh/execution';
import type { Lineage } from '@facet/runs';
import { isAppError, utcDay } from '@facet/platform';
import { addCommonOptions, addHome, addNotes, addSubcommand, facet, refuseUnknownSubcommands } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { findArtifact, openStore } from '../home.ts';
import { countOf, formatCount, formatMinute, printable, shortId } from '../terminal/text.ts';
import { diffBundles } from '../bundles-diff.ts';

export const registerBundles: Register = (command, deps) => {
  addNotes(
    addHome(addCommonOptions(command), deps),
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

async function listBundles(options: CommonOptions, { output }: CommandContext): Promise<void> {
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
  const columns = ['Bundle', '', 'Data to', `${metricTitle('ndcg', 50)} new`, 'all', 'Gate', 'Promoted'];
  output.table(columns, bundles.map(rowOf), {
    right: [3, 4],
    empty: `The data home ${options.home} has no bundles. Build one with: ${facet} index --home ${options.home}`,
  });
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
    figure(storedMetric('new', 'ndcg', 50)),
    figure(storedMetric('all', 'ndcg', 50)),
    gate === null ? '' : verdictNames[gate.verdict],
    promotion === null
      ? ''
      : `${formatMinute(promotion.at)}, ${printable(promotion.by)}${promotion.reason === undefined ? '' : `: ${printable(promotion.reason)}`}`,
  ];
}

const kinds = ['bundle', 'model', 'dataset'] as const;
const shownFilesMax = 10;

export const registerLineage: Register = (command, deps) => {
  addNotes(
    addHome(command, deps).argument('<id>', 'id of an artifact or its beginning; API responses contain a bundleId'),
    '',
    'facet lineage 3f2a9c',
    'facet lineage 3f2a9c --json',
  ).action(deps.action(printLineage));
};

async function printLineage(given: string, options: CommonOptions, { output }: CommandContext): Promise<void> {
  const store = openStore(options.home);
  const { id } = await findArtifact(store, given, { kinds, home: options.home }).catch((error: unknown) => {
    // The promotion log and the gate report still know the full id of a deleted bundle.
    if (isAppError(error, 'ARTIFACT_NOT_FOUND') && new RegExp(artifactIdPattern).test(given)) return { id: given };
    throw error;
  });
  const lineage = await traceLineage(id, { home: homePaths(options.home), store });
  output.show(renderLineage(lineage));
  output.document({ home: options.home, ...lineage });
}

function renderLineage({ bundle, model, dataset, lake }: Lineage): string {
  const lines: string[] = [];
  if (bundle !== null) {
    const ends = bundle.asOf === undefined ? '' : `, data to ${utcDay(bundle.asOf - 1)}`;
    lines.push(`bundle   ${named(bundle)}${ends}`);
    for (const { kind, at, by } of bundle.promotions) {
      lines.push(`         promoted ${formatMinute(at)} UTC by ${by}${kind === 'rollback' ? ' (rollback)' : ''}`);
    }
  }
  if (model !== null) {
    const start =
      model.startedFrom === undefined || model.startedFrom === null
        ? ''
        : `, started from ${shortId(model.startedFrom)}`;
    lines.push(`model    ${named(model)}${start}`);
    const { interests, labels } = model;
    if (interests !== undefined && labels !== undefined) {
      lines.push(`         ${describeFitChoice({ ...model, interests, labels })}`);
    }
  }
  if (dataset !== null) lines.push(`dataset  ${named(dataset)}`, ...describeDataset(dataset));
  if (lake !== null) lines.push(...describeLake(lake));
  return lines.join('\n');
}

function named({ id, isGone }: Pick<NonNullable<Lineage['model']>, 'id' | 'isGone'>): string {
  return `${id}${isGone ? '  (deleted)' : ''}`;
}

function describeDataset({ window, counts, acceptedBadData }: NonNullable<Lineage['dataset']>): string[] {
  if (window === undefined) return [];
  const { occurredBefore, receivedBefore, testFrom } = window;
  const iso = (ms: number): string => new Date(ms).toISOString();
  return [
    `         occurred before ${iso(occurredBefore)}, received before ${iso(receivedBefore)}, test from ${iso(testFrom)}`,
    `         ${countOf(counts?.['events'] ?? 0, 'event')} of ${countOf(counts?.['users'] ?? 0, 'user')}`,
    ...(acceptedBadData === undefined
      ? []
      : [`         run ${acceptedBadData.runId} accepts bad data: ${printable(acceptedBadData.reason)}`]),
    ...(acceptedBadData?.days ?? []).map((day) => `           ${printable(day)}`),
  ];
}

function describeLake({ version, offsets, files, catalog }: NonNullable<Lineage['lake']>): string[] {
  const gone = files.filter(({ isGone }) => isGone).length;
  const rest = files.length - shownFilesMax;
  return [
    `lake     version ${version}, ${countOf(files.length, 'file')}${gone === 0 ? '' : `, ${formatCount(gone)} since replaced by a compaction or an erasure`}`,
    ...Object.entries(offsets).map(([source, offset]) => `         ${source}: offsets before ${offset}`),
    ...files
      .slice(0, shownFilesMax)
      .map(
        ({ path, rows, sha256, isGone }) =>
          `         ${path}  ${countOf(rows, 'row')}  ${shortId(sha256)}${isGone ? '  (replaced)' : ''}`,
      ),
    ...(rest > 0 ? [`         and ${countOf(rest, 'file')} more: see --json`] : []),
    ...catalog.map(({ path, sha256 }) => `catalog  ${path}  ${shortId(sha256)}`),
  ];
}

export const registerArtifacts: Register = (command, deps) => {
  addNotes(
    addHome(
      addSubcommand(command, 'upload', 'Move artifacts, references and promotions to the bucket of s3.yaml'),
      deps,
    ),
    `Verifies each artifact, uploads it, and moves the local files to artifacts/uploaded. Stop all processes of the home first. May be
interrupted and repeated. Erasures do not change the files in artifacts/uploaded: delete them when the bucket is in use.`,
    'facet artifacts upload --home /data/shop',
  ).action(deps.action(upload));
};

async function upload({ home }: CommonOptions, context: CommandContext): Promise<void> {
  const { artifactsFolder } = homePaths(home);
  const moved = await context.progress.run('upload', '', async (stage) => {
    const result = await moveArtifactsToS3(artifactsFolder, (done, total) =>
      stage.update(done / total, `${done} of ${countOf(total, 'artifact')}`),
    );
    stage.done(countOf(result.uploaded, 'artifact'));
    return result;
  });
  report(home, moved, context);
}

function report(home: string, { uploaded, corrupt, movedTo }: MovedArtifacts, { output }: CommandContext): void {
  output.document({ home, uploaded, corrupt, movedTo: movedTo ?? null });
  const lines = [`${countOf(uploaded, 'artifact')} in the bucket.`];
  if (corrupt.length > 0) {
    lines.push(`Not uploaded, because they are corrupt: ${corrupt.map(({ kind, id }) => `${kind} ${id}`).join(', ')}.`);
  }
  if (movedTo !== undefined) lines.push(`The local files are in ${movedTo}. Delete them when the bucket is in use.`);
  output.show(lines.join('\n'));
}
