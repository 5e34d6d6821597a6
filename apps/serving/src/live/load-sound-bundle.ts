import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import type { Logger } from '@facet/platform';
import type { RecentRequest } from './recent-requests.ts';
import { checkAnswers } from './smoke-queries.ts';
import { warm } from './warming.ts';

export interface SoundBundleDeps {
  readonly store: ArtifactStore;
  readonly logger: Pick<Logger, 'info'>;
  /** What a bundle is warmed by before it answers; absent: its golden users alone. */
  readonly recent?: { readonly all: readonly RecentRequest[] } | undefined;
}

/**
 * Loads a bundle that is to answer: checked and warmed, whoever it answers.
 *
 * @throws AppError those of `loadBundle` for a bundle that is gone, corrupt, or computes otherwise than its trainer did; those
 *   of `checkAnswers`.
 */
export async function loadSoundBundle(ref: ArtifactRef, { store, logger, recent }: SoundBundleDeps): Promise<Bundle> {
  const bundle = await loadBundle(store, ref);
  try {
    await checkAnswers(bundle);
    const warming = await warm(bundle, bundle, recent?.all ?? []);
    logger.info({ bundleId: ref.id, ...warming }, 'bundle loaded, checked and warmed');
    return bundle;
  } catch (error) {
    bundle.close();
    throw error;
  }
}
