import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { copiesFolderName, openArtifactStore, stagingFolderName } from '@facet/artifacts';
import type { HomePaths } from '@facet/config';
import { countErasable } from '@facet/exposures';
import { findImportTraces } from '@facet/import';
import { findUserInTopic, topicsOfUsers } from '@facet/kafka';
import { findUserInCatalog, openLakeSnapshot, verifyErasure } from '@facet/lake';
import type { ErasureCheck } from '@facet/lake';
import { isAppError, listNames, pathExists } from '@facet/platform';
import { isErasureMark } from '@facet/profiles';
import { facet } from '../command.ts';
import type { CommandContext, CommonOptions } from '../command.ts';
import { withKafka } from '../kafka-log.ts';
import type { KafkaOptions } from '../kafka-log.ts';
import { withProfileStore } from '../profile-store.ts';
import { countOf, formatCount, formatSecond } from '../terminal/text.ts';
import { countInFiles } from './scan-files.ts';

/** A place that contains the id of a user. */
export interface UserTrace {
  readonly place: string;
  /** A file, key or topic of the place. */
  readonly name: string;
  /** How often the id occurs, in rows, records or files of the place. */
  readonly count: number;
  /** What removes the id. */
  readonly removal: string;
  /** When it is gone without an action, epoch milliseconds. */
  readonly goneBy?: number | undefined;
}

/** Places that `--without` can name: an installation may lack them. */
export const absentPlaces = ['artifacts', 'catalog', 'exposures', 'kafka', 'machines', 'profiles', 'spool'] as const;
type AbsentPlace = (typeof absentPlaces)[number];

/** A place that could not be searched, and why. */
export interface UncheckedPlace {
  readonly place: string;
  readonly reason: string;
  /** The value of `--without` if the installation does not have the place. */
  readonly without?: AbsentPlace | undefined;
}

export interface SearchOptions extends CommonOptions, KafkaOptions {
  readonly home: string;
  readonly redis?: string;
  /** Folders of spools outside of the data home. */
  readonly spool?: readonly string[];
  readonly without?: readonly AbsentPlace[];
}

export interface Search {
  readonly userId: string;
  readonly home: HomePaths;
  /** The erasures of the user and the rows of the lake. */
  readonly check: ErasureCheck;
  /** Data received later is not covered by an erasure; undefined without an erasure. */
  readonly until: number | undefined;
  readonly options: SearchOptions;
  readonly context: CommandContext;
  /** Shows the progress within a place. */
  readonly update: (share: number, detail: string) => void;
}

export interface FoundTraces {
  readonly traces: readonly UserTrace[];
  readonly unchecked: readonly UncheckedPlace[];
}

/** The result of one search. A result without `place` gets the name of the search. */
interface FoundInPlace {
  readonly traces?: readonly InPlace<UserTrace>[];
  readonly unchecked?: readonly InPlace<UncheckedPlace>[];
}
type InPlace<Found extends { readonly place: string }> = Omit<Found, 'place'> & Partial<Pick<Found, 'place'>>;

/** Searches every place that may contain the id of a user, one after the other. @throws AppError as the readers of the places */
export async function findTraces(
  userId: string,
  home: HomePaths,
  search: Omit<Search, 'userId' | 'home' | 'check' | 'until'>,
): Promise<FoundTraces & { readonly check: ErasureCheck }> {
  const check = await verifyErasure(home.lakeFolder, userId);
  const times = check.erasures.map(({ requestedAt }) => requestedAt);
  const full: Search = { ...search, userId, home, check, until: times.length === 0 ? undefined : Math.max(...times) };
  const traces: UserTrace[] = [];
  const unchecked: UncheckedPlace[] = [];
  for (const [position, [name, find]] of Object.entries(places).entries()) {
    search.context.signal.throwIfAborted();
    const update = (share: number, detail: string): void =>
      search.update((position + Math.min(1, share)) / Object.keys(places).length, `${name}: ${detail}`);
    update(0, 'searching');
    const found = await find({ ...full, update });
    traces.push(...(found.traces ?? []).map((trace) => ({ place: name, ...trace })));
    unchecked.push(...(found.unchecked ?? []).map((one) => ({ place: name, ...one })));
  }
  const { without: absent = [] } = search.options;
  return {
    check,
    traces,
    unchecked: unchecked.filter(({ without }) => without === undefined || !absent.includes(without)),
  };
}

