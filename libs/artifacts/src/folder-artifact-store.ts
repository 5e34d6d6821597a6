import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, isAppError, syncPath, waitForFolderLock, writeFileAtomically } from '@facet/platform';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ArtifactRef, ArtifactStore, ListedArtifact, OpenArtifact, PromotionDecision } from './artifact-store.ts';
import { hasErrorCode, hashFile, listFolder } from './disk/files.ts';
import { hashFiles } from './disk/files.ts';
import { artifactId, formatManifest, parseManifest, parseRedactions } from './manifest.ts';
import type { ArtifactManifest, ArtifactMetadata, ManifestFile } from './manifest.ts';
import { createPromotionLog } from './promotions/promotion-log.ts';
import { isPromotionRun } from './promotions/promotion-record.ts';
import type { PromotionRecord, PromotionRun } from './promotions/promotion-record.ts';
import { cancellationOf, fenceOf, onceCurrent, promotionOf, refuseSuperseded } from './promotions/promotion-rules.ts';
import { clearAbandoned, stagingPath } from './disk/staging.ts';

const manifestName = 'manifest.json';
const redactionsName = 'redactions.json';
const minKeep = 3;
/** Another process may be rewriting the users of a large dataset. */
const redactionWaitMs = 60_000;
/** References that only the promotion log changes. */
const promotedNames: readonly string[] = ['current', 'previous'];
const Ref = Type.Object({ kind: Type.String(), id: Type.String() });
const namePattern = /^[a-z][a-z0-9-]{0,63}$/;
const idPattern = /^[0-9a-f]{32}$/;

/**
 * Creates an artifact store in a folder of one disk:
 * ```
 * <root>/<kind>/<id>/manifest.json …   immutable; synced, then renamed into place
 * <root>/<kind>/<id>/redactions.json   new hashes of files that an erasure has changed
 * <root>/promotions/<number>.json      one promotion record each; created once, never changed
 * <root>/refs/<name>.json              {kind, id}, replaced by rename
 * <root>/staging/…                     files being written or removed
 * <root>/lock.<number>                 while an erasure changes files
 * ```
 */
