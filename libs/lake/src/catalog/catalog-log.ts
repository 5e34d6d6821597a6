import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isAppError, listNames } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { folderLogStorage } from '../storage/folder-lake-storage.ts';
import type { LogStorage } from '../storage/lake-storage.ts';
import { catalogLogErrors, otherFormat } from '../transaction-log/errors.ts';
import { parserOf } from '../transaction-log/parser.ts';
import { OffsetRanges } from '../transaction-log/transaction-log.ts';
import { openTransactionLog } from '../transaction-log/transaction-log.ts';
import type {
  LogFormat,
  LogState,
  TransactionInfo,
  TransactionLog,
  TransactionLogOptions,
} from '../transaction-log/transaction-log.ts';

export const catalogKinds = ['items', 'users'] as const;
export type CatalogKind = (typeof catalogKinds)[number];

/**
 * A segment is a file of versions, one JSON object per line, sorted by id. Versions of an id that were received in the same millisecond
 * are in the order of the log. Segments are immutable. The catalog's transaction log lists the valid ones. A file with the extension of a
 * segment is complete.
 */
export const segmentExtension = '.jsonl';

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
    /**
     * Random ids of the newest changes in the segment, the newest last, if a compaction wrote it. They are unique across catalogs, and
     * across the writes after a restore.
     */
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
type StateSegment = SegmentEntry & { readonly version: number };

const ChangeSchema = Type.Partial(
  Type.Object({
    add: Type.Array(SegmentSchema),
    remove: Type.Array(Path),
    /** The offset range that each source advances by. */
    offsets: OffsetRanges,
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
  errors: catalogLogErrors,
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

/** Returns the segments of a kind, the oldest first. */
export function segmentsOf({ files }: CatalogState, kind: CatalogKind): Segment[] {
  return [...files.values()]
    .filter(({ path }) => path.startsWith(`${kind}/`))
    .map(toSegment)
    .sort((a, b) => a.order - b.order);
}

/** A segment. If no compaction wrote it, its version is its order, and its name is the id of its only change. */
export type Segment = ReturnType<typeof toSegment>;

function toSegment({ path, bytes, receivedTo, version, segment }: StateSegment) {
  return {
    path,
    bytes,
    receivedTo,
    order: version,
    changeIds: [basename(path, segmentExtension)],
    compactedBefore: 0,
    removalsDroppedThrough: 0,
    ...segment,
  };
}

function logStorageOf(catalogFolder: string): LogStorage {
  return folderLogStorage(join(catalogFolder, '_log'));
}

/** Opens the transaction log of a catalog for reading. @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE` */
export async function readCatalogState(catalogFolder: string): Promise<CatalogState> {
  return (await openCatalogLog(catalogFolder)).state;
}

/** The transaction log of a catalog. */
export type CatalogLog = TransactionLog<CatalogState, CatalogLogChange>;

/** Opens the transaction log of a catalog for writing. @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE` */
export async function openCatalogLog(catalogFolder: string, options: TransactionLogOptions = {}): Promise<CatalogLog> {
  const log = await openTransactionLog(logStorageOf(catalogFolder), catalogFormat, options);
  if (log.state.version === 0) await refuseOtherFiles(catalogFolder);
  return log;
}

/** Refuses a catalog without a log that has files of another format. It would count as empty. */
async function refuseOtherFiles(catalogFolder: string): Promise<void> {
  const names = await catalogLogErrors.reading(catalogFolder, listNames(catalogFolder));
  const name = names.find((each) => each.endsWith('.jsonl') || each === '_offsets');
  if (name === undefined) return;
  const format = 'it has format 0, without a log, but this version of Facet reads only format 1, with a log in _log';
  throw catalogLogErrors.unreadable(join(catalogFolder, name), otherFormat(format));
}

/** Commits a change, or deletes its segments when another process has changed the catalog. */
export async function commitSegments(
  catalogFolder: string,
  log: CatalogLog,
  change: CatalogLogChange,
  isExpected: (state: CatalogState) => boolean,
): Promise<void> {
  try {
    await log.commit((state) => {
      if (!isExpected(state)) throw catalogLogErrors.superseded(catalogFolder, []);
      return change;
    });
  } catch (error) {
    await removeUncommitted(catalogFolder, change.add ?? []);
    if (!isAppError(error, 'EVENTS_CATALOG_SUPERSEDED')) throw error;
  }
}

/** Deletes the segments of a failed commit. A commit can fail after it has become visible: then they stay. */
export async function removeUncommitted(catalogFolder: string, entries: readonly SegmentEntry[]): Promise<void> {
  const state = await readCatalogState(catalogFolder).catch(() => undefined);
  for (const { path } of entries) {
    if (state?.files.has(path) === false) {
      await rm(join(catalogFolder, path), { force: true }).catch(() => undefined);
    }
  }
}

/** Lists every file in the folders of the segments, also unfinished ones. */
export async function listSegmentFiles(catalogFolder: string, kind?: CatalogKind): Promise<string[]> {
  const paths = await Promise.all(
    catalogKinds
      .filter((one) => kind === undefined || one === kind)
      .map(async (one) => {
        const folder = join(catalogFolder, one);
        const names = await catalogLogErrors.reading(folder, listNames(folder));
        return names.map((name) => `${one}/${name}`);
      }),
  );
  return paths.flat();
}