const compact = `${facet} lake compact`;
const temporaryRemoval = `${compact} deletes it when its process has ended`;

/** Names the folders that do not exist: their disk may not be mounted. */
async function missingFolders(home: HomePaths): Promise<UncheckedPlace[]> {
  const missing: UncheckedPlace[] = [];
  for (const without of ['artifacts', 'catalog', 'exposures'] as const) {
    const folder = home[`${without}Folder`];
    const reason = `${folder} does not exist: mount its disk, if it has one`;
    if (!(await pathExists(folder))) missing.push({ place: without, reason, without });
  }
  if (await pathExists(home.lakeFolder)) return missing;
  return [{ place: 'lake', reason: `${home.lakeFolder} does not exist: set --home` }, ...missing];
}

/** Names the temporary folders of this machine with spilled rows and standard input. */
async function temporaryFolders(): Promise<UncheckedPlace[]> {
  const names = (await listNames(tmpdir())).filter((name) => /^facet-(duckdb|input)-/.test(name));
  const found: UncheckedPlace[] = [];
  for (const name of names) {
    const folder = join(tmpdir(), name);
    const reason = `${folder} may contain the id: delete it if its process has ended`;
    const isEmpty = (await listNames(folder).catch(() => undefined))?.length === 0;
    if (!isEmpty) found.push({ place: 'temporary files', reason });
  }
  return found;
}

