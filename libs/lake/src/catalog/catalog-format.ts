import { Type } from 'typebox';
import type { Static } from 'typebox';
import { catalogErrors } from '../transaction-log/errors.ts';
import { parserOf } from '../transaction-log/parser.ts';
import type { LogFormat, LogState, TransactionInfo } from '../transaction-log/transaction-log.ts';

/** Segments are read and deleted by these paths, so none may lead out of the catalog. */
const Path = Type.String({ pattern: '^(items|users)/[^/\\\\\\0]+\\.jsonl$' });
const SegmentSchema = Type.Object({
  path: Path,
  bytes: Type.Integer(),
  rows: Type.Integer(),
  /** Receipt time of the newest version, epoch milliseconds. */
  receivedTo: Type.Number(),
  segment: Type.Object({
    /** Number of versions that remove a record. */
    removals: Type.Integer(),
    /** Receipt time of the oldest version, epoch milliseconds. */
    receivedFrom: Type.Number(),
    /** The version of the newest change in the segment, if a compaction wrote it. */
    order: Type.Optional(Type.Integer()),
    /** Random ids of the newest changes in the segment, the newest last, if a compaction wrote it. */
    changeIds: Type.Optional(Type.Array(Type.String())),
    /** A compaction dropped versions of items received before this time, epoch milliseconds. */
    compactedBefore: Type.Optional(Type.Number()),
    /** A compaction dropped removals of items among the changes up to this version. */
    removalsDroppedThrough: Type.Optional(Type.Integer()),
  }),
});
/** A segment as a transaction lists it. */
export type SegmentEntry = Static<typeof SegmentSchema>;
/** A segment and the version that added it. */
export type StateSegment = SegmentEntry & { readonly version: number };

const Ranges = Type.Record(Type.String(), Type.Object({ from: Type.Integer(), to: Type.Integer() }));
const ChangeSchema = Type.Partial(
  Type.Object({
    add: Type.Array(SegmentSchema),
    remove: Type.Array(Path),
    /** The offset range that each source advances by. */
    offsets: Ranges,
    /** Files that an earlier transaction removed and that are now deleted from the disk. */
    deleted: Type.Array(Path),
  }),
);
/** The changes of one transaction. Readers see all of them or none. */
export type CatalogLogChange = Readonly<Static<typeof ChangeSchema>>;

const InfoSchema = Type.Object({
  format: Type.Literal(1),
  version: Type.Integer(),
  id: Type.String(),
  parent: Type.String(),
  at: Type.Number(),
});
export type CatalogTransaction = TransactionInfo & CatalogLogChange & { readonly format: 1 };

export interface CatalogState extends LogState {
  readonly files: Map<string, StateSegment>;
  /** Replaced segments that are still on the disk, with the time of their replacement. */
  readonly removed: Map<string, number>;
}

const parseTransaction = parserOf('a transaction', Type.Intersect([InfoSchema, ChangeSchema]));
const parseCheckpoint = parserOf(
  'the checkpoint',
  Type.Object({
    format: Type.Literal(1),
    version: Type.Integer(),
    id: Type.String(),
    files: Type.Array(Type.Intersect([SegmentSchema, Type.Object({ version: Type.Integer() })])),
    offsets: Type.Record(Type.String(), Type.Integer()),
    removed: Type.Record(Path, Type.Number(), { additionalProperties: false }),
  }),
);

/** The format of the transaction log of a catalog. */
export const catalogFormat: LogFormat<CatalogState, CatalogLogChange, CatalogTransaction> = {
  checkpointExtension: 'checkpoint.json',
  errors: catalogErrors,
  emptyState: () => ({ version: 0, id: '', files: new Map(), offsets: new Map(), removed: new Map() }),
  encode: (_, change, info) => ({ format: 1, ...info, ...change }),
  serialize: (transaction) => `${JSON.stringify(transaction)}\n`,
  parse: (text, version) => {
    const transaction = parseTransaction(text);
    if (transaction.version === version) return transaction;
    throw new Error(`it contains version ${transaction.version}`);
  },
  apply: (state, { version, id, at, add = [], remove = [], deleted = [], offsets = {} }) => {
    for (const path of remove) {
      state.files.delete(path);
      state.removed.set(path, at);
    }
    for (const segment of add) state.files.set(segment.path, { ...segment, version });
    for (const path of deleted) state.removed.delete(path);
    for (const [source, { to }] of Object.entries(offsets)) state.offsets.set(source, to);
    Object.assign(state, { version, id });
  },
  readCheckpoint: async (storage, name) => {
    const { version, id, files, offsets, removed } = parseCheckpoint(await storage.read(name));
    return {
      version,
      id,
      files: new Map(files.map((segment) => [segment.path, segment])),
      offsets: new Map(Object.entries(offsets)),
      removed: new Map(Object.entries(removed)),
    };
  },
  writeCheckpoint: async (storage, name, { version, id, files, offsets, removed }) => {
    const maps = { offsets: Object.fromEntries(offsets), removed: Object.fromEntries(removed) };
    await storage.write(name, JSON.stringify({ format: 1, version, id, files: [...files.values()], ...maps }));
  },
};
