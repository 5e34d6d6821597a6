import { homePaths } from '@facet/config/home-paths';
import { ensureInstallation, refuseOtherInstallation } from '@facet/config/installation';
import { openFileEventLogReader } from '@facet/event-log';
import type { EventLog } from '@facet/event-log';
import { openKafkaEventLog, readGroupInstallations } from '@facet/kafka';
import type { KafkaConnection, TopicNames } from '@facet/kafka';
import {
  compactCatalog,
  compactLake,
  lakeStatus,
  openLakeSnapshot,
  rebuildLake,
  uploadLake,
  verifyLake,
} from '@facet/lake';
import type { LakeCheck } from '@facet/lake';
import { AppError, hourMs } from '@facet/platform';
import type { Command } from 'commander';
import {
  addHome,
  addKafka,
  addNotes,
  addRedis,
  addSubcommand,
  facet,
  parseHours,
  parseTime,
  usageError,
} from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { describeErased, eraseOutsideLake } from '../erasures/erase-outside-lake.ts';
import { groupOf, refuseWhileSinksRun, withKafka } from '../kafka-log.ts';
import type { KafkaOptions } from '../kafka-log.ts';
import { rebuildStoredProfiles } from '../profile-store.ts';
import { readChosenConfig } from '../stages.ts';
import { countOf, formatBytes, formatCount } from '../terminal/text.ts';

interface StatusOptions extends CommonOptions {
  readonly files?: boolean;
}

interface CompactOptions extends CommonOptions {
  /** Hours. */
  readonly grace: number;
}

interface ProfilesOptions extends CommonOptions, KafkaOptions {
  readonly redis?: string;
}

interface RebuildOptions extends ProfilesOptions {
  /** Epoch milliseconds. */
  readonly from: number;
}

const daysShown = 14;

export const registerLake: Register = (command, deps) => {
  const add = (name: string, summary: string): Command => addHome(addSubcommand(command, name, summary), deps);
  add('status', 'Show days, files, and the next offset of each source')
    .option('--files', 'list the live files, for programs that read the lake directly')
    .action(deps.action(status));
  add('verify', 'Check that each offset appears once and that each file exists').action(deps.action(verify));
  addNotes(
    add('compact', 'Rewrite each day as one file, and carry out erasures').option(
      '--grace <hours>',
      'time before replaced files are deleted, for running readers',
      parseHours,
      1,
    ),
    'Sinks can keep running. Also compacts the catalog, and erases users from the event log in files, the exposure log, datasets and bundles.',
    'facet lake compact',
    'facet lake compact --grace 0',
  ).action(deps.action(compact));
  addNotes(
    add('upload', 'Move the lake to the bucket of lake/s3.yaml'),
    `Uploads the data files and the transaction log, and moves the local files to lake/uploaded. Stop all processes of the home first. If
it is interrupted, run it again. Erasures do not change the files in lake/uploaded: delete them when the bucket is in use.`,
    'facet lake upload --home /data/shop',
  ).action(deps.action(upload));
  addNotes(
    addRedis(
      addKafka(add('rebuild', 'Read the events since a time from the log again, then rebuild the profiles')),
    ).requiredOption('--from <time>', 'time of receipt: YYYY-MM-DD or RFC 3339', parseTime),
    `Reads from Kafka if --brokers or FACET_KAFKA_BROKERS is given, else from the files imported into the data home. Stop every sink
first. Changes nothing if the log no longer contains all events to replace. Keeps the rows of records that Facet no longer accepts,
such as events of a type that is missing under eventTypes in facet.yaml. Such rows are lost if their file cannot be read.`,
    'facet lake rebuild --from 2026-01-31',
    'facet lake rebuild --from 2026-01-31T12:00:00Z --brokers kafka:9092',
  ).action(deps.action(rebuild));
};

