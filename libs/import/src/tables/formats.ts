import { basename } from 'node:path';

/** What each row of a file describes. */
export const fileKinds = ['events', 'items', 'users'] as const;
export type FileKind = (typeof fileKinds)[number];

interface FormatEntry {
  /** The name in help and documents. */
  readonly title: string;
  /** The extensions and file names that imply the format, each with the kinds of files that can have it. */
  readonly endings: Readonly<Record<string, readonly FileKind[]>>;
}

/** The file formats. Command options, help texts and errors derive from this table. */
export const tableFormats = {
  csv: { title: 'CSV', endings: { '.csv': fileKinds } },
  tsv: { title: 'TSV', endings: { '.tsv': fileKinds, '.tab': fileKinds } },
  jsonl: { title: 'JSON Lines', endings: { '.jsonl': fileKinds, '.ndjson': fileKinds, '.json': fileKinds } },
  parquet: { title: 'Parquet', endings: { '.parquet': fileKinds, '.pq': fileKinds } },
  recbole: { title: 'RecBole', endings: { '.inter': ['events'], '.item': ['items'], '.user': ['users'] } },
  movielens: {
    title: 'MovieLens',
    endings: { 'ratings.dat': ['events'], 'movies.dat': ['items'], 'users.dat': ['users'] },
  },
} as const satisfies Readonly<Record<string, FormatEntry>>;
export type TableFormat = keyof typeof tableFormats;

/** The extensions and file names that imply a format. */
export const formatEndings: readonly string[] = Object.values<FormatEntry>(tableFormats).flatMap(({ endings }) =>
  Object.keys(endings),
);

interface ImpliedFormat {
  readonly format: TableFormat;
  readonly kinds: readonly FileKind[];
}

const impliedByEnding: ReadonlyMap<string, ImpliedFormat> = new Map(
  Object.entries<FormatEntry>(tableFormats).flatMap(([format, { endings }]) =>
    Object.entries(endings).map(([ending, kinds]) => [ending, { format: format as TableFormat, kinds }] as const),
  ),
);

/** Returns the format that the name of a file implies, and the kinds of files that can have this name. */
export function impliedFormat(path: string): ImpliedFormat | undefined {
  return impliedByEnding.get(uncompressedName(path)) ?? impliedByEnding.get(extensionOf(path));
}

/** Returns the extension of a file in lower case, without the extension of a compression; empty if there is none. */
export function extensionOf(path: string): string {
  return /\.[^.]*$/.exec(uncompressedName(path))?.[0] ?? '';
}

/** Returns the name of a file in lower case, without the extension of a compression. */
export function uncompressedName(path: string): string {
  return basename(path)
    .toLowerCase()
    .replace(/\.(gz|zst)$/, '');
}
