import { join, resolve } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { eventsHome } from '@facet/events';

/** Where a command reads from and writes to, as the commands that need no pipeline see it. */
export interface Home {
  readonly folder: string;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly artifactsFolder: string;
}

export const defaultHome = join('.facet', 'default');

export function openHome(folder: string): Home {
  const { lakeFolder, catalogFolder } = eventsHome(resolve(folder));
  return { folder, lakeFolder, catalogFolder, artifactsFolder: join(resolve(folder), 'artifacts') };
}

export function openStore(home: Home): ArtifactStore {
  return createFolderArtifactStore(home.artifactsFolder);
}
