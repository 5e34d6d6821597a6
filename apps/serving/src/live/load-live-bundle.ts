import { createFolderArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import { AppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { Metrics } from '../metrics/metrics.ts';
import { openProfileStore } from '../profiles/open-profile-store.ts';
import type { ProfileSettings } from '../profiles/open-profile-store.ts';
import { createProfileReader } from '../profiles/profile-reader.ts';
import type { Loaded } from './live-bundle.ts';

/**
 * Loads the bundle that `current` names, and opens the profiles; those in memory are filled by the bundle's rules.
 *
 * @throws AppError `SERVING_NO_BUNDLE` when nothing was ever promoted; those of `loadBundle` for a bundle that is gone,
 * corrupt, or computes otherwise than its trainer did; those of `openProfileStore`.
 */
export async function loadLiveBundle(
  config: ProfileSettings & { readonly artifactsFolder: string },
  deps: { readonly metrics: Metrics; readonly logger: Logger },
): Promise<Loaded> {
  const { artifactsFolder } = config;
  const store = createFolderArtifactStore(artifactsFolder);
  const ref = await store.readRef('current');
  if (ref === undefined) {
    throw new AppError(`There is no current bundle in ${artifactsFolder}.`, {
      code: 'SERVING_NO_BUNDLE',
      remedy: 'Make one with npm start or facet index, or point FACET_HOME at the folder that has one.',
      context: { artifactsFolder },
    });
  }
  const bundle = await loadBundle(store, ref);
  try {
    const profiles = await openProfileStore(config, bundle.info.interactions);
    return {
      bundle,
      profiles: createProfileReader(profiles, deps),
      profileCount: config.redisUrl === undefined ? await profiles.size() : undefined,
    };
  } catch (error) {
    await bundle.close();
    throw error;
  }
}
