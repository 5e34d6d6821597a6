import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, isAppError, syncPath, writeFileAtomically } from '@facet/platform';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { ArtifactRef, ArtifactStore, ListedArtifact, OpenArtifact, PromotionDecision } from './artifact-store.ts';
import { hasErrorCode, hashFile, listFolder } from './disk/files.ts';
import { hashFiles } from './disk/files.ts';
import { artifactId, formatManifest, parseManifest } from './manifest.ts';
import type { ArtifactManifest, ArtifactMetadata, ManifestFile } from './manifest.ts';
import { createPromotionLog } from './promotions/promotion-log.ts';
import { isPromotionRun } from './promotions/promotion-record.ts';
import type { PromotionRecord, PromotionRun } from './promotions/promotion-record.ts';
import { fenceOf, promotionOf, refuseSuperseded } from './promotions/promotion-rules.ts';
import { clearAbandoned, stagingPath } from './disk/staging.ts';

const manifestName = 'manifest.json';
const minKeep = 3;
/** Names that the promotion log decides about. */
const promotedNames: readonly string[] = ['current', 'previous'];
const Ref = Type.Object({ kind: Type.String(), id: Type.String() });
const namePattern = /^[a-z][a-z0-9-]{0,63}$/;
const idPattern = /^[0-9a-f]{32}$/;

/**
 * An artifact store in a folder, on one disk:
 * ```
 * <root>/<kind>/<id>/manifest.json …   immutable, renamed into place when complete and synced
 * <root>/promotions/<number>.json      what became current, when, why; created once, never changed
 * <root>/refs/<name>.json              {kind, id}, replaced by rename
 * <root>/staging/…                     what is being written or removed
 * ```
 */
