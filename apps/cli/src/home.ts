import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { eventsHome } from '@facet/import';
import { AppError } from '@facet/platform';
import { facet } from './invocation.ts';

/** Where a command reads from and writes to, as the commands that need no pipeline see it. */
export interface Home {
  readonly folder: string;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly artifactsFolder: string;
  /** What the API answered. */
  readonly exposuresFolder: string;
  /** The API keys, unless another file is named. */
  readonly keysFile: string;
}

export function openHome(folder: string): Home {
  const { lakeFolder, catalogFolder } = eventsHome(resolve(folder));
  const below = (name: string): string => join(resolve(folder), name);
  return {
    folder,
    lakeFolder,
    catalogFolder,
    artifactsFolder: below('artifacts'),
    exposuresFolder: below('exposures'),
    keysFile: below('keys.yaml'),
  };
}

export function openStore(home: Home): ArtifactStore {
  return createFolderArtifactStore(home.artifactsFolder);
}

/** What every command that needs the current bundle says when there is none; names the homes nearby that have one. */
export async function noCurrentBundle({ folder }: Home): Promise<AppError> {
  const others = await homesWithBundle(dirname(folder));
  const remedy =
    others.length === 0
      ? `Make one with: ${facet} index --home ${folder}. Or see everything work first: ${facet} demo.`
      : `Add ${others.map((home) => `--home ${home}`).join(' or ')}, or make one here with: ${facet} index --home ${folder}.`;
  return new AppError(`${folder} has no current bundle.`, {
    code: 'BUNDLE_NONE_CURRENT',
    category: 'artifact-missing',
    remedy,
  });
}

async function homesWithBundle(parent: string): Promise<string[]> {
  const homes: string[] = [];
  for (const name of (await readdir(parent).catch(() => [])).sort()) {
    const folder = join(parent, name);
    const current = await openStore(openHome(folder))
      .readRef('current')
      .catch(() => undefined);
    if (current !== undefined) homes.push(folder);
  }
  return homes.slice(0, 3);
}
