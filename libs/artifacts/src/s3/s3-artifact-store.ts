import { randomUUID } from 'node:crypto';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dayMs, hashFile, hourMs, isAppError, mapConcurrently, minuteMs } from '@facet/platform';
import type { S3Config } from '@facet/platform';
import { openBucket } from '@facet/platform/s3';
import type { Bucket, ListedObject, OpenUpload, StoredObject } from '@facet/platform/s3';
import { checkRef, copiesFolderName, corrupt, isId, isName, notFound, stagingFolderName } from '../artifact-errors.ts';
import type { ArtifactRef } from '../artifact-ref.ts';
import type { ArtifactStorage, ListedArtifact, OpenArtifact } from '../artifact-store.ts';
import { clearAbandoned, stagingPath } from '../disk/files.ts';
import type { ArtifactManifest, ManifestFile, SealedArtifact } from '../manifest.ts';
import { manifestName } from '../manifest.ts';
import { createArtifactCopies } from './artifact-copies.ts';
import {
  entriesPrefix,
  entryKey,
  filesPrefix,
  formatEntry,
  objectKey,
  parseEntry,
  parseObjectKey,
  removedEntry,
} from './artifact-entry.ts';
import type { ArtifactEntry, EntryFile } from './artifact-entry.ts';
import { s3PromotionRecords } from './s3-promotion-records.ts';

interface FoundEntry {
  readonly entry: ArtifactEntry;
  readonly manifest: ArtifactManifest;
  readonly etag: string;
}

/** A file on this machine that becomes part of an artifact. */
export interface SourceFile extends ManifestFile {
  readonly source: string;
}

/** An artifact that is complete on this machine. */
interface SourceArtifact extends SealedArtifact {
  readonly files: readonly SourceFile[];
  /** Epoch milliseconds. */
  readonly putAt: number;
}

export interface S3Storage extends ArtifactStorage {
  /**
   * Stores an artifact that may contain redacted files. An intact artifact of the same id stays, but takes over redactions. Returns
   * whether the files were stored.
   */
  storeFiles(artifact: SourceArtifact): Promise<boolean>;
}

const refsPrefix = 'refs/';
/** Uploads of a writer that has not finished after this time belong to a killed one. */
const abandonedMs = dayMs;
/** A reference is recorded within minutes of its claim. S3 refuses requests if a clock is wrong by more than 15 minutes. */
const claimMs = hourMs;
/** Attempts to read an artifact that erasures change at the same time. */
const attemptsMax = 10;
const requestsAtATime = 16;

interface S3StorageOptions extends S3Config {
  /** The folder of the store in the data home. */
  readonly folder: string;
  readonly now?: () => number;
}

/** Opens the storage in a bucket, with local copies in `folder`. */
export function openS3Storage(folder: string, config: S3Config): S3Storage {
  return createS3Storage(openBucket(config), { folder, ...config });
}

/**
 * Stores artifacts in a bucket, below the prefix of the store:
 * ```
 * facet-store.json                               marks the prefix, and shows whether the server honors conditions
 * artifacts/<kind>/<id>.json                     the entry: the manifest, and the object of each file; empty after a removal
 * files/<kind>/<id>/<generation>~<uuid>/<path>   the content of a file; never changed
 * promotions/<number>.json                       one promotion record each; created once, never changed
 * refs/<name>.json                               {kind, id}
 * ```
 * An entry is created and replaced by conditional writes only. A writer uploads the files for the next generation first. All objects up
 * to the generation of the entry that the entry does not name are therefore unused, and no writer will use them.
 */