const places: Readonly<Record<string, (search: Search) => Promise<FoundInPlace>>> = {
  lake: async ({ check }) => {
    const removalOf = ({ isReplaced, isTemporary }: (typeof check.files)[number]): string => {
      if (isTemporary) return temporaryRemoval;
      return isReplaced ? `replaced: ${compact} deletes it after the grace period` : compact;
    };
    return {
      traces: check.files.map((file) => ({ name: file.path, count: file.rows, removal: removalOf(file) })),
      unchecked: [
        ...check.unreadable.map((path) => ({ reason: `${path} is unreadable: ${temporaryRemoval}` })),
        ...check.localFolders.map((path) => ({
          reason: `${path} may contain the id: delete it when the bucket is in use`,
        })),
      ],
    };
  },

  folders: async ({ home }) => ({
    unchecked: [...(await missingFolders(home)), ...(await temporaryFolders())],
  }),

  machines: async () => {
    const reason = 'their temporary files and their copies of the lake and of artifacts on S3';
    return { unchecked: [{ place: 'other machines', reason, without: 'machines' }] };
  },

  'event log': async ({ home, userId, until, context, update }) => {
    const found = await countInFiles([home.logFolder], userId, {
      signal: context.signal,
      onProgress: update,
      isCounted: (line) => until === undefined || ((line['receivedAt'] as number | undefined) ?? 0) <= until,
    });
    return { traces: found.map((file) => ({ ...nameIn(home, file), removal: compact })) };
  },

  exposures: async ({ home, check }) => {
    const everything = { erasureId: '', userHash: check.userHash, requestedAt: Infinity };
    const erasures = check.erasures.length === 0 ? [everything] : check.erasures;
    const { records: count, unreadable } = await countErasable(home.exposuresFolder, {
      erasures,
      erasureKey: check.erasureKey,
    });
    const removal = `${compact}, 15 minutes after the last response, or an hour after a killed process`;
    return {
      traces: count === 0 ? [] : [{ name: 'exposures', count, removal }],
      unchecked: unreadable.map((path) => ({
        reason: `${path} has unreadable lines: ${compact} removes them an hour after the last response. Or delete the file`,
      })),
    };
  },

  catalog: async ({ home, userId, until }) => {
    const found = await findUserInCatalog(home.catalogFolder, userId, until);
    return { traces: found.map(({ path, count }) => ({ name: join('catalog', path), count, removal: compact })) };
  },

  artifacts: async ({ home, userId, check, context, update }) => {
    // Loads the pipeline, which the other places do not need.
    const { findUserInArtifacts } = await import('@facet/stages');
    const snapshot = await openLakeSnapshot(home.lakeFolder);
    const { found, damaged } = await findUserInArtifacts(
      openArtifactStore(home.artifactsFolder),
      userId,
      snapshot.erasures.filter(({ userHash }) => userHash === check.userHash),
      { signal: context.signal, onProgress: (done, total) => update(done / total, `${done} of ${total}`) },
    );
    return {
      traces: found.map(({ ref, path, users }) => ({
        place: ref.kind,
        name: join('artifacts', ref.kind, ref.id, path),
        count: users,
        removal: compact,
      })),
      unchecked: damaged.map(({ ref, problem }) => ({ place: ref.kind, reason: `${problem} Delete the artifact.` })),
    };
  },

  'unfinished artifacts': async (search) => {
    const { artifactsFolder } = search.home;
    const stagingFolders = ['', copiesFolderName].map((folder) => join(artifactsFolder, folder, stagingFolderName));
    const staged = await findInFiles(stagingFolders, search, {
      place: 'artifacts',
      removal: temporaryRemoval,
      countsLists: true,
    });
    const copies = [join(artifactsFolder, 'uploaded'), ...(await unlistedArtifacts(artifactsFolder))];
    const copied = await findInFiles(copies, search, {
      place: 'artifacts',
      removal: 'delete the folder; a copy of an artifact on S3 is deleted within an hour',
      countsLists: true,
    });
    return { traces: [...staged.traces, ...copied.traces], unchecked: [...staged.unchecked, ...copied.unchecked] };
  },

  imports: async ({ home }) => {
    const { temporary, unreadable } = await findImportTraces(home.importsFolder);
    const reasons = [
      ...temporary.map((path) => `${path} is of a killed import: ${compact} deletes it an hour after the kill`),
      ...unreadable.map((path) => `${path} is not a readable record of an import: delete it`),
    ];
    return { unchecked: reasons.map((reason) => ({ reason })) };
  },

  'outputs of runs': async (search) => {
    const { stagesFolder, checkpointsFolder, runsFolder, gatesFolder, benchmarksFolder, healthFolder } = search.home;
    const folders = [stagesFolder, checkpointsFolder, runsFolder, gatesFolder, benchmarksFolder, healthFolder];
    return findInFiles(folders, search, { place: 'outputs', removal: 'delete the file' });
  },

  spool: async ({ home, userId, until = Infinity, options, context, update }) => {
    const { spool: others = [] } = options;
    const found = await countInFiles([home.spoolFolder, ...others], userId, {
      signal: context.signal,
      onProgress: update,
      isCounted: (record) => ((record['timestamp'] as number | undefined) ?? 0) <= until,
    });
    const traces = found.map((file) => ({
      ...nameIn(home, file),
      removal: file.path.endsWith('.refused')
        ? 'Kafka refused records of this file: send them again (docs/collector.md#refused-records), or delete the file'
        : 'the ingest, as soon as Kafka accepts the records',
    }));
    const reason = 'spools outside of the data home: name their folders with --spool';
    return { traces, unchecked: others.length === 0 ? [{ reason, without: 'spool' }] : [] };
  },

  profiles: async ({ userId, until, options, context, update }) => {
    const redis = options.redis ?? context.environment.redisUrl;
    if (redis === undefined) {
      const reason = 'no Redis: set FACET_REDIS_URL or --redis';
      return { unchecked: [{ reason, without: 'profiles' }] };
    }
    const keys = await withProfileStore({ ...options, redis }, context, (store) =>
      store.findUser(userId, {
        until,
        onProgress: (sessions) => update(0, `${formatCount(sessions)} sessions`),
      }),
    );
    return {
      traces: keys.map(({ key, expiresAt }) => ({
        name: key,
        count: 1,
        removal: isErasureMark(key) ? 'the mark of the erasure expires' : 'the sink; the key expires',
        goneBy: expiresAt,
      })),
    };
  },

  Kafka: async ({ userId, until, options, context, update }) => {
    if ((options.brokers ?? context.environment.kafkaBrokers) === undefined) {
      const reason = 'no brokers: set FACET_KAFKA_BROKERS or --brokers';
      return { unchecked: [{ reason, without: 'kafka' }] };
    }
    return withKafka(options, context, async (kafka, names) => {
      const traces: InPlace<UserTrace>[] = [];
      const unchecked: InPlace<UncheckedPlace>[] = [];
      for (const topic of topicsOfUsers(names)) {
        const { signal } = context;
        const onProgress = (done: number, total: number): void =>
          update(done / total, `${topic}, ${formatCount(done)} of ${formatCount(total)} records`);
        try {
          const found = await findUserInTopic(kafka, topic, userId, { until, signal, onProgress });
          if (found === undefined) continue;
          const { records: count, undecodable, deletedBy: goneBy } = found;
          if (undecodable > 0) {
            unchecked.push({ reason: `${countOf(undecodable, 'batch', 'batches')} of ${topic} cannot be decoded` });
          }
          if (count === 0) continue;
          const removal = goneBy === undefined ? 'the topic has no retention: change its settings' : 'retention';
          traces.push({ name: topic, count, removal, goneBy });
        } catch (error) {
          if (!isAppError(error, 'EVENTS_TOPIC_UNKNOWN')) throw error;
          unchecked.push({ reason: `the topic ${topic} does not exist` });
        }
      }
      return { traces, unchecked };
    });
  },
};