export function createFolderArtifactStore(root: string): ArtifactStore {
  const refsFolder = join(root, 'refs');
  const stagingFolder = join(root, 'staging');
  const log = createPromotionLog(join(root, 'promotions'), stagingFolder);

  function folderOf({ kind, id }: ArtifactRef): string {
    checkName(kind, 'kind');
    if (!idPattern.test(id)) throw invalid(`"${id}" is not an artifact id.`, 'Use an id that the store returned.');
    return join(root, kind, id);
  }

  async function readManifest(ref: ArtifactRef): Promise<ArtifactManifest> {
    const path = join(folderOf(ref), manifestName);
    const text = await readFile(path, 'utf8').catch(async (error: unknown) => {
      if (!hasErrorCode(error, 'ENOENT', 'ENOTDIR')) throw error;
      if (await exists(folderOf(ref))) throw corrupt(ref, manifestName, 'is missing');
      throw new AppError(`The artifact store ${root} has no ${ref.kind} ${ref.id}.`, {
        code: 'ARTIFACT_NOT_FOUND',
        category: 'artifact-missing',
        remedy: `List the existing ${ref.kind}s, or rebuild this one.`,
        context: { ...ref },
        cause: error,
      });
    });
    if (artifactId(text) !== ref.id) throw corrupt(ref, manifestName, 'has been altered');
    const manifest = parseManifest(text, path);
    if (manifest.kind !== ref.kind) throw corrupt(ref, manifestName, `belongs to a ${manifest.kind}`);
    return manifest;
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
    return { ref, folder, manifest };
  }

  async function readRedactions(ref: ArtifactRef): Promise<readonly ManifestFile[]> {
    const path = join(folderOf(ref), redactionsName);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (hasErrorCode(error, 'ENOENT')) return '[]';
      throw error;
    });
    return parseRedactions(text, path);
  }

  async function isRedacted(
    ref: ArtifactRef,
    path: string,
    isSameFile: (file: ManifestFile) => boolean,
  ): Promise<boolean> {
    return (await readRedactions(ref)).some((file) => file.path === path && isSameFile(file));
  }

  async function redact(ref: ArtifactRef, path: string, write: (target: string) => Promise<void>): Promise<void> {
    const lock = await waitForFolderLock(root, redactionWaitMs);
    if ('heldBy' in lock) {
      throw new AppError(`Process ${lock.heldBy} is changing artifacts of ${root}.`, {
        code: 'ARTIFACT_LOCKED',
        category: 'conflict',
        remedy: 'Wait until the process has ended, and repeat the command.',
        retryable: true,
        context: { ...ref },
      });
    }
    try {
      await replaceFile(ref, path, write);
    } finally {
      await lock.release();
    }
  }

  async function replaceFile(ref: ArtifactRef, path: string, write: (target: string) => Promise<void>): Promise<void> {
    const { folder, manifest } = await open(ref, { files: [path] });
    if (!manifest.files.some((file) => file.path === path)) {
      throw invalid(`The ${ref.kind} ${ref.id} has no file ${path}.`, 'Name a file of the manifest.');
    }
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

  async function put(
    kind: string,
    write: (folder: string) => Promise<void>,
    metadata: ArtifactMetadata,
  ): Promise<ArtifactRef> {
    checkName(kind, 'kind');
    await clearAbandoned(stagingFolder);
    const staged = await stagingPath(stagingFolder);
    try {
      await mkdir(staged);
      await write(staged);
      const ref = await seal(kind, staged, metadata);
      await moveIntoPlace(staged, ref);
      return ref;
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
  }

  /** Hashes and syncs the staged files and adds the manifest. */
  async function seal(kind: string, staged: string, metadata: ArtifactMetadata): Promise<ArtifactRef> {
    const { files, folders } = await listFolder(staged);
    const reserved = [manifestName, redactionsName].find((name) => files.includes(name));
    if (reserved !== undefined) {
      throw invalid(`The store reserves the file name ${reserved}.`, 'Choose another file name.');
    }
    const entries: ManifestFile[] = [];
    for (const path of files) {
      entries.push({ path, ...(await hashFile(join(staged, path))) });
      await syncPath(join(staged, path));
    }
    const text = formatManifest({ formatVersion: 1, kind, files: entries, metadata });
    await writeFileAtomically(join(staged, manifestName), [text]);
    for (const folder of folders) await syncPath(folder);
    return { kind, id: artifactId(text) };
  }

  /**
   * Renames the staged folder into place. An equal artifact stays unless it is corrupt, in which case the new copy
   * replaces it.
   */
  async function moveIntoPlace(staged: string, ref: ArtifactRef): Promise<void> {
    const target = folderOf(ref);
    await mkdir(join(root, ref.kind), { recursive: true });
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
    await rename(folder, removed).catch((error: unknown) => {
      if (!hasErrorCode(error, 'ENOENT')) throw error;
    });
    await rm(removed, { recursive: true, force: true });
  }

  async function list(kind: string): Promise<ListedArtifact[]> {
    checkName(kind, 'kind');
    const listed: ListedArtifact[] = [];
    for (const id of await namesIn(join(root, kind))) {
      if (!idPattern.test(id)) continue;
      const manifest = await stat(join(root, kind, id, manifestName)).catch(() => undefined);
      if (manifest !== undefined) listed.push({ ref: { kind, id }, putAt: manifest.mtimeMs });
    }
    return listed.sort((a, b) => b.putAt - a.putAt || (a.ref.id < b.ref.id ? -1 : 1));
  }

  async function readRef(name: string): Promise<ArtifactRef | undefined> {
    if (name === 'current') return (await log.newest())?.ref ?? undefined;
    if (name === 'previous') return (await log.newest())?.previous ?? undefined;
    const path = refPath(name);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (hasErrorCode(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = undefined;
    }
    if (Value.Check(Ref, value) && namePattern.test(value.kind) && idPattern.test(value.id)) return value;
    throw new AppError(`${path} does not name an artifact.`, {
      code: 'ARTIFACT_CORRUPT',
      category: 'artifact',
      remedy: 'Delete the file. The process that writes the reference creates it again.',
      context: { file: path },
    });
  }

  async function writeRef(name: string, ref: ArtifactRef): Promise<void> {
    if (promotedNames.includes(name)) {
      throw invalid(`The reference "${name}" cannot be written directly.`, 'Promote the artifact, or roll back.');
    }
    const path = refPath(name);
    await readManifest(ref);
    await mkdir(refsFolder, { recursive: true });
    const text = `${JSON.stringify({ kind: ref.kind, id: ref.id })}\n`;
    await writeFileAtomically(path, [text], { temporary: await stagingPath(stagingFolder) });
  }

  async function promote(
    ref: ArtifactRef,
    decision: PromotionDecision & { readonly run?: PromotionRun } = {},
  ): Promise<PromotionRecord> {
    const { run } = decision;
    if (run !== undefined) checkRun(run);
    await open(ref);
    return log.append(async ({ newest, records }) => {
      if (run !== undefined) {
        const all = await records();
        const done = promotionOf(run, all);
        if (done !== undefined) return done;
        refuseSuperseded(run, all);
      }
      const current = newest?.ref ?? null;
      if (newest !== undefined && current !== null && isSame(current, ref)) return newest;
      refuseOtherCurrent(current, decision);
      return {
        kind: 'promote',
        ...decisionFields(decision),
        ref: { kind: ref.kind, id: ref.id },
        previous: (await isPresent(current)) ? current : (newest?.previous ?? null),
        run: run && { runId: run.runId, day: run.day },
      };
    });
  }

  async function rollback(decision: PromotionDecision & { readonly to?: string } = {}): Promise<ArtifactRef> {
    const { ref } = await log.append(async ({ newest, records }) => {
      const { ref: current = null } = newest ?? {};
      refuseOtherCurrent(current, decision);
      const previous =
        decision.to === undefined ? (newest?.previous ?? null) : onceCurrent(decision.to, await records());
      if (current === null || previous === null || isSame(current, previous)) {
        const { to } = decision;
        const why = to === current?.id ? 'is current' : 'was not current at any time';
        throw new AppError(to === undefined ? 'There is no previous artifact to roll back to.' : `${to} ${why}.`, {
          code: 'ARTIFACT_NO_PREVIOUS',
          category: 'artifact',
          remedy: 'Promote an artifact by its id instead.',
        });
      }
      // The content was verified at promotion and is verified again at loading, so the rollback does not wait for it.
      await open(previous, { files: [] });
      return {
        kind: 'rollback',
        ...decisionFields(decision),
        ref: previous,
        previous: (await isPresent(current)) ? current : null,
      };
    });
    return ref!;
  }

  async function fence(
    run: PromotionRun,
    decision: Pick<PromotionDecision, 'by' | 'at'> = {},
  ): Promise<PromotionRecord> {
    return appendAboutRun('fence', run, decision, (records) => fenceOf(run, records));
  }

  async function cancel(
    run: PromotionRun,
    decision: Omit<PromotionDecision, 'expectedCurrent'> = {},
  ): Promise<PromotionRecord> {
    return appendAboutRun(
      'cancel',
      run,
      decision,
      (records) => promotionOf(run, records) ?? cancellationOf(run, records),
    );
  }

  /** Appends a record that leaves the current artifact unchanged, unless `find` returns an existing record. */
  async function appendAboutRun(
    kind: 'fence' | 'cancel',
    run: PromotionRun,
    decision: PromotionDecision,
    find: (records: readonly PromotionRecord[]) => PromotionRecord | undefined,
  ): Promise<PromotionRecord> {
    checkRun(run);
    return log.append(async ({ newest, records }) => {
      const existing = find(await records());
      if (existing !== undefined) return existing;
      return {
        kind,
        ...decisionFields(decision),
        ref: newest?.ref ?? null,
        previous: newest?.previous ?? null,
        run: { runId: run.runId, day: run.day },
      };
    });
  }

  /** Returns whether the artifact exists with a valid manifest. A missing or corrupt one must not block a promotion. */
  async function isPresent(ref: ArtifactRef | null): Promise<boolean> {
    if (ref === null) return false;
    try {
      await readManifest(ref);
      return true;
    } catch (error) {
      if (isAppError(error, 'ARTIFACT_NOT_FOUND') || isAppError(error, 'ARTIFACT_CORRUPT')) return false;
      throw error;
    }
  }

  async function prune(
    kind: string,
    options: { readonly keep: number; readonly needed?: readonly string[] },
  ): Promise<ArtifactRef[]> {
    if (!(options.keep >= minKeep)) {
      throw invalid(
        `Pruning must keep at least ${minKeep} artifacts, not ${options.keep}.`,
        `Keep ${minKeep} or more.`,
      );
    }
    const needed = new Set(options.needed);
    const old = (await list(kind)).slice(options.keep).filter(({ ref }) => !needed.has(ref.id));
    const named = old.length === 0 ? new Set<string>() : await idsNamedByOthers(kind);
    const removed: ArtifactRef[] = [];
    for (const { ref } of old) {
      // Read again for each artifact, because another process may be promoting an old one.
      if (named.has(ref.id) || (await isReferenced(ref))) continue;
      await discard(folderOf(ref));
      removed.push(ref);
    }
    await clearAbandoned(stagingFolder);
    return removed;
  }

  async function isReferenced(ref: ArtifactRef): Promise<boolean> {
    const others = (await namesIn(refsFolder)).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []));
    for (const name of new Set([...promotedNames, ...others])) {
      const named = await readRef(name);
      if (named !== undefined && isSame(named, ref)) return true;
    }
    return false;
  }

  /** Returns the ids of artifacts of `kind` that artifacts of other kinds name as `<kind>Id` in their metadata. */
  async function idsNamedByOthers(kind: string): Promise<Set<string>> {
    const named = new Set<string>();
    for (const other of await namesIn(root)) {
      if (other === kind || !isName(other)) continue;
      for (const { ref } of await list(other)) {
        const id = await readManifest(ref).then(
          ({ metadata }) => metadata[`${kind}Id`],
          () => undefined,
        );
        if (typeof id === 'string') named.add(id);
      }
    }
    return named;
  }

  function refPath(name: string): string {
    checkName(name, 'name of a reference');
    return join(refsFolder, `${name}.json`);
  }

  return {
    put,
    open,
    redact,
    list,
    readRef,
    writeRef,
    promote,
    rollback,
    fence,
    cancel,
    promotions: log.records,
    prune,
  };
}

