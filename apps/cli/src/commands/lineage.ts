import { homePaths } from '@facet/config';
import { traceLineage } from '@facet/pipeline/lineage';
import type { Lineage, LakeLineage, LineageArtifact } from '@facet/pipeline/lineage';
import { isAppError, utcDay } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { findArtifact, openStore } from '../home.ts';
import { addHome, addNotes } from '../options.ts';
import type { Register } from '../options.ts';
import { describeFitChoice } from '../terminal/fit-choice.ts';
import { countOf, formatCount, formatMinute, printable, shortId } from '../terminal/text.ts';

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
    if (isAppError(error, 'ARTIFACT_NOT_FOUND') && /^[0-9a-f]{32}$/.test(given)) return { id: given };
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

function named({ id, isGone }: LineageArtifact): string {
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

function describeLake({ version, offsets, files, catalog }: LakeLineage): string[] {
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
