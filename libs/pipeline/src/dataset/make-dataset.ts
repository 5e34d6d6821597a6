import type { ArtifactStore } from '@facet/artifacts';
import { readChoices } from '@facet/lake';
import type { LakeChoices, LakeSnapshot } from '@facet/lake';
import { parsePositiveClauses } from '@facet/features';
import type { FacetConfig } from '@facet/config';
import type { HomePaths } from '@facet/config';
import { buildDataset } from './build-dataset.ts';
import type { DatasetSettings } from './build-dataset.ts';
import { putDataset } from './dataset-artifact.ts';
import { appliedOffsets, describeLake, readCatalog } from './dataset-sources.ts';
import type { DatasetCut, DatasetInfo } from './dataset.ts';

/** What a dataset is made with. */
export interface DatasetMaking {
  readonly home: HomePaths;
  readonly store: ArtifactStore;
  readonly snapshot: LakeSnapshot;
  readonly settings: DatasetSettings;
  /** Of DuckDB. */
  readonly resources: FacetConfig['dataset'];
}

export interface MadeDataset {
  readonly datasetId: string;
  readonly info: DatasetInfo;
}

/** Lake and catalog, up to a cut, to a stored dataset. @throws AppError as `buildDataset`, `FEATURES_RULE_INVALID`. */
export async function makeDataset(making: DatasetMaking, cut: DatasetCut): Promise<MadeDataset> {
  const { home, snapshot, settings } = making;
  const choices = await readCutChoices(making, cut);
  const catalog = await readCatalog(home, cut.receivedBefore);
  const parts = buildDataset(
    {
      choices,
      items: catalog.items,
      users: catalog.users,
      files: { ...(await describeLake(snapshot, cut)), catalog: catalog.files },
      window: {
        occurredBefore: cut.occurredBefore ?? choices.newest.occurredAt + 1,
        receivedBefore: cut.receivedBefore ?? choices.newest.receivedAt + 1,
        offsets: appliedOffsets(snapshot, cut.offsets),
        itemsReceivedBefore: catalog.itemsReceivedBefore,
      },
    },
    settings,
  );
  const { id } = await putDataset(making.store, parts);
  return { datasetId: id, info: parts.info };
}

/** The choices of a cut, by the settings' rules. */
export async function readCutChoices(
  { snapshot, settings, resources }: Pick<DatasetMaking, 'snapshot' | 'settings' | 'resources'>,
  cut: DatasetCut,
): Promise<LakeChoices> {
  const { positives, bots } = settings.interactions;
  return readChoices(snapshot, cut, { positives: parsePositiveClauses(positives), bots }, resources);
}
