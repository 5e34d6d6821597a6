import { join } from 'node:path';
import { openArtifactStore } from '@facet/artifacts';
import type { HomePaths } from '@facet/config';
import { eraseFromFileEventLog, isSegmentCopy } from '@facet/event-log';
import type { EraseEventsResult } from '@facet/event-log';
import { eraseFromExposures } from '@facet/exposures';
import type { EraseExposuresResult } from '@facet/exposures';
import { removeImportRemains } from '@facet/import';
import type { ErasedImports } from '@facet/import';
import { openLakeSnapshot } from '@facet/lake';
import type { LakeSnapshot } from '@facet/lake';
import type { ArtifactWithUsers, DamagedArtifact } from '@facet/stages';
import { isAppError, listNames, pathExists, readTextIfExists, writeFileAtomically } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import type { CommandContext } from '../command.ts';
import { countOf } from '../terminal/text.ts';

/** What the erasures of a lake have removed elsewhere in its data home. */
export interface ErasedElsewhere {
  readonly exposures: EraseExposuresResult;
  /** Null while an import writes the event log: the next run erases from it. */
  readonly eventLog: EraseEventsResult | null;
  readonly artifacts: readonly ArtifactWithUsers[];
  readonly damagedArtifacts: readonly DamagedArtifact[];
  readonly imports: ErasedImports;
}

/** Applies the erasures of a lake to the rest of its data home. May be interrupted and repeated. */
export async function eraseOutsideLake(
  home: HomePaths,
  { signal }: Pick<CommandContext, 'signal'>,
): Promise<ErasedElsewhere> {
  const recorded = await openLakeSnapshot(home.lakeFolder);
  const exposures = await eraseFromExposures(home.exposuresFolder, recorded, { signal });
  const erased = recorded.erasures.length === 0 ? nothingErased : await eraseUsers(home, recorded, signal);
  return { exposures, ...erased, imports: await removeImportRemains(home.importsFolder) };
}

type ErasedUsers = Pick<ErasedElsewhere, 'eventLog' | 'artifacts' | 'damagedArtifacts'>;

const nothingErased: ErasedUsers = { eventLog: { events: 0, files: 0 }, artifacts: [], damagedArtifacts: [] };

async function eraseUsers(home: HomePaths, recorded: LakeSnapshot, signal: AbortSignal): Promise<ErasedUsers> {
  const eventLog = await eraseFromEventLog(home, recorded, signal);
  // Loads the pipeline, which homes without erasures do not need.
  const { eraseFromArtifacts } = await import('@facet/stages');
  const store = openArtifactStore(home.artifactsFolder);
  const { changed, damaged } = await eraseFromArtifacts(store, recorded, { signal });
  return { eventLog, artifacts: changed, damagedArtifacts: damaged };
}

async function eraseFromEventLog(
  { logFolder }: HomePaths,
  { erasures, erasureKey }: Pick<LakeSnapshot, 'erasures' | 'erasureKey'>,
  signal: AbortSignal,
): Promise<EraseEventsResult | null> {
  // Records finished erasures, because a search reads the whole log.
  const doneFile = join(logFolder, '_erasures.json');
  const done = new Set(JSON.parse((await readTextIfExists(doneFile)) ?? '[]') as string[]);
  const pending = erasures.filter(({ erasureId }) => !done.has(erasureId));
  // A killed run may have left a copy of a segment with events of any user.
  const hasCopies = (await listNames(logFolder)).some(isSegmentCopy);
  if (pending.length === 0 && !hasCopies) return { events: 0, files: 0 };
  const erasedUntil = new Map<string, number>();
  for (const { userHash, requestedAt } of pending) {
    erasedUntil.set(userHash, Math.max(requestedAt, erasedUntil.get(userHash) ?? 0));
  }
  const untilByUser = new Map<string, number>();
  const untilOf = (userId: string): number => {
    const known = untilByUser.get(userId) ?? erasedUntil.get(erasureKey.of(hashUser(userId))) ?? -1;
    untilByUser.set(userId, known);
    return known;
  };
  try {
    const result = await eraseFromFileEventLog(
      logFolder,
      ({ userId, receivedAt }) => userId !== undefined && receivedAt <= untilOf(userId),
      { signal },
    );
    if (await pathExists(logFolder)) {
      const ids = [...done, ...pending.map(({ erasureId }) => erasureId)];
      await writeFileAtomically(doneFile, [JSON.stringify(ids)]);
    }
    return result;
  } catch (error) {
    if (isAppError(error, 'EVENTS_LOG_LOCKED')) return null;
    throw error;
  }
}

/** Describes what was erased, in one line for each place. */
export function describeErased(erased: ErasedElsewhere): string[] {
  const { exposures, eventLog, artifacts, damagedArtifacts, imports } = erased;
  const { records, openFiles } = exposures;
  const lines: string[] = [];
  if (records > 0) lines.push(`${countOf(records, 'response')} to erased users removed from the exposure log.`);
  if (openFiles > 0) {
    lines.push(`${countOf(openFiles, 'file')} of the exposure log in use: the next compaction checks them.`);
  }
  if (eventLog === null) lines.push('An import is writing the event log: the next compaction erases from it.');
  else if (eventLog.events > 0) lines.push(`${countOf(eventLog.events, 'event')} removed from the event log.`);
  if (imports.temporary > 0) lines.push(`${countOf(imports.temporary, 'file')} of killed imports deleted.`);
  for (const path of imports.unreadable) lines.push(`${path} is not a readable record of an import: delete it.`);
  for (const { ref, users } of artifacts) {
    lines.push(`${countOf(users, 'user id')} removed from ${ref.kind} ${ref.id}.`);
  }
  for (const { problem } of damagedArtifacts) lines.push(`Nothing could be erased from an artifact: ${problem}`);
  return lines;
}