export function createFolderArtifactStore(root: string): ArtifactStore {
  const refsFolder = join(root, 'refs');
  const stagingFolder = join(root, 'staging');
  const log = createPromotionLog(join(root, 'promotions'), stagingFolder);

  function folderOf({ kind, id }: ArtifactRef): string {
    checkName(kind, 'kind');
    if (!idPattern.test(id)) throw invalid(`"${id}" is not an artifact id.`, 'Use an id that the store gave out.');
    return join(root, kind, id);
  }

  async function readManifest(ref: ArtifactRef): Promise<ArtifactManifest> {
    const path = join(folderOf(ref), manifestName);
    const text = await readFile(path, 'utf8').catch(async (error: unknown) => {
      if (!hasErrorCode(error, 'ENOENT', 'ENOTDIR')) throw error;
      if (await exists(folderOf(ref))) throw corrupt(ref, manifestName, 'is missing');
      throw new AppError(`There is no ${ref.kind} ${ref.id} in ${root}.`, {
        code: 'ARTIFACT_NOT_FOUND',
        category: 'artifact-missing',
        remedy: `List the ${ref.kind}s that exist, or build this one again.`,
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
    for (const file of manifest.files) {
      if (!present.delete(file.path)) throw corrupt(ref, file.path, 'is missing');
      const { size } = await stat(join(folder, file.path));
      if (size !== file.bytes) throw corrupt(ref, file.path, `has ${size} bytes instead of ${file.bytes}`);
    }
    for (const extra of present) throw corrupt(ref, extra, 'is not in the manifest');
    const read = manifest.files.filter(({ path }) => options.files?.includes(path) !== false);
    const hashes = await hashFiles(read.map(({ path, bytes }) => ({ path: join(folder, path), bytes })));
    read.forEach(({ path, sha256 }, position) => {
      if (hashes[position] !== sha256) throw corrupt(ref, path, 'has been altered');
    });
    return { ref, folder, manifest };
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
    if (files.includes(manifestName)) {
      throw invalid(`${manifestName} is the store's own file.`, 'Name the file otherwise.');
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

  /** If the same content is there already, it stays, unless it is corrupt: then the fresh copy takes its place. */
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
        // A prune may have taken it away in between; then the next rename succeeds.
        if (isAppError(error, 'ARTIFACT_CORRUPT')) await discard(target);
        else if (!isAppError(error, 'ARTIFACT_NOT_FOUND') && !hasErrorCode(error, 'ENOENT')) throw error;
      }
    }
    await syncPath(join(root, ref.kind));
  }

  /** Removes a folder so that no reader ever sees half of it. */
  async function discard(folder: string): Promise<void> {
    const doomed = await stagingPath(stagingFolder);
    await rename(folder, doomed).catch((error: unknown) => {
      if (!hasErrorCode(error, 'ENOENT')) throw error;
    });
    await rm(doomed, { recursive: true, force: true });
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
      remedy: 'Delete the file: whoever writes the reference makes it again.',
      context: { file: path },
    });
  }

  async function writeRef(name: string, ref: ArtifactRef): Promise<void> {
    if (promotedNames.includes(name)) throw invalid(`"${name}" is not written.`, 'Promote the artifact.');
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
        ...stampOf(decision),
        ref: { kind: ref.kind, id: ref.id },
        previous: (await isPresent(current)) ? current : (newest?.previous ?? null),
        ...(run === undefined ? {} : { run: { runId: run.runId, day: run.day } }),
      };
    });
  }

  async function rollback(decision: PromotionDecision = {}): Promise<ArtifactRef> {
    const { ref } = await log.append(async ({ newest }) => {
      const { ref: current = null, previous = null } = newest ?? {};
      refuseOtherCurrent(current, decision);
      if (current === null || previous === null || isSame(current, previous)) {
        throw new AppError('There is no previous artifact to go back to.', {
          code: 'ARTIFACT_NO_PREVIOUS',
          category: 'artifact',
          remedy: 'Promote an artifact by its id instead.',
        });
      }
      // Its bytes were verified when it was promoted, and are again when it is loaded: going back must not wait for them.
      await open(previous, { files: [] });
      return {
        kind: 'rollback',
        ...stampOf(decision),
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
    checkRun(run);
    return log.append(async ({ newest, records }) => {
      const held = fenceOf(run, await records());
      if (held !== undefined) return held;
      return {
        kind: 'fence',
        ...stampOf(decision),
        ref: newest?.ref ?? null,
        previous: newest?.previous ?? null,
        run: { runId: run.runId, day: run.day },
      };
    });
  }

  /** An artifact that is gone or corrupt is nothing to go back to, and must not keep a sound one from being promoted. */
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
        `Pruning keeps at least ${minKeep} artifacts, not ${options.keep}.`,
        `Ask it to keep ${minKeep} or more.`,
      );
    }
    const needed = new Set(options.needed);
    const old = (await list(kind)).slice(options.keep).filter(({ ref }) => !needed.has(ref.id));
    const named = old.length === 0 ? new Set<string>() : await idsNamedByOthers(kind);
    const doomed: ArtifactRef[] = [];
    for (const { ref } of old) {
      // What is current is asked for again each time: somebody may be promoting an old one.
      if (named.has(ref.id) || (await isReferenced(ref))) continue;
      await discard(folderOf(ref));
      doomed.push(ref);
    }
    await clearAbandoned(stagingFolder);
    return doomed;
  }

  async function isReferenced(ref: ArtifactRef): Promise<boolean> {
    const others = (await namesIn(refsFolder)).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []));
    for (const name of new Set([...promotedNames, ...others])) {
      const named = await readRef(name);
      if (named !== undefined && isSame(named, ref)) return true;
    }
    return false;
  }

  /** Artifacts of a kind that artifacts of other kinds are made of, by the metadata `<kind>Id` of their manifests. */
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

  return { put, open, list, readRef, writeRef, promote, rollback, fence, promotions: log.records, prune };
}

/** What a record says of the decision it stands for. */
function stampOf({ at = Date.now(), by = 'unknown', because }: PromotionDecision) {
  return { at, by, ...(because === undefined ? {} : { because }) };
}

function refuseOtherCurrent(current: ArtifactRef | null, { expectedCurrent }: PromotionDecision): void {
  if (expectedCurrent === undefined || expectedCurrent === (current?.id ?? null)) return;
  throw new AppError(`${current?.id ?? 'Nothing'} is current by now, not ${expectedCurrent ?? 'nothing'}.`, {
    code: 'PROMOTION_CURRENT_CHANGED',
    category: 'conflict',
    remedy: 'Decide again, on what is current now.',
    retryable: true,
    context: { current: current?.id ?? null, expectedCurrent },
  });
}

function checkRun(run: PromotionRun): void {
  if (isPromotionRun(run)) return;
  throw invalid(`${JSON.stringify(run)} does not name a run.`, 'Give its runId, and its day as YYYY-MM-DD.');
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
    `Use small letters, digits and hyphens; ${reservedNames.join(', ')} are taken.`,
  );
}

function invalid(message: string, remedy: string): AppError {
  return new AppError(message, { code: 'ARTIFACT_INVALID', category: 'artifact', remedy });
}

function corrupt(ref: ArtifactRef, file: string, problem: string): AppError {
  return new AppError(`The ${ref.kind} ${ref.id} is corrupt: ${file} ${problem}.`, {
    code: 'ARTIFACT_CORRUPT',
    category: 'artifact',
    remedy: 'Roll back to another one, or build it again from the same inputs: a new copy replaces a corrupt one.',
    context: { ...ref, file },
  });
}
