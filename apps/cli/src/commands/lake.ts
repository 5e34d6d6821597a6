import { openFileEventLogReader } from '@facet/event-log';
import { homePaths } from '@facet/config/home-paths';
import { compactLake, lakeStatus, listErasures, rebuildLake, verifyLake } from '@facet/lake';
import type { EventLog } from '@facet/event-log';
import type { LakeCheck } from '@facet/lake';
import { openKafkaEventLog } from '@facet/kafka';
import { eraseFromExposures } from '@facet/exposures';
import type { EraseExposuresResult } from '@facet/exposures';
import { AppError } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openHome } from '../home.ts';
import { facet } from '../invocation.ts';
import { refuseWhileSinksRun, withLog } from '../kafka-log.ts';
import type { LogOptions } from '../kafka-log.ts';
import { readConfig } from '../pipeline-context.ts';
import { rebuildStoredProfiles } from '../stored-profiles.ts';
import { renderTable } from '../terminal/tables.ts';
import { countOf, formatCount } from '../terminal/text.ts';

export interface CompactLakeOptions extends CommonOptions {
  /** Hours. */
  readonly grace: number;
}

export interface RebuildLakeOptions extends CommonOptions, LogOptions {
  readonly home: string;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly redis?: string;
}

const hourMs = 60 * 60 * 1000;
const daysShown = 14;

/** `facet lake status`: what the lake holds and how far it is. */
export async function lakeStatusCommand(options: CommonOptions, { output, terminal }: CommandContext): Promise<void> {
  const status = await lakeStatus(lakeFolderOf(options));
  output.document({ home: options.home, ...status });
  if (status.version === 0) {
    output.show(
      `${options.home} has no lake yet. Import events, or start a collector sink with FACET_HOME=${options.home}.`,
    );
    return;
  }
  const { style } = terminal;
  const size = `${countOf(status.files, 'file')}, ${formatBytes(status.bytes)}`;
  output.show(
    `Version ${status.version}: ${countOf(status.rows, 'event')} in ${countOf(status.days.length, 'day')}, ${size}`,
  );
  if (status.days.length > daysShown) output.show(`\nThe newest ${daysShown} days; all of them with --json.`);
  const days = status.days
    .slice(-daysShown)
    .map(({ day, rows, files, bytes }) => [day, formatCount(rows), formatCount(files), formatBytes(bytes)]);
  output.show(`\n${renderTable(['Day', 'Events', 'Files', 'Size'], days, { style, right: [1, 2, 3] })}`);
  const offsets = Object.entries(status.offsets)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, offset]) => [source, formatCount(offset)]);
  output.show(`\n${renderTable(['Source', 'Next offset'], offsets, { style, right: [1] })}`);
  const compactible = status.days.filter(({ files }) => files > 1).length;
  if (compactible > 0) output.show(`\n${countOf(compactible, 'day')} of several files: ${facet} lake compact`);
}

/** `facet lake verify`: whether every offset is there once, and every file. @throws AppError `EVENTS_LAKE_DAMAGED`. */
export async function verifyLakeCommand(options: CommonOptions, { output, terminal }: CommandContext): Promise<void> {
  const check = await verifyLake(lakeFolderOf(options));
  output.document({ home: options.home, ...check });
  const { style } = terminal;
  const rows = check.sources.map(({ source, committed, rows: found, repeated, beyond, absent }) => [
    source,
    ...[committed, found, repeated, beyond, absent].map(formatCount),
  ]);
  const header = ['Source', 'Offsets', 'Events', 'Repeated', 'Beyond', 'Absent'];
  output.show(renderTable(header, rows, { style, right: [1, 2, 3, 4, 5] }));
  for (const { path, problem } of check.files) output.show(`${path}: ${problem}`);
  if (!check.isSound) throw damaged(options, check);
  output.show('\nEvery offset is in the lake at most once. Absent ones were refused, erased, or are no events.');
}

