import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SourceFiles } from '@facet/import';
import { AppError } from '@facet/platform';

/** What `--data` names: files of events, or a file of sequences with its items. */
export type NamedData =
  | { readonly kind: 'events'; readonly files: SourceFiles }
  | { readonly kind: 'sequences'; readonly path: string; readonly items: readonly string[] };

const namesOf = {
  sequences: /^sequences\b.*\.txt$/i,
  items: /^(items|products|catalog|movies|articles)\b/i,
  users: /^(users|customers|people)\b/i,
  events: /^(events|interactions|orders|purchases|transactions|ratings|clicks|behaviors)\b/i,
};

/**
 * Finds the data in a folder, by the names of its files, or takes the files that are named. A text file whose name begins with
 * `sequences` holds a user a line; its items are in `items.tsv` beside it, where that is.
 *
 * @throws AppError `BENCHMARK_DATA_UNKNOWN`.
 */
export async function findData(
  paths: readonly string[],
  catalog: { readonly items?: readonly string[]; readonly users?: readonly string[] },
): Promise<NamedData> {
  const [first = ''] = paths;
  const isFolder = (await stat(first).catch(() => undefined))?.isDirectory() === true;
  const files = isFolder ? (await readdir(first)).sort().map((name) => join(first, name)) : [...paths];
  const named = (kind: keyof typeof namesOf): string[] => files.filter((path) => namesOf[kind].test(nameOf(path)));
  const [sequences] = named('sequences');
  if (sequences !== undefined) {
    const beside = isFolder ? files : (await readdir(dirname(sequences))).map((name) => join(dirname(sequences), name));
    const items = catalog.items ?? beside.filter((path) => namesOf.items.test(nameOf(path)));
    return { kind: 'sequences', path: sequences, items };
  }
  const events = isFolder ? named('events') : files;
  if (events.length === 0) {
    throw new AppError(`${first} holds no file of events or sequences that can be told by its name.`, {
      code: 'BENCHMARK_DATA_UNKNOWN',
      category: 'input',
      remedy: 'Name the files themselves, or call them events.csv, items.csv and users.csv.',
    });
  }
  const items = catalog.items ?? (isFolder ? named('items') : []);
  const users = catalog.users ?? (isFolder ? named('users') : []);
  return {
    kind: 'events',
    files: { events, ...(items.length === 0 ? {} : { items }), ...(users.length === 0 ? {} : { users }) },
  };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
