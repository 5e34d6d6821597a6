import { listNames } from '@facet/platform';
import { join } from 'node:path';
import { isId, isName } from '../artifact-errors.ts';

/** Returns the names of the folders that contain artifacts, references or promotion records of a store in this folder. */
export async function localArtifactFolders(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await listNames(folder)) {
    const names = isName(name) || name === 'refs' || name === 'promotions' ? await listNames(join(folder, name)) : [];
    if (names.some((one) => isId(one) || one.endsWith('.json'))) found.push(name);
  }
  return found;
}
