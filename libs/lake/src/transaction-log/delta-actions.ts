import { Type } from 'typebox';
import type { Static } from 'typebox';
import { dayOf } from '../layout.ts';
import { UnreadableLogError } from './errors.ts';
import { checkerOf, parserOf } from './parser.ts';

/**
 * The actions of the Delta Lake protocol that the lake uses (https://github.com/delta-io/delta/blob/master/PROTOCOL.md). A
 * transaction is a file with one action per line. Unknown fields are ignored, as the protocol requires.
 */
const Texts = Type.Record(Type.String(), Type.String());
/** Facet reads and deletes files by these paths. No path leads out of the lake or has a character that Delta Lake encodes. */
const Path = Type.String({ pattern: '^dt=\\d{4}-\\d\\d-\\d\\d/[A-Za-z0-9_-][A-Za-z0-9._-]*\\.parquet$' });

const MetaDataSchema = Type.Object({
  id: Type.String(),
  format: Type.Object({ provider: Type.String(), options: Texts }),
  schemaString: Type.String(),
  partitionColumns: Type.Array(Type.String()),
  configuration: Texts,
  createdTime: Type.Integer(),
});
export type MetaData = Static<typeof MetaDataSchema>;

const ActionSchema = Type.Partial(
  Type.Object({
    protocol: Type.Object({
      minReaderVersion: Type.Integer(),
      minWriterVersion: Type.Integer(),
      writerFeatures: Type.Array(Type.String()),
    }),
    metaData: MetaDataSchema,
    txn: Type.Object({ appId: Type.String(), version: Type.Integer(), lastUpdated: Type.Optional(Type.Integer()) }),
    add: Type.Object({
      path: Path,
      partitionValues: Texts,
      size: Type.Integer(),
      modificationTime: Type.Integer(),
      dataChange: Type.Boolean(),
      stats: Type.String(),
      tags: Texts,
    }),
    remove: Type.Object({
      path: Path,
      deletionTimestamp: Type.Integer(),
      dataChange: Type.Boolean(),
      extendedFileMetadata: Type.Optional(Type.Boolean()),
      partitionValues: Type.Optional(Texts),
      size: Type.Optional(Type.Integer()),
    }),
    domainMetadata: Type.Object({ domain: Type.String(), configuration: Type.String(), removed: Type.Boolean() }),
    /** Free text for people. */
    commitInfo: Type.Unknown(),
  }),
);
/** Exactly one of the fields is present. */
export type Action = Static<typeof ActionSchema>;

export const parseAction = parserOf('an action', ActionSchema);
export const checkAction = checkerOf('an action', ActionSchema);

/** The tag of an `add` with the facts of a file for which Delta Lake has no field. */
export const fileFactsTag = 'facet';

const checkPath = checkerOf('the path of a file', Path);

/** Returns the path with its partition. @throws Error if the path does not name a file of the lake. */
export function checkedFile(path: string): {
  readonly path: string;
  readonly partitionValues: { readonly dt: string };
} {
  return { path: checkPath(path), partitionValues: { dt: dayOf(path) } };
}

/** Every reader supports reader version 1. No other program supports the feature `facet`, so other programs refuse to write. */
export const protocol = { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['domainMetadata', 'facet'] };

/** @throws Error if the lake requires a newer release. */
export function checkProtocol({ minReaderVersion, minWriterVersion, writerFeatures }: typeof protocol): void {
  const unknown = writerFeatures.filter((feature) => !protocol.writerFeatures.includes(feature));
  if (minReaderVersion === 1 && minWriterVersion === 7 && unknown.length === 0) return;
  throw new UnreadableLogError(
    `the table requires reader version ${minReaderVersion}, writer version ${minWriterVersion} and the features ` +
      `${writerFeatures.join(', ')}; this release supports 1, 7 and ${protocol.writerFeatures.join(', ')}`,
    'Upgrade Facet. If another program changed the table, restore the data home from a backup.',
  );
}
