import { logProgress } from '@facet/local-services';
import { formatCount } from '@facet/platform';
import { runInChild } from '../run-in-child.ts';

/** Writes a bundle of a generated catalog to a folder of artifacts, in a separate process. Returns its id. */
export async function generateBundle(artifactsFolder: string, items: number): Promise<string> {
  logProgress(`a bundle of ${formatCount(items)} items`);
  return runInChild<string>(new URL('make-bundle.js', import.meta.url), [artifactsFolder, items]);
}
