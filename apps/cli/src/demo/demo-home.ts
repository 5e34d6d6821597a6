import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import type { SourceFiles } from '@facet/import';
import { AppError, hashFile } from '@facet/platform';

export const movieLensHome = join('.facet', 'movielens-100k');

/**
 * Returns the data home for given files. An event log only grows, so changed files or another mapping get a new home; the same
 * files and mapping get the home of the earlier run.
 *
 * @param reading the settings that decide how the files are read, as JSON.
 * @throws AppError `EVENTS_FILE_UNREADABLE` naming the file.
 */
export async function ownFilesHome(files: SourceFiles, reading: unknown): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(reading ?? {}));
  for (const kind of ['events', 'items', 'users'] as const) {
    for (const file of files[kind] ?? []) {
      const path = resolve(typeof file === 'string' ? file : file.path);
      const { sha256 } = await hashFile(path).catch((error: unknown) => {
        const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        throw new AppError(
          isMissing ? `The file ${path} does not exist.` : `${path} cannot be read: ${(error as Error).message}.`,
          {
            code: 'EVENTS_FILE_UNREADABLE',
            category: 'input',
            remedy: isMissing ? `Correct --${kind}.` : 'Check its permissions.',
            cause: error,
          },
        );
      });
      hash.update(`\n${kind} ${path} ${sha256}`);
    }
  }
  const [first] = files.events;
  const name = basename(typeof first === 'string' ? first : (first?.path ?? 'files')).replace(/(\.[a-z]+){1,2}$/i, '');
  const safe = name.replaceAll(/[^\w-]+/g, '-').slice(0, 40) || 'files';
  return join('.facet', `${safe}-${hash.digest('hex').slice(0, 8)}`);
}