async function status(options: StatusOptions, context: CommandContext): Promise<void> {
  const { output } = context;
  const { lakeFolder } = homePaths(options.home);
  const found = await lakeStatus(lakeFolder);
  const live = options.files === true ? await openLakeSnapshot(lakeFolder) : undefined;
  const liveFiles = live?.files.map(({ path, rows, bytes }) => ({ path, rows, bytes }));
  output.document({ home: options.home, ...found, liveFiles });
  if (found.version === 0) {
    output.show(
      `The data home ${options.home} has no lake yet. Import events, or start a collector sink with FACET_HOME=${options.home}.`,
    );
    return;
  }
  const size = `${countOf(found.files, 'file')}, ${formatBytes(found.bytes)}`;
  output.show(
    `Version ${found.version}: ${countOf(found.rows, 'row')} in ${countOf(found.days.length, 'day')}, ${size}`,
  );
  if (found.days.length > daysShown) output.show(`\nThe newest ${daysShown} days; use --json for all days.`);
  const days = found.days
    .slice(-daysShown)
    .map(({ day, rows, files, bytes }) => [day, formatCount(rows), formatCount(files), formatBytes(bytes)]);
  output.table(['Day', 'Rows', 'Files', 'Size'], days, { right: [1, 2, 3], isSeparate: true });
  const offsets = Object.entries(found.offsets)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, offset]) => [source, formatCount(offset)]);
  output.table(['Source', 'Next offset'], offsets, { right: [1], isSeparate: true });
  if (liveFiles !== undefined) {
    const files = liveFiles.map(({ path, rows, bytes }) => [path, formatCount(rows), formatBytes(bytes)]);
    output.table(['File', 'Rows', 'Size'], files, { right: [1, 2], isSeparate: true });
  }
  const compactible = found.days.filter(({ files }) => files > 1).length;
  if (compactible > 0) {
    output.show(`\n${countOf(compactible, 'day')} with several files. To compact, run: ${facet} lake compact`);
  }
}

/** @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`. */
async function verify(options: CommonOptions, context: CommandContext): Promise<void> {
  const { output } = context;
  const check = await verifyLake(homePaths(options.home).lakeFolder);
  output.document({ home: options.home, ...check });
  const rows = check.sources.map(({ source, committed, rows: found, repeated, beyond, absent }) => [
    source,
    ...[committed, found, repeated, beyond, absent].map(formatCount),
  ]);
  const header = ['Source', 'Offsets', 'Events', 'Repeated', 'Beyond', 'Absent'];
  output.table(header, rows, { right: [1, 2, 3, 4, 5] });
  for (const { path, problem } of check.files) output.show(`${path}: ${problem}`);
  if (!check.isSound) throw damaged(options, check);
  output.show('\nEach offset appears at most once. Absent offsets are refused, erased, or not events.');
}

/** Compacts the lake and the catalog, and applies erasures to the lake, the event log in files, the exposure log, datasets and bundles. */
async function compact(options: CompactOptions, context: CommandContext): Promise<void> {
  const { output, progress, signal } = context;
  const home = homePaths(options.home);
  const result = await progress.run('compact', '', async (stage) => {
    const compacted = await compactLake(home.lakeFolder, {
      graceMs: options.grace * hourMs,
      signal,
      onProgress: (done, total) => stage.update(done / Math.max(1, total), `${done} of ${countOf(total, 'day')}`),
    });
    const { days, filesBefore, filesAfter } = compacted;
    stage.done(
      `${countOf(days, 'day')} rewritten, ${formatCount(filesBefore)} files are now ${formatCount(filesAfter)}`,
    );
    return compacted;
  });
  const { days, erased } = result;
  await compactCatalog(home.catalogFolder, { isFull: true, graceMs: options.grace * hourMs });
  const elsewhere = await eraseOutsideLake(home, context);
  output.document({ home: options.home, ...result, ...elsewhere });
  output.show(days === 0 ? 'Each day is one file already.' : `${countOf(days, 'day')} rewritten.`);
  for (const line of describeErased(elsewhere)) output.show(line);
  if (erased.length === 0) return;
  const rows = erased.reduce((sum, mark) => sum + mark.rows, 0);
  output.show(
    `${countOf(erased.length, 'erasure')} carried out: ${countOf(rows, 'row')} removed. Replaced files are deleted after ${options.grace} h.`,
  );
}

async function upload(options: CommonOptions, { output, progress }: CommandContext): Promise<void> {
  const moved = await progress.run('upload', '', async (stage) => {
    const result = await uploadLake(homePaths(options.home).lakeFolder, (done, total) =>
      stage.update(done / total, `${done} of ${countOf(total, 'file')}`),
    );
    stage.done(countOf(result.files, 'file'));
    return result;
  });
  output.document({ home: options.home, ...moved, movedTo: moved.movedTo ?? null });
  output.show(
    `The bucket has lake version ${moved.version}: ${countOf(moved.rows, 'row')}, ${countOf(moved.files, 'file')}.`,
  );
  if (moved.movedTo !== undefined) {
    output.show(`The local files are in ${moved.movedTo}. Delete them when the bucket is in use.`);
  }
}