/** Returns the files that name the user. A file that is newer than the erasure may contain earlier data or only later data. */
async function findInFiles(
  folders: readonly string[],
  { home, userId, until = Infinity, context, update }: Search,
  { place, removal, countsLists }: { readonly place: string; readonly removal: string; readonly countsLists?: boolean },
): Promise<FoundTraces> {
  const { signal } = context;
  const found = await countInFiles(folders, userId, { signal, onProgress: update, countsLists });
  const isNewer = ({ modifiedAt }: { readonly modifiedAt: number }): boolean => modifiedAt > until;
  return {
    traces: found.filter((file) => !isNewer(file)).map((file) => ({ ...nameIn(home, file), place, removal })),
    unchecked: found.filter(isNewer).map((file) => ({
      place,
      reason: `${nameIn(home, file).name} contains the id and is newer than the erasure. It may contain earlier data: ${removal}`,
    })),
  };
}

/** Returns the folders of artifacts that the store does not list: without a manifest, or local copies that S3 does not have any more. */
async function unlistedArtifacts(artifactsFolder: string): Promise<string[]> {
  const store = openArtifactStore(artifactsFolder);
  const folders: string[] = [];
  for (const kind of ['dataset', 'bundle']) {
    const listed = new Set((await store.list(kind)).map(({ ref }) => ref.id));
    for (const parent of [join(artifactsFolder, kind), join(artifactsFolder, copiesFolderName, kind)]) {
      const names = await listNames(parent);
      folders.push(...names.filter((name) => !listed.has(name)).map((name) => join(parent, name)));
    }
  }
  return folders;
}

function nameIn({ folder }: HomePaths, { path, count }: { readonly path: string; readonly count: number }) {
  const inside = relative(folder, path);
  return { name: inside.startsWith('..') ? path : inside, count };
}

/** Describes a trace in one line. */
export function describeTrace({ place, name, count, removal, goneBy }: UserTrace): readonly string[] {
  const until = goneBy === undefined ? '' : ` by ${formatSecond(goneBy)} UTC`;
  return [place, name, formatCount(count), `${removal}${until}`];
}