/** Returns the fields that a record takes from the decision. */
function decisionFields({ at = Date.now(), by = 'unknown', reason }: PromotionDecision) {
  return { at, by, reason };
}

function refuseOtherCurrent(current: ArtifactRef | null, { expectedCurrent }: PromotionDecision): void {
  if (expectedCurrent === undefined || expectedCurrent === (current?.id ?? null)) return;
  throw new AppError(`The current artifact is ${current?.id ?? 'none'}, not ${expectedCurrent ?? 'none'}.`, {
    code: 'PROMOTION_CURRENT_CHANGED',
    category: 'conflict',
    remedy: 'Look at what is current now and decide again.',
    retryable: true,
    context: { current: current?.id ?? null, expectedCurrent },
  });
}

function checkRun(run: PromotionRun): void {
  if (isPromotionRun(run)) return;
  throw invalid(`${JSON.stringify(run)} does not identify a run.`, 'Pass a runId, and the day as YYYY-MM-DD.');
}

function isSame(a: ArtifactRef, b: ArtifactRef): boolean {
  return a.kind === b.kind && a.id === b.id;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (hasErrorCode(error, 'ENOENT')) return [];
    throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const reservedNames: readonly string[] = ['refs', 'staging', 'promotions'];

function isName(name: string): boolean {
  return namePattern.test(name) && !reservedNames.includes(name);
}

function checkName(name: string, what: string): void {
  if (isName(name)) return;
  throw invalid(
    `"${name}" cannot be the ${what}.`,
    `Use lowercase letters, digits and hyphens, and none of the reserved names ${reservedNames.join(', ')}.`,
  );
}

function invalid(message: string, remedy: string): AppError {
  return new AppError(message, { code: 'ARTIFACT_INVALID', category: 'artifact', remedy });
}

function corrupt(ref: ArtifactRef, file: string, problem: string): AppError {
  return new AppError(`The ${ref.kind} ${ref.id} is corrupt: ${file} ${problem}.`, {
    code: 'ARTIFACT_CORRUPT',
    category: 'artifact',
    remedy:
      'Roll back to another artifact, or rebuild this one from the same inputs: the new copy replaces the corrupt one.',
    context: { ...ref, file },
  });
}
