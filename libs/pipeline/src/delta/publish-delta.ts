import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { buildDelta, loadBundleFacts, putDelta, readDeltaInfo } from '@facet/bundles';
import type { NewInteractions } from '@facet/bundles';
import type { FacetConfig } from '@facet/config';
import { orderTable, parsePositiveClauses, toUserSequences } from '@facet/features';
import { catalogFiles, openLakeSnapshot, readInteractions, readItems } from '@facet/lake';
import type { LakeSnapshot } from '@facet/lake';
import { dayMs, isAppError, writeFileAtomically } from '@facet/platform';
import { toCatalogItem } from '../dataset/build-dataset.ts';
import type { StageContext } from '../context/stage-context.ts';

/** A published delta. */
export interface DeltaResult {
  readonly deltaId: string;
  readonly bundleId: string;
  /** The number of items that are not in the bundle. */
  readonly added: number;
  /** The number of items of the bundle that are no longer available. */
  readonly withdrawn: number;
  /** The number of items of the bundle that are available again. */
  readonly returned: number;
  /** The number of items of the bundle with another title or other attributes. */
  readonly changed: number;
}

/** The number of deltas to keep, so that recent responses can be replayed. */
const deltasKept = 10;

/** Increase this when the same inputs give another delta. */
const version = 2;

/**
 * Compares the catalog with the current bundle and publishes the difference as the reference `delta`. If both agree, publishes no
 * delta, or an empty one to replace an earlier one. Returns undefined if nothing changed, which the inode, size and time of the
 * catalog file and the version of the lake show, and if no bundle is current. An empty catalog counts as a missing one and changes nothing.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, and errors about a missing or damaged bundle.
 */
export async function publishDelta({ home, store, config }: StageContext): Promise<DeltaResult | undefined> {
  const bundle = await store.readRef('current');
  if (bundle === undefined) return undefined;
  const published = await store.readRef('delta');
  const path = join(home.catalogFolder, catalogFiles.items);
  const file = await fingerprint(path);
  if (file === undefined) return undefined;
  const memo = await readMemo(home.stagesFolder);
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  // Interactions matter for new items only.
  const isLakeCurrent = memo?.added === 0 || memo?.lakeVersion === snapshot.version;
  const isCurrent = memo?.bundleId === bundle.id && memo.deltaId === (published?.id ?? null) && isLakeCurrent;
  if (isCurrent && memo.file === file) return undefined;
  const { sha256 } = await hashFile(path);
  const { version: lakeVersion } = snapshot;
  const remember = (deltaId: string | null, added: number): Promise<void> =>
    writeMemo(home.stagesFolder, { version, bundleId: bundle.id, file, sha256, deltaId, lakeVersion, added });
  if (isCurrent && memo.sha256 === sha256) {
    await remember(memo.deltaId, memo.added);
    return undefined;
  }
  const items = await readItems(home.catalogFolder);
  if (items.length === 0) return undefined;
  const earlier = published === undefined ? undefined : await readEarlier(store, published);
  const facts = await loadBundleFacts(store, bundle);
  const hasNewItems = items.some(({ itemId }) => facts.catalog.indexOf(itemId) === undefined);
  const interactions = hasNewItems ? await readNewInteractions(snapshot, facts.info.asOf, config) : undefined;
  const contents = buildDelta(facts, items.map(toCatalogItem), { gone: earlier?.gone, interactions });
  const { counts, gone } = contents.info;
  const isEmpty = gone.length === 0 && Object.values(counts).every((count) => count === 0);
  if (published === undefined && isEmpty) {
    await remember(null, counts.added);
    return undefined;
  }
  const ref = await putDelta(store, contents);
  if (ref.id !== published?.id) {
    await store.writeRef('delta', ref);
    await store.prune('delta', { keep: deltasKept });
  }
  await remember(ref.id, counts.added);
  return ref.id === published?.id ? undefined : { deltaId: ref.id, bundleId: bundle.id, ...counts };
}

/** Reads the interactions since a bundle was built. */
async function readNewInteractions(
  snapshot: LakeSnapshot,
  asOf: number,
  { interactions: { positives, bots, ...rules }, dataset }: FacetConfig,
): Promise<NewInteractions> {
  const since = { occurredFrom: asOf };
  const read = await readInteractions(snapshot, since, { positives: parsePositiveClauses(positives), bots }, dataset);
  const { table } = orderTable(read, rules);
  return {
    today: Math.floor(Math.max(asOf, read.newest.occurredAt) / dayMs) + 1,
    sequencesOf: (vocabulary) => toUserSequences(table, vocabulary),
  };
}

/** Returns the published delta; undefined for an unreadable one, which is built again without withdrawn items of the past. */
async function readEarlier(store: ArtifactStore, ref: ArtifactRef): Promise<{ readonly gone: string[] } | undefined> {
  try {
    return await readDeltaInfo(store, ref);
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

/** The inputs of the last comparison, so that the next one can skip unchanged files. */
interface Memo {
  readonly version: number;
  readonly bundleId: string;
  readonly file: string;
  readonly sha256: string;
  readonly deltaId: string | null;
  readonly lakeVersion: number;
  /** The number of new items. */
  readonly added: number;
}

const memoName = 'delta.json';

async function readMemo(folder: string): Promise<Memo | undefined> {
  try {
    const memo = JSON.parse(await readFile(join(folder, memoName), 'utf8')) as Memo;
    return memo.version === version ? memo : undefined;
  } catch {
    return undefined;
  }
}

async function writeMemo(folder: string, memo: Memo): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(join(folder, memoName), [`${JSON.stringify(memo)}\n`]);
}

/** Returns a value that changes when the file is replaced or written; undefined for a missing file. */
async function fingerprint(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}-${size}-${mtimeNs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