/** `facet lake compact`: one file a day, and pending erasures carried out, also on the log of what was answered. */
export async function compactLakeCommand(options: CompactLakeOptions, context: CommandContext): Promise<void> {
  const { output, progress, signal } = context;
  const stage = progress.stage('compact');
  const result = await compactLake(lakeFolderOf(options), {
    graceMs: options.grace * hourMs,
    signal,
    onProgress: (done, total) => stage.update(done / Math.max(1, total), `${done} of ${countOf(total, 'day')}`),
  }).catch((error: unknown) => {
    stage.failed();
    throw error;
  });
  const { days, filesBefore, filesAfter, erased } = result;
  stage.done(`${countOf(days, 'day')} rewritten, ${formatCount(filesBefore)} files are now ${formatCount(filesAfter)}`);
  const { exposuresFolder, lakeFolder } = openHome(options.home);
  const exposures = await eraseFromExposures(exposuresFolder, await listErasures(lakeFolder), { signal });
  output.document({ home: options.home, ...result, exposures });
  output.show(days === 0 ? 'Every day was one file already.' : `${countOf(days, 'day')} rewritten.`);
  showErasedExposures(exposures, context);
  if (erased.length === 0) return;
  const rows = erased.reduce((sum, mark) => sum + mark.rows, 0);
  output.show(
    `${countOf(erased.length, 'erasure')} carried out: ${countOf(rows, 'row')} gone. Replaced files go after ${options.grace} h.`,
  );
}

function showErasedExposures({ records, openFiles }: EraseExposuresResult, { output }: CommandContext): void {
  if (records > 0) output.show(`${countOf(records, 'answer')} to erased users removed from the exposure log.`);
  if (openFiles > 0) {
    output.show(
      `${countOf(openFiles, 'file')} of the exposure log being written to: looked into by the next compaction.`,
    );
  }
}

/** `facet lake rebuild --from TIME`: the lake from the log again, and then the profiles from the lake. */
export async function rebuildLakeCommand(options: RebuildLakeOptions, context: CommandContext): Promise<void> {
  const { environment, output } = context;
  const { isKafka, rebuild } =
    options.brokers !== undefined || environment.hasKafka
      ? { isKafka: true, rebuild: rebuildFromKafka }
      : { isKafka: false, rebuild: rebuildFromFiles };
  const result = await rebuild(options, context);
  output.show(
    `${countOf(result.rows, 'event')} of ${countOf(result.days, 'day')} taken from the ${isKafka ? 'topic' : 'files'} again.`,
  );
  const redis = options.redis ?? environment.redisUrl;
  const profiles = redis === undefined ? undefined : await rebuildStoredProfiles({ ...options, redis }, context);
  output.document({ home: options.home, ...result, ...(profiles === undefined ? {} : { profiles }) });
}

async function rebuildFromKafka(options: RebuildLakeOptions, context: CommandContext) {
  const { eventTypes } = await readConfig(options);
  return withLog(options, context, async (kafka, names) => {
    await refuseWhileSinksRun(kafka, options, context);
    return rebuildFrom(openKafkaEventLog(kafka, { topic: names.events, types: eventTypes }), options, context);
  });
}

async function rebuildFromFiles(options: RebuildLakeOptions, context: CommandContext) {
  return rebuildFrom(await openFileEventLogReader(homePaths(options.home).logFolder), options, context);
}

async function rebuildFrom(log: EventLog, options: RebuildLakeOptions, { progress, signal }: CommandContext) {
  const stage = progress.stage('rebuild');
  try {
    const result = await rebuildLake(log, lakeFolderOf(options), {
      from: options.from,
      signal,
      onProgress: (done, total) => stage.update(done / Math.max(1, total), `${formatCount(done)} records`),
    });
    stage.done(`${countOf(result.rows, 'event')}, ${countOf(result.days, 'day')}`);
    return result;
  } catch (error) {
    stage.failed();
    throw error;
  } finally {
    await log.close();
  }
}

function lakeFolderOf({ home }: Pick<CommonOptions, 'home'>): string {
  return homePaths(home).lakeFolder;
}

function damaged({ home }: CommonOptions, { files, sources }: LakeCheck): AppError {
  const repeated = sources.reduce((sum, source) => sum + source.repeated + source.beyond, 0);
  return new AppError(
    `The lake of ${home} is not sound: ${countOf(repeated, 'wrong row')}, ${countOf(files.length, 'wrong file')}.`,
    {
      code: 'EVENTS_LAKE_DAMAGED',
      category: 'artifact',
      remedy: `Rebuild it from the log: ${facet} lake rebuild --from TIME --home ${home}.`,
      context: { files: files.map(({ path }) => path) },
    },
  );
}

function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
