import { hourMs } from '@facet/platform';

/**
 * The lake is a Delta Lake table, partitioned by the UTC day of `occurredAt`: `dt=YYYY-MM-DD/<file>.parquet`. The transaction log
 * in `_delta_log/` alone decides which files belong to the lake and which offsets of each event log it contains.
 */
export const logFolder = '_delta_log';
export const temporaryFolder = '_tmp';
/** The local files of a lake that was moved to S3. */
export const uploadedFolder = 'uploaded';

/** How long replaced files stay on the disk for readers that opened the lake earlier. */
export const graceMsDefault = hourMs;

/** A partition of an event log. {@link sourceName} gives its name in the lake. */
export interface LakeSource {
  readonly topic: string;
  readonly partition: number;
}

export function sourceName(source: LakeSource): string {
  return `${source.topic}-${source.partition}`;
}

/** Returns the path of the events of a batch of one day. The offsets of the batch decide the name. */
export function partPath(day: string, source: string, range: { readonly from: number; readonly to: number }): string {
  return `dt=${day}/part-${source}-${range.from}-${range.to}.parquet`;
}

/**
 * Adds the hash of the content to the path of a batch. Returns other paths unchanged. A late request to S3, or a process that was
 * suspended, then cannot replace the file of another batch with the same offsets.
 */
export function hashedPartPath(path: string, sha256: string): string {
  return partPattern.test(path) ? path.replace(/\.parquet$/, `.${sha256.slice(0, 16)}.parquet`) : path;
}

/** Returns the path of the events of one day in a compaction or rebuild. `token` identifies the run. */
export function mergedPath(day: string, token: string): string {
  return `dt=${day}/merged-${token}.parquet`;
}

const partPattern = /\/part-(.+)-(\d+)-(\d+)(?:\.[0-9a-f]{16})?\.parquet$/;
const mergedPattern = /\/merged-([0-9a-z]+)\.parquet$/;

/** Returns the day of a file of the lake, `YYYY-MM-DD`. */
export function dayOf(path: string): string {
  return path.slice('dt='.length, 'dt=YYYY-MM-DD'.length);
}

/** Returns the source and first offset of a part's batch, or `undefined` for other files. */
export function parsePartPath(path: string): { readonly source: string; readonly from: number } | undefined {
  const match = partPattern.exec(path);
  return match === null ? undefined : { source: match[1] as string, from: Number(match[2]) };
}

/** Returns the token of a merged file, or `undefined` for other files. */
export function parseMergedPath(path: string): string | undefined {
  return mergedPattern.exec(path)?.[1];
}

/** Returns whether the path has the form of a lake file that Facet writes. */
export function isLakeFileName(path: string): boolean {
  return partPattern.test(path) || mergedPattern.test(path);
}

/**
 * The columns of every Parquet file of the lake with their types in Delta Lake. `logSource` and `logOffset` locate an event in its
 * event log.
 */
export const lakeColumns = {
  eventId: 'string',
  type: 'string',
  userId: 'string',
  itemId: 'string',
  occurredAt: 'timestamp',
  receivedAt: 'timestamp',
  value: 'double',
  sessionId: 'string',
  recommendationId: 'string',
  position: 'long',
  context: 'string',
  extra: 'string',
  logSource: 'string',
  logOffset: 'long',
} as const;

/** The sort order of rows in a file: by user, then by time. */
export const lakeOrder = ['userId', 'occurredAt', 'eventId', 'logSource', 'logOffset'] as const;
