import type { ArtifactStore } from '@facet/artifacts';

/** The model of the current bundle; undefined where nothing was promoted. @throws AppError `ARTIFACT_CORRUPT`. */
export async function currentModelId(store: ArtifactStore): Promise<string | undefined> {
  const current = await store.readRef('current');
  if (current === undefined) return undefined;
  const { modelId } = (await store.open(current)).manifest.metadata;
  return typeof modelId === 'string' ? modelId : undefined;
}
