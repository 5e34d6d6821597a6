import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, hashFile, isAppError, listNames, syncPath, waitForFolderLock } from '@facet/platform';
import type { S3Config } from '@facet/platform';
import { locked } from '../artifact-errors.ts';
import type { ArtifactRef } from '../artifact-ref.ts';
import type { ArtifactStorage } from '../artifact-store.ts';
import { createFolderStorage, localArtifactFolders } from '../folder-artifact-store.ts';
import { isRecordName } from '../promotions/promotion-log.ts';
import { manifestName } from '../manifest.ts';
import { openS3Storage } from './s3-artifact-store.ts';
import type { S3Storage, SourceFile } from './s3-artifact-store.ts';

const lockWaitMs = 10_000;

/** What {@link uploadArtifacts} has done. */
export interface MovedArtifacts {
  readonly uploaded: number;
  /** Corrupt artifacts, which stay on this machine only. */
  readonly corrupt: readonly ArtifactRef[];
  /** The folder of the local files, or undefined if there were none. */
  readonly movedTo: string | undefined;
}

/**
 * Copies verified artifacts, the references and the promotion log to the bucket, then moves the local files to `uploaded/<n>` in the
 * folder. May be interrupted and repeated. Erasures wait until it has ended.
 *
 * @throws AppError `ARTIFACT_STORE_DIFFERS` if the bucket has the promotions or references of another home; `ARTIFACT_LOCKED`; those of
 *   the stores.
 */
export async function uploadArtifacts(
  folder: string,
  config: S3Config,
  onProgress: (done: number, total: number) => void | Promise<void>,
): Promise<MovedArtifacts> {
  const lock = await waitForFolderLock(folder, lockWaitMs);
  if ('heldBy' in lock) throw locked(folder, lock.heldBy);
  try {
    const copy = createCopier(createFolderStorage(folder), openS3Storage(folder, config), config);
    // Before the first upload, so that a wrong bucket or prefix changes nothing.
    await copy.check(await localArtifactFolders(folder));
    // Until nothing is new: a process that was not stopped may promote in the meantime.
    while (await copy.run(onProgress));
    return { ...copy.result(), movedTo: await moveAside(folder) };
  } finally {
    await lock.release();
  }
}

function createCopier(local: ArtifactStorage, remote: S3Storage, config: S3Config) {
  const done = new Set<string>();
  const corrupt: ArtifactRef[] = [];
  let uploaded = 0;

  async function textsOf(
    names: readonly string[],
    read: (name: string) => Promise<string | undefined>,
  ): Promise<ReadonlyMap<string, string>> {
    const texts = new Map<string, string>();
    for (const name of names) {
      const text = await read(name);
      if (text !== undefined) texts.set(name, text);
    }
    return texts;
  }
  const recordsOf = async ({ promotions }: ArtifactStorage) =>
    textsOf((await promotions.names()).filter(isRecordName).sort(), promotions.read);
  const refsOf = async ({ refs }: ArtifactStorage) =>
    textsOf(await refs.names(), async (name) => (await refs.read(name))?.text);

  async function check(localFolders: readonly string[]): Promise<void> {
    if (localFolders.length === 0) return;
    for (const [what, read] of [
      ['promotion record', recordsOf],
      ['reference', refsOf],
    ] as const) {
      const expected = await read(local);
      for (const [name, text] of await read(remote)) {
        if (expected.get(name) !== text) throw differs(config, `${what} ${name}`);
      }
    }
  }

  /** Copies what has not been copied. Returns whether there was something. */
  async function run(onProgress: (done: number, total: number) => void | Promise<void>): Promise<boolean> {
    const before = done.size;
    const kinds = await local.kinds();
    const listed = (await Promise.all(kinds.map((kind) => local.list(kind)))).flat();
    const pending = listed.filter(({ ref }) => !done.has(ref.id)).sort((a, b) => a.putAt - b.putAt);
    for (const [position, { ref, putAt }] of pending.entries()) {
      await onProgress(position, pending.length);
      if (await upload(ref, putAt)) uploaded++;
      else corrupt.push(ref);
      done.add(ref.id);
    }
    for (const [name, text] of await refsOf(local)) {
      if (done.has(`${name} ${text}`)) continue;
      await remote.refs.write(name, text);
      done.add(`${name} ${text}`);
    }
    // Last: it makes the current bundle visible.
    for (const [name, text] of await recordsOf(local)) {
      if (done.has(name)) continue;
      const isCreated = await remote.promotions.create(name, text);
      if (!isCreated && (await remote.promotions.read(name)) !== text) {
        throw differs(config, `promotion record ${name}`);
      }
      done.add(name);
    }
    return done.size > before;
  }

  /** Returns false for a corrupt artifact. */
  async function upload(ref: ArtifactRef, putAt: number): Promise<boolean> {
    try {
      const { folder: source, manifest } = await local.open(ref);
      const files: SourceFile[] = [];
      for (const { path } of manifest.files) {
        files.push({ path, ...(await hashFile(join(source, path))), source: join(source, path) });
      }
      const manifestText = await readFile(join(source, manifestName), 'utf8');
      await remote.storeFiles({ ref, manifestText, files, putAt: Math.floor(putAt) });
      return true;
    } catch (error) {
      if (!isAppError(error, 'ARTIFACT_CORRUPT')) throw error;
      return false;
    }
  }

  return { check, run, result: () => ({ uploaded, corrupt }) };
}

async function moveAside(folder: string): Promise<string | undefined> {
  const names = await localArtifactFolders(folder);
  if (names.length === 0) return undefined;
  const parent = join(folder, 'uploaded');
  await mkdir(parent, { recursive: true });
  const numbers = (await listNames(parent)).map(Number).filter(Number.isInteger);
  const target = join(parent, String(Math.max(0, ...numbers) + 1));
  await mkdir(target);
  // The promotion log last: while it is here, a repetition recognizes the bucket of this home.
  names.sort((a, b) => Number(a === 'promotions') - Number(b === 'promotions'));
  for (const name of names) await rename(join(folder, name), join(target, name));
  for (const changed of [target, parent, folder]) await syncPath(changed);
  return target;
}

function differs({ bucket, prefix }: S3Config, what: string): AppError {
  return new AppError(`s3://${bucket}/${prefix} has another ${what} than this data home.`, {
    code: 'ARTIFACT_STORE_DIFFERS',
    category: 'precondition',
    remedy:
      'Set another prefix in s3.yaml: each data home needs its own. If the bucket belongs to this home, move the local artifacts elsewhere.',
    context: { bucket, prefix, what },
  });
}
