import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { buildDelta, loadBundleFacts, putDelta, readDeltaInfo } from '@facet/bundles';
import { catalogFiles, readItems } from '@facet/lake';
import { isAppError, writeFileAtomically } from '@facet/platform';
import { toCatalogItem } from '../dataset/build-dataset.ts';
import type { StageContext } from '../context/stage-context.ts';

/** What the stage has put in force. */
export interface DeltaResult {
  readonly deltaId: string;
  readonly bundleId: string;
  /** How many items of the catalog the bundle does not know, … */
  readonly added: number;
  /** … how many of its own are offered no more, … */
  readonly withdrawn: number;
  /** … are offered again, … */
  readonly returned: number;
  /** … or have another title or other attributes. */
  readonly changed: number;
}

/** Deltas that stay when others have taken their place: answers made with them can be repeated for a while. */
const deltasKept = 10;

/** Raised when the stage makes another delta of the same inputs. */
const stageVersion = 1;

/**
 * Catalog and current bundle → delta, which the reference `delta` names; where the catalog and the bundle agree there is
 * none, or an empty one in the place of another. Gives undefined when nothing changed, which it sees by the catalog file's
 * name, size and time alone, and where no bundle is current. An empty catalog counts as one that is not there, and
 * changes nothing.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, and those of a bundle that is gone or corrupt.
 */
export async function publishDelta({ home, store }: StageContext): Promise<DeltaResult | undefined> {
  const bundle = await store.readRef('current');
  if (bundle === undefined) return undefined;
  const inForce = await store.readRef('delta');
  const path = join(home.catalogFolder, catalogFiles.items);
  const file = await fingerprint(path);
  if (file === undefined) return undefined;
  const memo = await readMemo(home.stagesFolder);
  const isFor = memo?.bundleId === bundle.id && memo.deltaId === (inForce?.id ?? null);
  if (isFor && memo.file === file) return undefined;
  const { sha256 } = await hashFile(path);
  const remember = (deltaId: string | null): Promise<void> =>
    writeMemo(home.stagesFolder, { version: stageVersion, bundleId: bundle.id, file, sha256, deltaId });
  if (isFor && memo.sha256 === sha256) {
    await remember(memo.deltaId);
    return undefined;
  }
  const items = await readItems(home.catalogFolder);
  if (items.length === 0) return undefined;
  const before = inForce === undefined ? undefined : await readBefore(store, inForce);
  const contents = buildDelta(await loadBundleFacts(store, bundle), items.map(toCatalogItem), before?.gone);
  const { counts, gone } = contents.info;
  const isEmpty = gone.length === 0 && Object.values(counts).every((count) => count === 0);
  if (inForce === undefined && isEmpty) {
    await remember(null);
    return undefined;
  }
  const ref = await putDelta(store, contents);
  if (ref.id !== inForce?.id) {
    await store.writeRef('delta', ref);
    await store.prune('delta', { keep: deltasKept });
  }
  await remember(ref.id);
  return ref.id === inForce?.id ? undefined : { deltaId: ref.id, bundleId: bundle.id, ...counts };
}

/** The delta in force, unless it cannot be read: then it is made anew, and remembers nothing. */
async function readBefore(store: ArtifactStore, ref: ArtifactRef): Promise<{ readonly gone: string[] } | undefined> {
  try {
    return await readDeltaInfo(store, ref);
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

/** What the last run saw, so that the next one need not read it again. */
interface Memo {
  readonly version: number;
  readonly bundleId: string;
  readonly file: string;
  readonly sha256: string;
  readonly deltaId: string | null;
}

const memoName = 'delta.json';

async function readMemo(folder: string): Promise<Memo | undefined> {
  try {
    const memo = JSON.parse(await readFile(join(folder, memoName), 'utf8')) as Memo;
    return memo.version === stageVersion ? memo : undefined;
  } catch {
    return undefined;
  }
}

async function writeMemo(folder: string, memo: Memo): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(join(folder, memoName), [`${JSON.stringify(memo)}\n`]);
}

/** Changes whenever the file is replaced or written; undefined where there is none. */
async function fingerprint(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}-${size}-${mtimeNs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
