import { randomUUID } from 'node:crypto';
import { homePaths } from '@facet/config/home-paths';
import { countErasable } from '@facet/exposures';
import { changeUsers, listErasures, openLakeWriter, verifyErasure } from '@facet/lake';
import { AppError } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import type { Command } from 'commander';
import { facet } from '../command-context.ts';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { addHome, addNotes, addRedis, addSubcommand } from '../options.ts';
import type { Register } from '../options.ts';
import { withProfileStore } from '../profile-store.ts';
import { countOf, formatCount, formatSecond, renderTable } from '../terminal/text.ts';

interface ErasureOptions extends CommonOptions {
  readonly user: string;
}

interface RequestErasureOptions extends ErasureOptions {
  readonly redis?: string;
}

export const registerErasures: Register = (command, deps) => {
  const add = (name: string, summary: string): Command => addHome(addSubcommand(command, name, summary), deps);
  add('list', 'List erasures and their state').action(deps.action(list));
  add('verify', 'Count stored rows of a user; exits with 3 if rows to erase remain')
    .requiredOption('--user <id>', 'user id')
    .action(deps.action(verify));
  addNotes(
    addRedis(add('request', 'Erase a user from a data home that is filled from files')).requiredOption(
      '--user <id>',
      'user id',
    ),
    'For events from a collector, send DELETE /v1/users/ID to the collector instead: it notifies every component.',
    'facet erasures request --user 196 && facet lake compact --grace 0',
  ).action(deps.action(request));
};

async function list(options: CommonOptions, { output, terminal }: CommandContext): Promise<void> {
  const erasures = await listErasures(homePaths(options.home).lakeFolder);
  output.document({ home: options.home, erasures });
  const rows = erasures.map(({ erasureId, userHash, requestedAt, requestedBy, isPending, rows: gone }) => [
    erasureId,
    userHash.slice(0, 12),
    formatSecond(requestedAt),
    requestedBy,
    isPending ? 'pending: run lake compact' : 'done',
    formatCount(gone),
  ]);
  const header = ['Erasure', 'User (hash)', 'Requested (UTC)', 'By', 'State', 'Rows removed'];
  output.show(rows.length === 0 ? 'No erasures.' : renderTable(header, rows, { style: terminal.style, right: [5] }));
}

/** @throws AppError `EVENTS_ERASURE_OPEN` when rows to erase remain. */
async function verify(options: ErasureOptions, { output }: CommandContext): Promise<void> {
  const { lakeFolder, exposuresFolder } = homePaths(options.home);
  const check = await verifyErasure(lakeFolder, options.user);
  const { erasures, userHash } = check;
  const everything = { erasureId: '', userHash, requestedAt: Infinity };
  const exposures = await countErasable(exposuresFolder, erasures.length === 0 ? [everything] : erasures);
  output.document({ home: options.home, ...check, exposures });
  output.show(
    `User ${userHash.slice(0, 12)}: ${countOf(erasures.length, 'erasure')}, ${countOf(check.rows, 'row')}, ` +
      countOf(exposures, 'logged response'),
  );
  if (check.rows + exposures === 0) {
    output.show('Neither the lake nor the exposure log contains rows of the user to erase.');
    return;
  }
  for (const { path, rows, isReplaced } of check.files) {
    output.show(`${path}: ${countOf(rows, 'row')}${isReplaced ? ', replaced: deleted after its grace period' : ''}`);
  }
  if (exposures > 0) output.show(`exposures: ${countOf(exposures, 'logged response')}`);
  if (erasures.length === 0) return;
  throw new AppError(
    `${countOf(check.rows, 'row')} and ${countOf(exposures, 'logged response')} of the user remain on disk.`,
    {
      code: 'EVENTS_ERASURE_OPEN',
      category: 'precondition',
      remedy:
        `Run ${facet} lake compact --home ${options.home}. It deletes replaced files after an hour, or immediately with ` +
        '--grace 0. The API writes to a file of the exposure log for up to 15 minutes; compact again after that.',
      context: { userHash, rows: check.rows, exposures },
    },
  );
}

/** Erases a user of a home without Kafka. With Kafka, DELETE /v1/users/ID does the same. */
async function request(options: RequestErasureOptions, { environment, output }: CommandContext): Promise<void> {
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
    `Erasure ${erasure.erasureId} is recorded: readers skip all rows of the user received until now.\n` +
      `To remove the rows from the disk, run: ${facet} lake compact --home ${options.home}`,
  );
}
