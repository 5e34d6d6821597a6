import { openArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import type { FacetConfig, HomePaths } from '@facet/config';

/** The data home, the settings and the artifact store that every stage works with. */
export interface StageContext {
  readonly home: HomePaths;
  readonly config: FacetConfig;
  readonly store: ArtifactStore;
}

export function createStageContext(home: HomePaths, config: FacetConfig): StageContext {
  return { home, config, store: openArtifactStore(home.artifactsFolder) };
}
