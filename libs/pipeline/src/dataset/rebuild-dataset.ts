import { useArtifact } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { openLakeSnapshot, readItemsAsOf } from '@facet/lake';
import type { LakeSnapshot } from '@facet/lake';
import type { StageContext } from '../stage.ts';
import { buildDataset } from './build-dataset.ts';
import type { DatasetSettings } from './build-dataset.ts';
import { putDataset, readDatasetInfo, readDatasetUsers } from './dataset-artifact.ts';
import { appliedOffsets, readCutInteractions } from './dataset-from-lake.ts';
import { datasetVersion } from './dataset.ts';
import type { DatasetInfo } from './dataset.ts';

/** A dataset that was rebuilt from the manifest of another one. */
export interface RebuiltDataset {
  readonly datasetId: string;
  readonly info: DatasetInfo;
  /** Whether all bytes are the same. */
  readonly isSame: boolean;
  /** The files that differ. */
  readonly differing: readonly string[];
  /** The known reasons for different bytes. */
  readonly reasons: readonly string[];
}

/**
 * Rebuilds a dataset from the lake and the catalog with the cut, rules, split and features of its manifest. Neither `facet.yaml`
 * nor newer data matters. User attributes come from the dataset, because the catalog contains only the newest ones.
 *
 * @throws AppError as `openDataset`, `buildDataset`.
 */
export async function rebuildDataset(
  { home, config, store }: StageContext,
  datasetId: string,
): Promise<RebuiltDataset> {
  const original = await readDatasetInfo(store, datasetId);
  const users = await readDatasetUsers(store, datasetId);
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  const settings = settingsOf(original);
  const { window } = original;
  const interactions = await readCutInteractions({ snapshot, settings, resources: config.dataset }, window);
  const { items, compactedBefore } = await readItemsAsOf(home.catalogFolder, window.itemsReceivedBefore);
  const parts = buildDataset({ interactions, items, users, files: original.sources, window }, settings);
  const ref = await putDataset(store, parts);
  const isSame = ref.id === datasetId;
  return {
    datasetId: ref.id,
    info: parts.info,
    isSame,
    differing: isSame ? [] : await findDiffering(store, [datasetId, ref.id]),
    reasons: isSame ? [] : findReasons(original, snapshot, compactedBefore),
  };
}

/** Sets the split of the manifest as dates, however it was computed. */
function settingsOf({ interactions, filters, features, split }: DatasetInfo): DatasetSettings {
  const at = (moment: number): string => new Date(moment).toISOString();
  return {
    interactions: { ...interactions, ...filters },
    features,
    split: {
      testShare: 0.2,
      validationShare: 0.2,
      validationFrom: at(split.validationFrom),
      testFrom: at(split.testFrom),
    },
  };
}

async function findDiffering(store: ArtifactStore, [one, other]: readonly [string, string]): Promise<string[]> {
  const [before, after] = await Promise.all(
    [one, other].map((id) => useArtifact(store, { kind: 'dataset', id }, ({ manifest }) => manifest.files)),
  );
  return before!.flatMap(({ path, sha256 }) =>
    after!.some((file) => file.path === path && file.sha256 === sha256) ? [] : [path],
  );
}

function findReasons(
  { stageVersion, sources, window }: DatasetInfo,
  snapshot: LakeSnapshot,
  compactedBefore: number,
): string[] {
  const reasons: string[] = [];
  if (stageVersion !== datasetVersion) {
    reasons.push('another version of Facet, which computes datasets differently, built it');
  }
  const erasures = snapshot.erasures.filter(({ version }) => version > sources.lakeVersion).length;
  if (erasures > 0) reasons.push(`${erasures} ${erasures === 1 ? 'user was' : 'users were'} erased since then`);
  const offsets = appliedOffsets(snapshot, window.offsets);
  for (const [source, next] of Object.entries(window.offsets)) {
    const there = offsets[source] ?? 0;
    if (there < next) reasons.push(`the lake contains ${source} only below offset ${there}, not below ${next}`);
  }
  if (window.itemsReceivedBefore < compactedBefore) {
    const since = new Date(compactedBefore).toISOString();
    reasons.push(`item versions that were received before ${since} were compacted`);
  }
  return reasons;
}
