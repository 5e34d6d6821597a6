import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createFileAtomically,
  createFolder,
  hashFile,
  hourMs,
  ignoreMissing,
  isAppError,
  listNames,
  minuteMs,
  pathExists,
  readTextIfExists,
  syncPath,
  writeFileAtomically,
} from '@facet/platform';
import { checkRef, corrupt, isId, isName, notFound, stagingFolderName } from './artifact-errors.ts';
import type { ArtifactRef } from './artifact-ref.ts';
import type { ArtifactStorage, ArtifactStore, ListedArtifact, OpenArtifact } from './artifact-store.ts';
import { createArtifactStore } from './create-artifact-store.ts';
import { hasErrorCode, hashFiles, listFolder, clearAbandoned, isAbandoned, stagingPath } from './disk/files.ts';
import { parseRedactions, manifestName, manifestOf, redactionsName } from './manifest.ts';
import type { ArtifactManifest, ManifestFile, SealedArtifact } from './manifest.ts';
import type { PromotionRecords } from './promotions/promotion-log.ts';

/** After this time, the claim or removal of another host belongs to an ended process. */
const markMs = { claim: hourMs, removal: minuteMs } as const;
type MarkedAction = keyof typeof markMs;
const pollMs = 20;

/**
 * Creates an artifact store in a folder of one disk:
 * ```
 * <root>/<kind>/<id>/manifest.json …   immutable; synced, then renamed into place
 * <root>/<kind>/<id>/redactions.json   new hashes of files that an erasure has changed
 * <root>/promotions/<number>.json      one promotion record each; created once, never changed
 * <root>/refs/<name>.json              {kind, id}, replaced by rename
 * <root>/staging/…                     files being written or removed, and marks of artifacts that are claimed or removed
 * <root>/lock.<number>                 while an erasure changes files
 * ```
 */
export function createFolderArtifactStore(root: string): ArtifactStore {
  return createArtifactStore(createFolderStorage(root));
}

