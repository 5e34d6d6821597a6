import type { ArtifactStore } from '@facet/artifacts';
import { openLakeSnapshot, readItemsAsOf } from '@facet/lake';
import type { LakeSnapshot } from '@facet/lake';
import type { StageContext } from '../context/stage-context.ts';
import { buildDataset } from './build-dataset.ts';
import type { DatasetSettings } from './build-dataset.ts';
import { putDataset, readDatasetInfo, readDatasetUsers } from './dataset-artifact.ts';
import { appliedOffsets } from './make-dataset.ts';
import { datasetVersion } from './dataset.ts';
import type { DatasetInfo } from './dataset.ts';
import { readCutChoices } from './make-dataset.ts';

/** A dataset that was built after the manifest of another one. */
export interface RebuiltDataset {
  readonly datasetId: string;
  readonly info: DatasetInfo;
  /** Whether it is the same, byte for byte. */
  readonly isSame: boolean;
  /** Files that differ. */
  readonly differing: readonly string[];
  /** Why the bytes cannot be the same, as far as it is known. */
  readonly reasons: readonly string[];
}

/**
 * Builds a dataset once more from the lake and the catalog, by nothing but what its manifest says: cut, rules, boundaries of the
 * split, features. Settings of `facet.yaml` do not matter, nor what has come in since. Of users the attributes are those of the
 * dataset, because the catalog only knows the newest.
 *
 * @throws AppError as `openDataset`, `buildDataset`.
 */
export async function rebuildDataset(
  { home, config, store }: StageContext,
  datasetId: string,
): Promise<RebuiltDataset> {
  const wanted = await readDatasetInfo(store, datasetId);
  const users = await readDatasetUsers(store, datasetId);
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  const settings = settingsOf(wanted);
  const { window } = wanted;
  const choices = await readCutChoices({ snapshot, settings, resources: config.dataset }, window);
  const { items, foldedBefore } = await readItemsAsOf(home.catalogFolder, window.itemsReceivedBefore);
  const parts = buildDataset({ choices, items, users, files: wanted.sources, window }, settings);
  const ref = await putDataset(store, parts);
  const isSame = ref.id === datasetId;
  return {
    datasetId: ref.id,
    info: parts.info,
    isSame,
    differing: isSame ? [] : await findDiffering(store, [datasetId, ref.id]),
    reasons: isSame ? [] : findReasons(wanted, snapshot, foldedBefore),
  };
}

/** The boundaries are those that were found, whatever found them. */
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
    [one, other].map(async (id) => (await store.open({ kind: 'dataset', id })).manifest.files),
  );
  return before!.flatMap(({ path, sha256 }) =>
    after!.some((file) => file.path === path && file.sha256 === sha256) ? [] : [path],
  );
}

function findReasons(
  { stageVersion, sources, window }: DatasetInfo,
  snapshot: LakeSnapshot,
  foldedBefore: number,
): string[] {
  const reasons: string[] = [];
  if (stageVersion !== datasetVersion) {
    reasons.push('it was built by a version of Facet that computes datasets otherwise');
  }
  const erasures = snapshot.erasures.filter(({ version }) => version > sources.lakeVersion).length;
  if (erasures > 0) reasons.push(`${erasures} ${erasures === 1 ? 'user was' : 'users were'} erased since`);
  const offsets = appliedOffsets(snapshot, window.offsets);
  for (const [source, next] of Object.entries(window.offsets)) {
    const there = offsets[source] ?? 0;
    if (there < next) reasons.push(`the lake holds ${source} below offset ${there} only, not below ${next}`);
  }
  if (window.itemsReceivedBefore < foldedBefore) {
    const since = new Date(foldedBefore).toISOString();
    reasons.push(`versions of items that were received before ${since} are folded together`);
  }
  return reasons;
}
