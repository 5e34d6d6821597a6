import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { homePaths } from '@facet/config/home-paths';
import type { HomePaths } from '@facet/config/home-paths';
import { AppError } from '@facet/platform';
import { facet } from './invocation.ts';

/** A data home under the name by which the user called it. */
export type Home = HomePaths;

export function openHome(folder: string): Home {
  return { ...homePaths(folder), folder };
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
