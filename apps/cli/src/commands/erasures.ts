import { randomUUID } from 'node:crypto';
import { homePaths } from '@facet/config/home-paths';
import { changeUsers, listErasures, openLakeWriter, verifyErasure } from '@facet/lake';
import { hashUser } from '@facet/schemas';
import { countErasable } from '@facet/exposures';
import { AppError } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openHome } from '../home.ts';
import { facet } from '../invocation.ts';
import { withProfileStore } from '../stored-profiles.ts';
import { renderTable } from '../terminal/tables.ts';
import { countOf, formatCount } from '../terminal/text.ts';

export interface ErasureOptions extends CommonOptions {
  readonly user: string;
}

export interface RequestErasureOptions extends ErasureOptions {
  readonly redis?: string;
}

/** `facet erasures list`: who asked to be forgotten, and how far that is. */
export async function listErasuresCommand(options: CommonOptions, { output, terminal }: CommandContext): Promise<void> {
  const erasures = await listErasures(homePaths(options.home).lakeFolder);
  output.document({ home: options.home, erasures });
  const rows = erasures.map(({ erasureId, userHash, requestedAt, requestedBy, isPending, rows: gone }) => [
    erasureId,
    userHash.slice(0, 12),
    new Date(requestedAt).toISOString().slice(0, 19).replace('T', ' '),
    requestedBy,
    isPending ? 'waits for lake compact' : 'done',
    formatCount(gone),
  ]);
  const header = ['Erasure', 'User (hash)', 'Requested (UTC)', 'By', 'State', 'Rows gone'];
  output.show(
    rows.length === 0
      ? 'Nobody asked to be forgotten.'
      : renderTable(header, rows, { style: terminal.style, right: [5] }),
  );
}

/**
 * `facet erasures verify --user ID`: what the disk still holds of a user.
 *
 * @throws AppError `EVENTS_ERASURE_OPEN` when something is left that was to be erased.
 */
export async function verifyErasureCommand(options: ErasureOptions, { output }: CommandContext): Promise<void> {
  const { lakeFolder, exposuresFolder } = openHome(options.home);
  const check = await verifyErasure(lakeFolder, options.user);
  const { erasures, userHash } = check;
  const everything = { erasureId: '', userHash, requestedAt: Infinity };
  const exposures = await countErasable(exposuresFolder, erasures.length === 0 ? [everything] : erasures);
  output.document({ home: options.home, ...check, exposures });
  output.show(
    `User ${userHash.slice(0, 12)}: ${countOf(erasures.length, 'erasure')}, ${countOf(check.rows, 'row')}, ` +
      countOf(exposures, 'logged answer'),
  );
  if (check.rows + exposures === 0) {
    output.show('No file of the lake or of the exposure log holds anything of the user that is to be erased.');
    return;
  }
  for (const { path, rows, isReplaced } of check.files) {
    output.show(`${path}: ${countOf(rows, 'row')}${isReplaced ? ', replaced: it goes after its grace period' : ''}`);
  }
  if (exposures > 0) output.show(`exposures: ${countOf(exposures, 'logged answer')}`);
  if (erasures.length === 0) return;
  throw new AppError(
    `${countOf(check.rows, 'row')} and ${countOf(exposures, 'logged answer')} of the user are still on the disk.`,
    {
      code: 'EVENTS_ERASURE_OPEN',
      category: 'precondition',
      remedy:
        `Run ${facet} lake compact --home ${options.home}; replaced files of the lake go an hour later, with --grace 0 at ` +
        `once, and a file that the API is writing to after the 15 minutes that it does so.`,
      context: { userHash, rows: check.rows, exposures },
    },
  );
}

/** `facet erasures request --user ID`: for a home without Kafka; with it, DELETE /v1/users/ID does the same. */
export async function requestErasureCommand(
  options: RequestErasureOptions,
  { environment, output }: CommandContext,
): Promise<void> {
  const { lakeFolder, catalogFolder } = homePaths(options.home);
  const { user: userId } = options;
  const erasure = {
    erasureId: randomUUID(),
    userHash: hashUser(userId),
    sessionHashes: [],
    requestedAt: Date.now(),
    requestedBy: 'facet',
  };
  const lake = await openLakeWriter(lakeFolder);
  try {
    lake.addErasure(erasure);
    await lake.commit();
  } finally {
    await lake.close();
  }
  await changeUsers(catalogFolder, new Map([[userId, undefined]]));
  const redis = options.redis ?? environment.redisUrl;
  if (redis !== undefined) {
    const before = erasure.requestedAt;
    await withProfileStore({ ...options, redis }, async (store) =>
      store.apply([
        { kind: 'erase', userId, before },
        { kind: 'attributes', userId, attributes: null, receivedAt: before },
      ]),
    );
  }
  output.document({ home: options.home, ...erasure });
  output.show(
    `Erasure ${erasure.erasureId} is noted: nothing that was received until now is read any more.\n` +
      `To take it off the disk: ${facet} lake compact --home ${options.home}`,
  );
}
