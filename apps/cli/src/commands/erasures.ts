import { randomUUID } from 'node:crypto';
import { homePaths } from '@facet/config/home-paths';
import { changeRecords, listErasures, openLakeWriter } from '@facet/lake';
import { AppError } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import { Option } from 'commander';
import type { Command } from 'commander';
import { addHome, addKafka, addNotes, addRedis, addSubcommand, facet } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { absentPlaces, describeTrace, findTraces } from '../erasures/user-traces.ts';
import type { SearchOptions, UncheckedPlace } from '../erasures/user-traces.ts';
import { withProfileStore } from '../profile-store.ts';
import { countOf, formatCount, formatSecond } from '../terminal/text.ts';

interface RequestErasureOptions extends CommonOptions {
  readonly redis?: string;
}

export const registerErasures: Register = (command, deps) => {
  const add = (name: string, summary: string): Command => addHome(addSubcommand(command, name, summary), deps);
  add('list', 'List erasures and their state').action(deps.action(list));
  addNotes(
    addKafka(addRedis(add('verify', 'Search every place that may contain the id of a user')))
      .argument('<user>', 'user id')
      .option('--spool <folder...>', 'spools of ingests outside of the data home')
      .addOption(
        new Option('--without <place...>', 'places that this installation does not have').choices(absentPlaces),
      ),
    `Searches lake, event log, catalog, exposures, datasets, bundles, outputs of runs, spools, profiles and topics. Names each place that
contains the id, with what removes it and when, and the places that it could not search. Exits with 0 if it searched every place and
none contains the id, with 3 if a place contains the id, and with 5 if only places that it could not search may contain the id.`,
    'facet erasures verify 196 --without exposures kafka machines profiles spool',
    'facet erasures verify 196 --brokers kafka:9092 --redis redis://redis:6379 --spool /data/spool --without machines --json',
  ).action(deps.action(verify));
  addNotes(
    addRedis(add('request', 'Erase a user from a data home that is filled from files')).argument('<user>', 'user id'),
    'For events from a collector, send DELETE /v1/users/ID to the collector instead: it notifies every component.',
    'facet erasures request 196 && facet lake compact --grace 0',
  ).action(deps.action(request));
};

async function list(options: CommonOptions, context: CommandContext): Promise<void> {
  const { output } = context;
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
  output.table(header, rows, { right: [5], empty: 'No erasures.' });
}

/** @throws AppError `EVENTS_ERASURE_OPEN` if a place contains the id of the user; `EVENTS_ERASURE_UNPROVEN` if a place was not searched. */
async function verify(userId: string, options: SearchOptions, context: CommandContext): Promise<void> {
  const { output } = context;
  const { check, traces, unchecked } = await context.progress.run('verify', '', async ({ update }) =>
    findTraces(userId, homePaths(options.home), { options, context, update }),
  );
  const { userHash, erasures } = check;
  // Null: a place that was not searched may contain the id.
  const isErased = traces.length === 0 && (unchecked.length === 0 || null);
  output.document({ home: options.home, userHash, erasures, isErased, traces, unchecked });
  output.show(`User ${userHash.slice(0, 12)}: ${countOf(erasures.length, 'erasure')}`);
  if (traces.length > 0) {
    const header = ['Place', 'Name', 'Count', 'Removed by'];
    output.table(header, traces.map(describeTrace), { right: [2], isSeparate: true });
  }
  for (const { place, reason } of unchecked) output.show(`Not searched: ${place} (${reason})`);
  if (traces.length === 0) {
    output.show('No searched place contains the id.');
    if (unchecked.length > 0) throw unproven(unchecked);
    return;
  }
  throw new AppError(`${countOf(traces.length, 'place')} ${traces.length === 1 ? 'contains' : 'contain'} the id.`, {
    code: 'EVENTS_ERASURE_OPEN',
    category: 'precondition',
    remedy:
      erasures.length === 0
        ? `The user was not erased. Call DELETE /v1/users/ID of the collector, or run ${facet} erasures request.`
        : `Run ${facet} lake compact --home ${options.home}, and verify again at the times of the list. Replaced files are deleted ` +
          'after an hour, or immediately with --grace 0.',
    context: { userHash, places: traces.length },
  });
}

function unproven(unchecked: readonly UncheckedPlace[]): AppError {
  const absent = [...new Set(unchecked.flatMap(({ without }) => without ?? []))];
  const confirm = absent.length === 0 ? '' : ` If they do not exist, add --without ${absent.join(' ')}.`;
  return new AppError(`${countOf(unchecked.length, 'place')} may contain the id and could not be searched.`, {
    code: 'EVENTS_ERASURE_UNPROVEN',
    category: 'unavailable',
    remedy: `Follow the reasons in the list.${confirm}`,
    context: { places: unchecked.map(({ place }) => place) },
  });
}

/** Erases a user of a home without Kafka. With Kafka, DELETE /v1/users/ID does the same. */
async function request(userId: string, options: RequestErasureOptions, context: CommandContext): Promise<void> {
  const { environment, output } = context;
  const { lakeFolder, catalogFolder } = homePaths(options.home);
  const erasure = { erasureId: randomUUID(), requestedAt: Date.now(), requestedBy: 'facet' };
  const lake = await openLakeWriter(lakeFolder);
  try {
    lake.addErasure({ ...erasure, userHash: hashUser(userId), sessionHashes: [] });
    await lake.commit();
  } finally {
    await lake.close();
  }
  await changeRecords('users', catalogFolder, new Map([[userId, undefined]]));
  const redis = options.redis ?? environment.redisUrl;
  if (redis !== undefined) {
    const before = erasure.requestedAt;
    await withProfileStore({ ...options, redis }, { environment }, async (store) =>
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
