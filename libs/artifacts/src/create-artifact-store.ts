import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, isAppError, parseJsonIfValid, waitForFolderLock } from '@facet/platform';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { checkName, invalid, isId, isName, isSame, locked, stagingFolderName } from './artifact-errors.ts';
import type { ArtifactRef } from './artifact-ref.ts';
import type { ArtifactStorage, ArtifactStore, PromotionDecision } from './artifact-store.ts';
import { clearAbandoned, stagingPath } from './disk/files.ts';
import type { ArtifactManifest } from './manifest.ts';
import {
  createPromotionLog,
  isPromotionRun,
  cancellationOf,
  fenceOf,
  onceCurrent,
  promotionOf,
  refuseSuperseded,
} from './promotions/promotion-log.ts';
import type { PromotionRecord, PromotionRun } from './promotions/promotion-log.ts';
import { sealArtifact } from './manifest.ts';

const minKeep = 3;
/** Another process may be rewriting the users of a large dataset. */
const redactionWaitMs = 60_000;
/** References that only the promotion log changes. */
const promotedNames: readonly string[] = ['current', 'previous'];
const Ref = Type.Object({ kind: Type.String(), id: Type.String() });

/** Creates an artifact store of the artifacts in a storage. */
export function createArtifactStore(storage: ArtifactStorage): ArtifactStore {
  const { folder, open, removeRemains, readManifest, refs } = storage;
  const stagingFolder = join(folder, stagingFolderName);
  const log = createPromotionLog(storage.promotions);

  const put: ArtifactStore['put'] = async (kind, write, metadata) => {
    checkName(kind, 'kind');
    await clearAbandoned(stagingFolder);
    const staged = await stagingPath(stagingFolder);
    try {
      await mkdir(staged);
      await write(staged);
      const sealed = await sealArtifact(kind, staged, metadata);
      await storage.store(sealed, staged);
      return sealed.ref;
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
  };

  const redact: ArtifactStore['redact'] = async (ref, path, write) => {
    const { files } = await readManifest(ref);
    if (!files.some((file) => file.path === path)) {
      throw invalid(`The ${ref.kind} ${ref.id} has no file ${path}.`, 'Name a file of the manifest.');
    }
    await mkdir(folder, { recursive: true });
    const lock = await waitForFolderLock(folder, redactionWaitMs);
    if ('heldBy' in lock) throw locked(folder, lock.heldBy);
    try {
      await storage.replaceFile(ref, path, write);
    } finally {
      await lock.release();
    }
  };

  const list: ArtifactStore['list'] = async (kind) => {
    checkName(kind, 'kind');
    return (await storage.list(kind)).sort((a, b) => b.putAt - a.putAt || (a.ref.id < b.ref.id ? -1 : 1));
  };

  const readRef: ArtifactStore['readRef'] = async (name) => {
    if (name === 'current') return (await log.newest())?.ref ?? undefined;
    if (name === 'previous') return (await log.newest())?.previous ?? undefined;
    checkName(name, 'name of a reference');
    const found = await refs.read(name);
    if (found === undefined) return undefined;
    const value = parseJsonIfValid(found.text);
    if (Value.Check(Ref, value) && isName(value.kind) && isId(value.id)) return value;
    throw new AppError(`${found.location} does not name an artifact.`, {
      code: 'ARTIFACT_CORRUPT',
      category: 'artifact',
      remedy: 'Delete the file. The process that writes the reference creates it again.',
      context: { file: found.location },
    });
  };

  const writeRef: ArtifactStore['writeRef'] = async (name, ref) => {
    if (promotedNames.includes(name)) {
      throw invalid(`The reference "${name}" cannot be written directly.`, 'Promote the artifact, or roll back.');
    }
    checkName(name, 'name of a reference');
    const release = await storage.claim(ref);
    try {
      await refs.write(name, formatRef(ref));
    } finally {
      await release();
    }
  };

  /** As `log.append`. Keeps the artifact of the record from being removed meanwhile. */
  const appendClaimed: typeof log.append = async (decide) => {
    const claims: (() => Promise<void>)[] = [];
    try {
      return await log.append(async (state) => {
        const decided = await decide(state);
        if (!('number' in decided) && decided.ref !== null) claims.push(await storage.claim(decided.ref));
        return decided;
      });
    } finally {
      for (const release of claims) await release();
    }
  };

  const promote: ArtifactStore['promote'] = async (ref, decision = {}) => {
    const { run } = decision;
    if (run !== undefined) checkRun(run);
    await verify(ref);
    return appendClaimed(async ({ newest, records }) => {
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
  };

  const rollback: ArtifactStore['rollback'] = async (decision = {}) => {
    const { ref } = await appendClaimed(async ({ newest, records }) => {
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
      await verify(previous, { files: [] });
      return {
        kind: 'rollback',
        ...decisionFields(decision),
        ref: previous,
        previous: (await isPresent(current)) ? current : null,
      };
    });
    return ref!;
  };

  const fence: ArtifactStore['fence'] = (run, decision = {}) =>
    appendAboutRun('fence', run, decision, (records) => fenceOf(run, records));

  const cancel: ArtifactStore['cancel'] = (run, decision = {}) =>
    appendAboutRun('cancel', run, decision, (records) => promotionOf(run, records) ?? cancellationOf(run, records));

  async function verify(ref: ArtifactRef, options?: { readonly files: readonly string[] }): Promise<void> {
    await (await open(ref, options)).release();
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
    return ref !== null && (await readManifestIfValid(ref)) !== undefined;
  }

  /** Returns the manifest, or undefined for a missing or corrupt artifact. */
  async function readManifestIfValid(ref: ArtifactRef): Promise<ArtifactManifest | undefined> {
    try {
      return await readManifest(ref);
    } catch (error) {
      if (isAppError(error, 'ARTIFACT_NOT_FOUND') || isAppError(error, 'ARTIFACT_CORRUPT')) return undefined;
      throw error;
    }
  }

  const prune: ArtifactStore['prune'] = async (kind, options) => {
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
      // The references are read again for each artifact, because another process may be promoting an old one.
      if (named.has(ref.id)) continue;
      if (await storage.remove(ref, () => isReferenced(ref))) removed.push(ref);
    }
    await removeRemains();
    return removed;
  };

  async function isReferenced(ref: ArtifactRef): Promise<boolean> {
    for (const name of new Set([...promotedNames, ...(await refs.names())])) {
      const named = await readRef(name);
      if (named !== undefined && isSame(named, ref)) return true;
    }
    return false;
  }

  /** Returns the ids of artifacts of `kind` that artifacts of other kinds name as `<kind>Id` in their metadata. */
  async function idsNamedByOthers(kind: string): Promise<Set<string>> {
    const named = new Set<string>();
    for (const other of await storage.kinds()) {
      if (other === kind) continue;
      for (const { ref } of await list(other)) {
        // An artifact that cannot be read now may name an id. Its error ends `prune` before anything is removed.
        const id = (await readManifestIfValid(ref))?.metadata[`${kind}Id`];
        if (typeof id === 'string') named.add(id);
      }
    }
    return named;
  }

  return {
    put,
    open,
    redact,
    removeRemains,
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

function formatRef({ kind, id }: ArtifactRef): string {
  return `${JSON.stringify({ kind, id })}\n`;
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