export function createS3Storage(
  bucket: Bucket,
  { folder, cacheBytesMax, bucket: bucketName, prefix, now = Date.now }: S3StorageOptions,
): S3Storage {
  const location = `s3://${bucketName}/${prefix}`;
  // May be a disk of this machine.
  const copiesFolder = join(folder, copiesFolderName);
  const stagingFolder = join(copiesFolder, stagingFolderName);
  const copies = createArtifactCopies({ folder: copiesFolder, stagingFolder, bytesMax: cacheBytesMax });
  const listed = new Map<string, FoundEntry>();
  let refreshAt = -Infinity;

  async function findEntry(ref: ArtifactRef): Promise<FoundEntry | undefined> {
    return parseFound(ref, await bucket.get(entryKey(ref)));
  }

  async function readEntry(ref: ArtifactRef): Promise<FoundEntry> {
    checkRef(ref);
    const found = await findEntry(ref);
    if (found === undefined) throw notFound(ref, location);
    return found;
  }

  /** Returns the entries of a kind. Reads those that have changed since the last call. */
  async function entriesOf(kind: string): Promise<ReadonlyMap<string, FoundEntry>> {
    const entries = new Map<string, FoundEntry>();
    const objects = await bucket.list(`${entriesPrefix}${kind}/`);
    await mapConcurrently(objects, requestsAtATime, async ({ key, etag, bytes }) => {
      if (bytes === removedEntry.length) return;
      const id = key.slice(`${entriesPrefix}${kind}/`.length, -'.json'.length);
      if (!isId(id) || key !== entryKey({ kind, id })) return;
      const known = listed.get(key);
      const found = known?.etag === etag ? known : await findEntry({ kind, id }).catch(ignoreCorrupt);
      if (found === undefined) return;
      entries.set(id, found);
    });
    for (const key of listed.keys()) if (key.startsWith(`${entriesPrefix}${kind}/`)) listed.delete(key);
    for (const [id, found] of entries) listed.set(entryKey({ kind, id }), found);
    return entries;
  }

  async function list(kind: string): Promise<ListedArtifact[]> {
    return [...(await entriesOf(kind))].map(([id, { entry }]) => ({ ref: { kind, id }, putAt: entry.putAt }));
  }

  async function open(ref: ArtifactRef, options: { readonly files?: readonly string[] } = {}): Promise<OpenArtifact> {
    await refreshIfDue();
    for (let attempt = 1; ; attempt++) {
      const { entry, manifest, etag } = await readEntry(ref);
      const copy = await copies.hold(ref);
      try {
        await checkObjects(ref, entry);
        await load(
          ref,
          entry.files.filter(({ path }) => options.files?.includes(path) !== false),
        );
        return { ref, folder: copy.folder, manifest, release: copy.release };
      } catch (error) {
        await copy.release();
        // An erasure or a new put may have replaced the entry and removed the objects in the meantime.
        const isReplaced = isAppError(error, 'ARTIFACT_CORRUPT') && (await readEntry(ref)).etag !== etag;
        if (!isReplaced || attempt === attemptsMax) throw error;
      }
    }
  }

  function load(ref: ArtifactRef, files: readonly EntryFile[]): Promise<void> {
    return copies.load(ref, files, fetchFile(ref));
  }

  function fetchFile(ref: ArtifactRef) {
    return (file: EntryFile, path: string) => bucket.download(objectKey(ref, file), path, file.bytes);
  }

  /** @throws AppError `ARTIFACT_CORRUPT` for an object that is missing or has another size. */
  async function checkObjects(ref: ArtifactRef, entry: ArtifactEntry): Promise<void> {
    const objects = new Map((await listFiles(ref)).map((object) => [object.key, object]));
    for (const file of entry.files) {
      const object = objects.get(objectKey(ref, file));
      if (object === undefined) throw corrupt(ref, file.path, 'is missing');
      if (object.bytes !== file.bytes) {
        throw corrupt(ref, file.path, `has ${object.bytes} bytes instead of ${file.bytes}`);
      }
    }
  }

  async function isIntact(ref: ArtifactRef, entry: ArtifactEntry): Promise<boolean> {
    const etags = new Map((await listFiles(ref)).map(({ key, bytes, etag }) => [key, `${bytes} ${etag}`]));
    return entry.files.every((file) => etags.get(objectKey(ref, file)) === `${file.bytes} ${file.etag}`);
  }

  function listFiles({ kind, id }: ArtifactRef) {
    return bucket.list(`${filesPrefix}${kind}/${id}/`);
  }

  async function store({ ref, manifestText, files }: SealedArtifact, staged: string): Promise<void> {
    await refreshIfDue();
    const sources = files.map((file) => ({ ...file, source: join(staged, file.path) }));
    // The files of an artifact that exists may be from before an erasure.
    if (await storeFiles({ ref, manifestText, files: sources, putAt: now() })) await adopt(ref, staged);
  }

  async function adopt(ref: ArtifactRef, staged: string): Promise<void> {
    await rm(join(staged, manifestName));
    await copies.adopt(ref, staged);
    // An erasure on another host may have been faster.
    await updateCopy(ref);
  }

  /** Removes the copy of a pruned artifact, or replaces the files that an erasure has changed. */
  async function updateCopy(ref: ArtifactRef): Promise<void> {
    const found = await findEntry(ref);
    if (found === undefined) await copies.evict(ref);
    else await copies.update(ref, redactedFiles(found), fetchFile(ref));
  }

  async function storeFiles({ ref, manifestText, files, putAt }: SourceArtifact): Promise<boolean> {
    for (;;) {
      const found = await findEntry(ref).catch(ignoreCorrupt);
      // A corrupt or removed entry is replaced, too.
      const etag = found?.etag ?? (await bucket.get(entryKey(ref)))?.etag;
      if (found !== undefined && (await isIntact(ref, found.entry))) {
        const erased = files.find((file) => isErasedOnlyHere(file, found));
        if (erased !== undefined) await tryToReplace(ref, erased.path, (target) => copyFile(erased.source, target));
        else if (found.entry.putAt >= putAt) return false;
        else if (await write(ref, { ...found.entry, putAt }, found.etag)) return false;
        continue;
      }
      const generation = (found?.entry.generation ?? 0) + 1;
      const stored = await upload(ref, generation, files).catch(async (error: unknown) => {
        // The writer of another entry of this generation removes the objects of this one.
        if ((await bucket.get(entryKey(ref)))?.etag === etag) throw error;
        return undefined;
      });
      if (stored === undefined) continue;
      const entry = { format: 1 as const, generation, putAt, manifest: manifestText, files: stored };
      if ((await write(ref, entry, etag ?? 'absent')) || (await keepsFiles(ref, stored))) {
        if (etag !== undefined) await removeUnused(ref);
        return true;
      }
    }
  }

  /**
   * Returns, after a refused write of the entry, whether the entry names the files anyway: the response of an applied write may have been
   * lost, and another writer may have changed the entry since. If it does not, it never will, and the files are deleted.
   */
  async function keepsFiles(ref: ArtifactRef, files: readonly EntryFile[]): Promise<boolean> {
    const found = await findEntry(ref).catch(ignoreCorrupt);
    const uploads = new Set(found?.entry.files.map(({ upload }) => upload));
    if (files.some(({ upload }) => uploads.has(upload))) return true;
    await mapConcurrently(files, requestsAtATime, (file) => bucket.delete(objectKey(ref, file)));
    return false;
  }

  async function upload(ref: ArtifactRef, generation: number, files: readonly SourceFile[]): Promise<EntryFile[]> {
    const upload = `${generation}~${randomUUID()}`;
    const stored: EntryFile[] = [];
    for (const { source, ...file } of files) {
      const etag = await bucket.upload(objectKey(ref, { upload, path: file.path }), source, file.bytes);
      stored.push({ ...file, upload, etag });
    }
    return stored;
  }

  /** Returns false if another writer was first. */
  async function write(ref: ArtifactRef, entry: ArtifactEntry, condition: string): Promise<boolean> {
    return (await bucket.put(entryKey(ref), formatEntry(entry), condition)) !== undefined;
  }

  /** Returns false if another writer has replaced the entry in the meantime. */
  async function tryToReplace(
    ref: ArtifactRef,
    path: string,
    change: (target: string) => Promise<void>,
  ): Promise<boolean> {
    // Makes the local copy current, which `change` reads.
    const { release } = await open(ref, { files: [path] });
    const staged = await stagingPath(stagingFolder);
    try {
      const { entry, etag } = await readEntry(ref);
      await load(ref, [entry.files.find((file) => file.path === path)!]);
      await change(staged);
      const generation = entry.generation + 1;
      const source = { path, ...(await hashFile(staged)), source: staged };
      const [changed] = await upload(ref, generation, [source]).catch(async (error: unknown) => {
        if ((await readEntry(ref)).etag === etag) throw error;
        return [];
      });
      if (changed === undefined) return false;
      const files = entry.files.map((one) => (one.path === path ? changed : one));
      const isWritten = (await write(ref, { ...entry, generation, files }, etag)) || (await keepsFiles(ref, [changed]));
      if (!isWritten) return false;
      await copies.replace(ref, path, staged);
      await removeUnused(ref);
      return true;
    } finally {
      await rm(staged, { force: true });
      await release();
    }
  }

  /** Removes the objects and unfinished uploads of an artifact that no entry names and no writer will use. */
  async function removeUnused(ref: ArtifactRef): Promise<void> {
    const objects = await listFiles(ref);
    const uploads = await bucket.uploads(`${filesPrefix}${ref.kind}/${ref.id}/`);
    await removeUnnamed(await findEntry(ref), ref, objects, uploads);
  }

  /** @param found The entry, read after the lists: a later entry may name an object that they contain. */
  async function removeUnnamed(
    found: FoundEntry | undefined,
    ref: ArtifactRef,
    objects: readonly ListedObject[],
    uploads: readonly OpenUpload[],
  ): Promise<void> {
    const named = new Set(found?.entry.files.map((file) => objectKey(ref, file)));
    const isUnused = (key: string, changedAt: number): boolean => {
      const generation = parseObjectKey(key)?.generation;
      if (generation === undefined || named.has(key)) return false;
      return generation <= (found?.entry.generation ?? 0) || changedAt < now() - abandonedMs;
    };
    await mapConcurrently(
      objects.filter(({ key, changedAt }) => isUnused(key, changedAt)),
      requestsAtATime,
      ({ key }) => bucket.delete(key),
    );
    await mapConcurrently(
      uploads.filter(({ key, startedAt }) => isUnused(key, startedAt)),
      requestsAtATime,
      (upload) => bucket.abort(upload),
    );
  }

  async function removeRemains(): Promise<void> {
    const before = now() - abandonedMs;
    const removed = (await bucket.list(entriesPrefix)).filter(
      ({ bytes, changedAt }) => bytes === removedEntry.length && changedAt < before,
    );
    // With a condition, because a writer may be storing the artifact again.
    await mapConcurrently(removed, requestsAtATime, ({ key, etag }) => bucket.delete(key, etag));
    const objects = groupByArtifact(await bucket.list(filesPrefix));
    const uploads = groupByArtifact(await bucket.uploads(filesPrefix));
    const entries = new Map<string, ReadonlyMap<string, FoundEntry>>();
    for (const name of new Set([...objects.keys(), ...uploads.keys()])) {
      const [kind = '', id = ''] = name.split('/');
      if (!entries.has(kind)) entries.set(kind, await entriesOf(kind));
      const ref = { kind, id };
      try {
        const found = entries.get(kind)?.get(id) ?? (await findEntry(ref));
        await removeUnnamed(found, ref, objects.get(name) ?? [], uploads.get(name) ?? []);
      } catch (error) {
        // The objects of an entry that cannot be read stay.
        ignoreUnreadable(error);
      }
    }
    // Files of processes that were killed before the artifacts moved to S3.
    await clearAbandoned(join(folder, stagingFolderName));
    await refresh();
  }

  /** Changes the entry, so that a removal that has read the earlier one is refused. The claim ends after an hour. */
  async function claim(ref: ArtifactRef): Promise<() => Promise<void>> {
    for (;;) {
      const { entry, etag } = await readEntry(ref);
      if (await write(ref, { ...entry, claimedAt: now() }, etag)) return async () => undefined;
    }
  }

  async function remove(ref: ArtifactRef, isReferenced: () => Promise<boolean>): Promise<boolean> {
    const stored = await bucket.get(entryKey(ref));
    if (stored === undefined) return false;
    const { claimedAt = 0, files = [] } = parseIfReadable(ref, stored)?.entry ?? {};
    // A later promotion changes the entry before it records a reference.
    if (claimedAt > now() - claimMs || (await isReferenced())) return false;
    // Before the objects, so that readers find all or nothing.
    if ((await bucket.put(entryKey(ref), removedEntry, stored.etag)) === undefined) return false;
    await mapConcurrently(files, requestsAtATime, (file) => bucket.delete(objectKey(ref, file)));
    await copies.evict(ref);
    return true;
  }

  /** Refreshes the copies once an hour. A failure is not reported: the work that called it fails for the same reason, or succeeds. */
  async function refreshIfDue(): Promise<void> {
    if (performance.now() < refreshAt) return;
    refreshAt = performance.now() + hourMs;
    await copies
      .isRefreshDue(hourMs)
      .then((isDue) => (isDue ? refresh() : undefined))
      .catch(() => (refreshAt = performance.now() + minuteMs));
  }

  /** Updates all copies, and removes leftovers of killed processes. */
  async function refresh(): Promise<void> {
    let failure: unknown;
    for (const ref of await copies.list()) {
      try {
        await updateCopy(ref);
      } catch (error) {
        // The other copies must not keep erased contents because of this one.
        if (!isUnreadable(error)) failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    await copies.markRefreshed();
  }

  return {
    promotions: s3PromotionRecords(bucket, refreshIfDue),
    readManifest: async (ref) => (await readEntry(ref)).manifest,
    folder: copiesFolder,
    store,
    storeFiles,
    open,
    async replaceFile(...change) {
      while (!(await tryToReplace(...change))) {
        // Another host has changed the artifact. The change must be made to the new content.
      }
    },
    removeRemains,
    list,
    kinds: async () => (await bucket.folders(entriesPrefix)).filter(isName),
    claim,
    remove,
    refs: {
      names: async () =>
        (await bucket.list(refsPrefix)).map(({ key }) => key.slice(refsPrefix.length, -'.json'.length)).filter(isName),
      async read(name) {
        void refreshIfDue();
        const key = `${refsPrefix}${name}.json`;
        const found = await bucket.get(key);
        return found && { text: found.text, location: `${location}/${key}` };
      },
      async write(name, text) {
        await bucket.put(`${refsPrefix}${name}.json`, text);
      },
    },
  };
}

/** Returns undefined for an artifact that is absent or removed. */
function parseFound(ref: ArtifactRef, stored: StoredObject | undefined): FoundEntry | undefined {
  if (stored === undefined || stored.text === removedEntry) return undefined;
  return { ...parseEntry(ref, stored.text), etag: stored.etag };
}

function redactedFiles({ entry, manifest }: FoundEntry): EntryFile[] {
  return entry.files.filter(({ sha256 }, position) => sha256 !== manifest.files[position]!.sha256);
}

/** Whether a file on this machine is redacted and the one in the bucket has other content. */
function isErasedOnlyHere({ path, sha256 }: SourceFile, { entry, manifest }: FoundEntry): boolean {
  const original = manifest.files.find((file) => file.path === path)?.sha256;
  return sha256 !== original && sha256 !== entry.files.find((file) => file.path === path)?.sha256;
}

function groupByArtifact<Keyed extends { readonly key: string }>(keyed: readonly Keyed[]): Map<string, Keyed[]> {
  const groups = new Map<string, Keyed[]>();
  for (const one of keyed) {
    const ref = parseObjectKey(one.key)?.ref;
    if (ref === undefined) continue;
    const name = `${ref.kind}/${ref.id}`;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return groups;
}

function ignoreCorrupt(error: unknown): undefined {
  if (!isAppError(error, 'ARTIFACT_CORRUPT')) throw error;
}

/** Whether an artifact is damaged, missing or of a later version. */
function isUnreadable(error: unknown): boolean {
  return isAppError(error) && ['artifact', 'artifact-missing'].includes(error.category);
}

function parseIfReadable(ref: ArtifactRef, stored: StoredObject): FoundEntry | undefined {
  try {
    return parseFound(ref, stored);
  } catch (error) {
    return ignoreUnreadable(error);
  }
}

function ignoreUnreadable(error: unknown): undefined {
  if (!isUnreadable(error)) throw error;
}