/** Rebuilds the lake from the log, then the profiles from the lake. */
async function rebuild(options: RebuildOptions, context: CommandContext): Promise<void> {
  const { environment, output } = context;
  const isKafka = (options.brokers ?? environment.kafkaBrokers) !== undefined;
  const result = isKafka
    ? await rebuildFromKafka(options, context)
    : await rebuildFrom(await openFileEventLogReader(homePaths(options.home).logFolder), options, context);
  output.show(
    `${countOf(result.rows, 'event')} of ${countOf(result.days, 'day')} read from the ${isKafka ? 'topic' : 'files'} again.`,
  );
  if (result.kept > 0) {
    output.show(
      `${countOf(result.kept, 'row')} unchanged, because Facet no longer accepts their records. If their types are missing under eventTypes in facet.yaml, declare them and run the command again.`,
    );
  }
  for (const { path, rowsMax, problem } of result.lost) {
    output.show(
      `${path} cannot be read: ${problem}. Up to ${countOf(rowsMax, 'row')} lost, because Facet no longer accepts their records.`,
    );
  }
  const redis = options.redis ?? environment.redisUrl;
  const profiles = redis === undefined ? undefined : await rebuildStoredProfiles({ ...options, redis }, context);
  output.document({ home: options.home, ...result, profiles });
}

async function rebuildFromKafka(options: RebuildOptions, context: CommandContext) {
  const { eventTypes } = await readChosenConfig(options);
  return withKafka(options, context, async (kafka, names) => {
    await refuseOtherHome(kafka, names, options, context);
    await refuseWhileSinksRun(kafka, options, context);
    return rebuildFrom(openKafkaEventLog(kafka, { topic: names.events, types: eventTypes }), options, context);
  });
}

/** Refuses topics whose sinks write to another home. @throws AppError `INSTALLATION_DIFFERS`, `EVENTS_LOG_UNREACHABLE` */
async function refuseOtherHome(
  kafka: KafkaConnection,
  names: TopicNames,
  options: RebuildOptions,
  context: CommandContext,
): Promise<void> {
  const installation = await ensureInstallation(homePaths(options.home));
  const groupId = groupOf(options, context);
  for (const found of await readGroupInstallations(kafka, { groupId, topics: Object.values(names) })) {
    refuseOtherInstallation(installation, `the consumer group ${groupId} in Kafka`, found);
  }
}

async function rebuildFrom(log: EventLog, options: RebuildOptions, context: CommandContext) {
  const { progress, signal } = context;
  try {
    return await progress.run('rebuild', '', async (stage) => {
      const result = await rebuildLake(log, homePaths(options.home).lakeFolder, {
        from: options.from,
        signal,
        onProgress: (done, total) => stage.update(done / Math.max(1, total), `${formatCount(done)} records`),
      });
      stage.done(`${countOf(result.rows, 'event')}, ${countOf(result.days, 'day')}`);
      return result;
    });
  } finally {
    await log.close();
  }
}

function damaged({ home }: CommonOptions, { files, sources }: LakeCheck): AppError {
  const repeated = sources.reduce((sum, source) => sum + source.repeated + source.beyond, 0);
  return new AppError(
    `The lake of ${home} is damaged: ${countOf(repeated, 'wrong row')}, ${countOf(files.length, 'wrong file')}.`,
    {
      code: 'EVENTS_LAKE_DAMAGED',
      category: 'artifact',
      remedy: `Rebuild the lake from the log: ${facet} lake rebuild --from TIME --home ${home}.`,
      context: { files: files.map(({ path }) => path) },
    },
  );
}

export const registerProfiles: Register = (command, deps) => {
  addNotes(
    addRedis(
      addKafka(addHome(addSubcommand(command, 'rebuild', 'Rebuild all profiles from the lake and the catalog'), deps)),
    ),
    'Needed after a change of interactions.positives in facet.yaml. Stop every sink first; serving may run.',
    'facet profiles rebuild --redis redis://127.0.0.1:6379',
  ).action(deps.action(rebuildProfiles));
};

async function rebuildProfiles(options: ProfilesOptions, context: CommandContext): Promise<void> {
  const { environment, output } = context;
  const redis = options.redis ?? environment.redisUrl;
  if (redis === undefined) {
    throw usageError(
      'The command needs the URL of the profile store.',
      'Add --redis redis://HOST:6379, or set FACET_REDIS_URL.',
    );
  }
  // A rebuild would remove positives that a running sink has applied to the profiles and not yet stored in the lake.
  if ((options.brokers ?? environment.kafkaBrokers) !== undefined) {
    await withKafka(options, context, async (kafka) => refuseWhileSinksRun(kafka, options, context));
  }
  const result = await rebuildStoredProfiles({ ...options, redis }, context);
  output.document({ home: options.home, ...result });
}
