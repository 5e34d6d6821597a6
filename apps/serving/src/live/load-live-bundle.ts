import { createFolderArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import { AppError } from '@facet/platform';
import { loadMemoryProfileStore } from '../profiles/memory-profile-store.ts';
import type { Loaded } from './live-bundle.ts';

/**
 * Loads the bundle that `current` names, and the profiles by its rules.
 *
 * @throws AppError `SERVING_NO_BUNDLE` when nothing was ever promoted; those of `loadBundle` for a bundle that is gone,
 * corrupt, or computes otherwise than its trainer did.
 */
export async function loadLiveBundle(folders: {
  readonly artifactsFolder: string;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
}): Promise<Loaded> {
  const store = createFolderArtifactStore(folders.artifactsFolder);
  const ref = await store.readRef('current');
  if (ref === undefined) {
    throw new AppError(`There is no current bundle in ${folders.artifactsFolder}.`, {
      code: 'SERVING_NO_BUNDLE',
      remedy: 'Make one with npm start or facet index, or point FACET_HOME at the folder that has one.',
      context: { artifactsFolder: folders.artifactsFolder },
    });
  }
  const bundle = await loadBundle(store, ref);
  try {
    return { bundle, profiles: await loadMemoryProfileStore(folders, bundle.info.interactions) };
  } catch (error) {
    await bundle.close();
    throw error;
  }
}
