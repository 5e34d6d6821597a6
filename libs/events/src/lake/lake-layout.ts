import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LakeWindow } from './lake-event.ts';

/**
 * The event lake is a Hive folder: `dt=YYYY-MM-DD/part-<topic>-<partition>-<from>-<to>.parquet`, the day being that of
 * `occurredAt` in UTC and `[from, to)` the offsets that the batch came from. `_offsets/<topic>-<partition>.json` says up to
 * which offset a log is committed; a part beyond it belongs to a batch that is not yet whole, and readers pass it over.
 * Spark, Trino and DuckDB skip names that begin with an underscore.
 */
export const offsetsFolder = '_offsets';
export const temporaryFolder = '_tmp';

/** The log partition that a part came from. */
export interface LakeSource {
  readonly topic: string;
  readonly partition: number;
}

/** What the name of a part says. */
export interface LakePart extends LakeSource {
  readonly day: string;
  readonly from: number;
  readonly to: number;
  /** Relative to the lake folder, with forward slashes. */
  readonly path: string;
}

export function sourceName(source: LakeSource): string {
  return `${source.topic}-${source.partition}`;
}

export function partName(source: LakeSource, range: { readonly from: number; readonly to: number }): string {
  return `part-${sourceName(source)}-${range.from}-${range.to}.parquet`;
}

const dayPattern = /^dt=(\d{4}-\d\d-\d\d)$/;
const partPattern = /^part-(.+)-(\d+)-(\d+)-(\d+)\.parquet$/;

/** Every part that lies in the lake, committed or not, in order of its path. */
export async function listParts(lakeFolder: string): Promise<LakePart[]> {
  const folders = (await readNames(lakeFolder)).filter((name) => dayPattern.test(name)).sort();
  const parts = await Promise.all(
    folders.map(async (folder) =>
      (await readNames(join(lakeFolder, folder))).sort().flatMap((name) => partOf(folder, name)),
    ),
  );
  return parts.flat();
}

function partOf(folder: string, name: string): LakePart[] {
  const day = dayPattern.exec(folder)?.[1];
  const match = partPattern.exec(name);
  if (day === undefined || match === null) return [];
  const [, topic, partition, from, to] = match as unknown as [string, string, string, string, string];
  return [{ day, topic, partition: Number(partition), from: Number(from), to: Number(to), path: `${folder}/${name}` }];
}

/** The committed parts that may hold events of the window. */
export async function listCommittedParts(lakeFolder: string, window: LakeWindow = {}): Promise<LakePart[]> {
  const committed = await readCommittedOffsets(lakeFolder);
  const { occurredFrom = Number.NEGATIVE_INFINITY, occurredBefore = Number.POSITIVE_INFINITY } = window;
  return (await listParts(lakeFolder)).filter((part) => {
    const start = Date.parse(`${part.day}T00:00:00Z`);
    return part.to <= (committed.get(sourceName(part)) ?? 0) && start + dayMs > occurredFrom && start < occurredBefore;
  });
}

const dayMs = 86_400_000;

/** Up to which offset each source is in the lake. */
export async function readCommittedOffsets(lakeFolder: string): Promise<ReadonlyMap<string, number>> {
  const names = (await readNames(join(lakeFolder, offsetsFolder))).filter((name) => name.endsWith('.json'));
  const entries = names.map(async (name): Promise<[string, number]> => {
    const text = await readFile(join(lakeFolder, offsetsFolder, name), 'utf8');
    return [name.slice(0, -'.json'.length), (JSON.parse(text) as { committed: number }).committed];
  });
  return new Map(await Promise.all(entries));
}

async function readNames(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}
