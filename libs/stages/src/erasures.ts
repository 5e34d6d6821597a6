import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifUsable, readJsonLines, writeJsonLines } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import type { LakeSnapshot } from '@facet/lake';
import { isAppError } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import { readDatasetInfo } from './dataset/dataset-artifact.ts';

/** An artifact that contains the ids of users. */
export interface ArtifactWithUsers {
  readonly ref: ArtifactRef;
  /** The file with the ids. */
  readonly path: string;
  /** The number of the searched users. */
  readonly users: number;
}

/** An artifact that cannot be read. It may contain the ids of users. */
export interface DamagedArtifact {
  readonly ref: ArtifactRef;
  readonly problem: string;
}

/** An erasure as the lake records it. */
type Erasure = Pick<LakeSnapshot['erasures'][number], 'userHash' | 'recordedVersion'>;

interface Watch {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** A user in a file of an artifact. */
interface ListedUser {
  readonly userId: string;
}

/** The file of each kind of artifact with one entry per user, in the order of the artifact's other arrays. */
const userFiles = {
  dataset: {
    path: 'users.jsonl',
    read: (path: string): Promise<ListedUser[]> => readJsonLines<ListedUser>(path),
    write: writeJsonLines,
  },
  /** Only bundles of variants with a vector per user have this file. */
  bundle: {
    path: 'user-ids.json',
    read: async (path: string): Promise<ListedUser[]> =>
      (JSON.parse(await readFile(path, 'utf8')) as string[]).map((userId) => ({ userId })),
    write: async (path: string, users: readonly ListedUser[]): Promise<void> =>
      writeFile(path, `${JSON.stringify(users.map(({ userId }) => userId))}\n`),
  },
};

/**
 * Replaces the ids of erased users in datasets and bundles by random ones, and removes their attributes. The artifacts keep
 * their ids. Artifacts that read a lake version with the erasure are skipped: their users came back later. May be repeated.
 *
 * @returns the changed artifacts, and those that could not be read
 * @throws The reason of the signal when aborted.
 */
export async function eraseFromArtifacts(
  store: ArtifactStore,
  {
    erasures,
    erasureKey,
  }: { readonly erasures: readonly Erasure[]; readonly erasureKey: Pick<LakeSnapshot['erasureKey'], 'of'> },
  watch: Watch = {},
): Promise<{ readonly changed: readonly ArtifactWithUsers[]; readonly damaged: readonly DamagedArtifact[] }> {
  const changed: ArtifactWithUsers[] = [];
  const damaged: DamagedArtifact[] = [];
  for await (const { ref, file, folder, unknownErasures } of artifactsWithUsers(store, { erasures, damaged }, watch)) {
    const hashes = new Set(unknownErasures.map(({ userHash }) => userHash));
    if (hashes.size === 0) continue;
    const path = join(folder, file.path);
    const isErased = ({ userId }: ListedUser): boolean => hashes.has(erasureKey.of(hashUser(userId)));
    const users = await ifUsable(
      async () => {
        if (!(await file.read(path)).some(isErased)) return 0;
        let count = 0;
        await store.redact(ref, file.path, async (target) => {
          // Again, because another compaction may have changed the file.
          const listed = await file.read(path);
          count = listed.filter(isErased).length;
          await file.write(
            target,
            listed.map((user) => (isErased(user) ? { userId: `erased:${randomUUID()}` } : user)),
          );
        });
        return count;
      },
      recordDamage(damaged, ref),
    );
    if (users !== undefined && users > 0) changed.push({ ref, path: file.path, users });
  }
  // Also after an erasure that was interrupted: its new content may be in place, and the old content not yet removed.
  await store.removeRemains();
  return { changed, damaged };
}

/**
 * Finds the datasets and bundles that contain a user. Leaves out those that read a lake version with all erasures of the user.
 *
 * @param erasures of the user; without any, all artifacts count
 */
export async function findUserInArtifacts(
  store: ArtifactStore,
  userId: string,
  erasures: readonly Erasure[],
  watch: Watch = {},
): Promise<{ readonly found: readonly ArtifactWithUsers[]; readonly damaged: readonly DamagedArtifact[] }> {
  const found: ArtifactWithUsers[] = [];
  const damaged: DamagedArtifact[] = [];
  for await (const { ref, file, folder, unknownErasures } of artifactsWithUsers(store, { erasures, damaged }, watch)) {
    if (erasures.length > 0 && unknownErasures.length === 0) continue;
    const listed = await ifUsable(() => file.read(join(folder, file.path)), recordDamage(damaged, ref));
    const users = (listed ?? []).filter((user) => user.userId === userId).length;
    if (users > 0) found.push({ ref, path: file.path, users });
  }
  return { found, damaged };
}

async function* artifactsWithUsers(
  store: ArtifactStore,
  { erasures, damaged }: { readonly erasures: readonly Erasure[]; readonly damaged: DamagedArtifact[] },
  { signal, onProgress }: Watch,
) {
  const listed = [...(await store.list('dataset')), ...(await store.list('bundle'))];
  for (const [position, { ref }] of listed.entries()) {
    signal?.throwIfAborted();
    onProgress?.(position, listed.length);
    const file = userFiles[ref.kind as keyof typeof userFiles];
    const artifact = await ifUsable(() => store.open(ref, { files: [file.path] }), recordDamage(damaged, ref));
    if (artifact === undefined) continue;
    try {
      if (!artifact.manifest.files.some(({ path }) => path === file.path)) continue;
      const datasetId = ref.kind === 'dataset' ? ref.id : artifact.manifest.metadata['datasetId'];
      const info = typeof datasetId === 'string' ? await ifUsable(() => readDatasetInfo(store, datasetId)) : undefined;
      const lakeVersion = info?.sources.lakeVersion ?? -1;
      const unknownErasures = erasures.filter(({ recordedVersion }) => recordedVersion > lakeVersion);
      yield { ref, file, folder: artifact.folder, unknownErasures };
    } finally {
      await artifact.release();
    }
  }
}

/** Adds an artifact that is not usable, unless it is pruned. */
function recordDamage(damaged: DamagedArtifact[], ref: ArtifactRef): (error: unknown) => void {
  return (error) => {
    if (isAppError(error) && error.code !== 'ARTIFACT_NOT_FOUND') damaged.push({ ref, problem: error.message });
  };
}