/** Creates the storage of {@link createFolderArtifactStore}. */
export function createFolderStorage(root: string): ArtifactStorage {
  const refsFolder = join(root, 'refs');
  const stagingFolder = join(root, stagingFolderName);
  const promotionsFolder = join(root, 'promotions');

  function folderOf(ref: ArtifactRef): string {
    checkRef(ref);
    return join(root, ref.kind, ref.id);
  }

  async function readManifest(ref: ArtifactRef): Promise<ArtifactManifest> {
    const path = join(folderOf(ref), manifestName);
    const text = await readTextIfExists(path);
    if (text !== undefined) return manifestOf(ref, text, path);
    throw (await pathExists(folderOf(ref))) ? corrupt(ref, manifestName, 'is missing') : notFound(ref, root);
  }

  async function open(ref: ArtifactRef, options: { readonly files?: readonly string[] } = {}): Promise<OpenArtifact> {
    const manifest = await readManifest(ref);
    const folder = folderOf(ref);
    const present = new Set((await listFolder(folder)).files);
    present.delete(manifestName);
    present.delete(redactionsName);
    for (const file of manifest.files) {
      if (!present.delete(file.path)) throw corrupt(ref, file.path, 'is missing');
      const { size } = await stat(join(folder, file.path));
      if (size === file.bytes || (await isRedacted(ref, file.path, ({ bytes }) => bytes === size))) continue;
      throw corrupt(ref, file.path, `has ${size} bytes instead of ${file.bytes}`);
    }
    for (const extra of present) throw corrupt(ref, extra, 'is not in the manifest');
    const read = manifest.files.filter(({ path }) => options.files?.includes(path) !== false);
    const hashes = await hashFiles(read.map(({ path, bytes }) => ({ path: join(folder, path), bytes })));
    for (const [position, { path, sha256 }] of read.entries()) {
      const found = hashes[position];
      if (found === sha256 || (await isRedacted(ref, path, (file) => file.sha256 === found))) continue;
      throw corrupt(ref, path, 'has been altered');
    }
    return { ref, folder, manifest, release: async () => undefined };
  }

  async function readRedactions(ref: ArtifactRef): Promise<readonly ManifestFile[]> {
    const path = join(folderOf(ref), redactionsName);
    return parseRedactions((await readTextIfExists(path)) ?? '[]', path);
  }

  async function isRedacted(
    ref: ArtifactRef,
    path: string,
    isSameFile: (file: ManifestFile) => boolean,
  ): Promise<boolean> {
    return (await readRedactions(ref)).some((file) => file.path === path && isSameFile(file));
  }

  async function replaceFile(ref: ArtifactRef, path: string, write: (target: string) => Promise<void>): Promise<void> {
    const { folder } = await open(ref, { files: [path] });
    const staged = await stagingPath(stagingFolder);
    try {
      await write(staged);
      await syncPath(staged);
      const text = JSON.stringify([...(await readRedactions(ref)), { path, ...(await hashFile(staged)) }]);
      // First, so that readers accept the new file. Until it is in place, they accept the earlier ones.
      await writeFileAtomically(join(folder, redactionsName), [`${text}\n`], {
        temporary: await stagingPath(stagingFolder),
      });
      await rename(staged, join(folder, path));
      await syncPath(folder);
    } finally {
      await rm(staged, { force: true });
    }
  }

  /**
   * Renames the staged folder into place. An equal artifact stays unless it is corrupt, in which case the new copy
   * replaces it.
   */
  async function store({ ref }: SealedArtifact, staged: string): Promise<void> {
    const target = folderOf(ref);
    await createFolder(join(root, ref.kind));
    for (;;) {
      try {
        await rename(staged, target);
        break;
      } catch (error) {
        if (!hasErrorCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      }
      try {
        await open(ref);
        const now = new Date();
        await utimes(join(target, manifestName), now, now);
        return;
      } catch (error) {
        // A concurrent prune may have removed the artifact; the next rename then succeeds.
        if (isAppError(error, 'ARTIFACT_CORRUPT')) await discard(target);
        else if (!isAppError(error, 'ARTIFACT_NOT_FOUND') && !hasErrorCode(error, 'ENOENT')) throw error;
      }
    }
    await syncPath(join(root, ref.kind));
  }

  /** Removes a folder such that readers see all or nothing of it. */
  async function discard(folder: string): Promise<void> {
    const removed = await stagingPath(stagingFolder);
    await rename(folder, removed).catch(ignoreMissing(undefined));
    await rm(removed, { recursive: true, force: true });
  }

  async function list(kind: string): Promise<ListedArtifact[]> {
    const listed: ListedArtifact[] = [];
    for (const id of await listNames(join(root, kind))) {
      if (!isId(id)) continue;
      const manifest = await stat(join(root, kind, id, manifestName)).catch(ignoreMissing(undefined));
      if (manifest !== undefined) listed.push({ ref: { kind, id }, putAt: manifest.mtimeMs });
    }
    return listed;
  }

  /**
   * Creates a file that tells other processes that this one claims or removes an artifact. Returns a function that deletes the file. Each
   * of two processes creates its file before it looks for that of the other one, so one of them sees the other.
   */
  async function mark(action: MarkedAction, { kind, id }: ArtifactRef): Promise<() => Promise<void>> {
    const path = `${await stagingPath(stagingFolder)}~${action}~${kind}~${id}`;
    await writeFile(path, '');
    return () => rm(path, { force: true });
  }

  async function isMarked(action: MarkedAction, { kind, id }: ArtifactRef): Promise<boolean> {
    for (const name of await listNames(stagingFolder)) {
      const isSame = name.endsWith(`~${action}~${kind}~${id}`);
      if (isSame && !(await isAbandoned(join(stagingFolder, name), name, markMs[action]))) return true;
    }
    return false;
  }

  const promotions: PromotionRecords = {
    names: () => listNames(promotionsFolder),
    read: async (name) =>
      readFile(join(promotionsFolder, name), 'utf8').catch((error: unknown) => {
        if (hasErrorCode(error, 'ENOENT', 'EISDIR')) return undefined;
        throw error;
      }),
    async create(name, text) {
      await createFolder(promotionsFolder);
      const temporary = await stagingPath(stagingFolder);
      return createFileAtomically(join(promotionsFolder, name), [text], { temporary });
    },
  };

  return {
    folder: root,
    promotions,
    readManifest,
    store,
    open,
    replaceFile,
    list,
    kinds: async () => (await listNames(root)).filter(isName),
    async claim(ref) {
      const release = await mark('claim', ref);
      try {
        while (await isMarked('removal', ref)) await sleep(pollMs);
        await readManifest(ref);
        return release;
      } catch (error) {
        await release();
        throw error;
      }
    },
    async remove(ref, isReferenced) {
      const release = await mark('removal', ref);
      try {
        // In this order: a claim ends after its reference is recorded.
        if ((await isMarked('claim', ref)) || (await isReferenced())) return false;
        await discard(folderOf(ref));
        return true;
      } finally {
        await release();
      }
    },
    removeRemains: () => clearAbandoned(stagingFolder),
    refs: {
      names: async () =>
        (await listNames(refsFolder)).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : [])),
      async read(name) {
        const location = join(refsFolder, `${name}.json`);
        const text = await readTextIfExists(location);
        return text === undefined ? undefined : { text, location };
      },
      async write(name, text) {
        await createFolder(refsFolder);
        const temporary = await stagingPath(stagingFolder);
        await writeFileAtomically(join(refsFolder, `${name}.json`), [text], { temporary });
      },
    },
  };
}

/** Returns the names of the folders that contain artifacts, references or promotion records of a store in this folder. */
export async function localArtifactFolders(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await listNames(folder)) {
    const names = isName(name) || name === 'refs' || name === 'promotions' ? await listNames(join(folder, name)) : [];
    if (names.some((one) => isId(one) || one.endsWith('.json'))) found.push(name);
  }
  return found;
}
