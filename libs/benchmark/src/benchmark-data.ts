import { createHash } from 'node:crypto';
import { readCatalogFiles, ReportBuilder } from '@facet/import';
import type { SourceFiles, ValidationReport } from '@facet/import';
import { openLakeSnapshot } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { interactionsUntil, leaveOneOutCut, orderTable, userSplitCut } from '@facet/features';
import type { Cut, InteractionTable } from '@facet/features';
import { AppError, dayMs } from '@facet/platform';
import {
  hashJson,
  buildTables,
  filterInteractions,
  openDataset,
  readCatalog,
  readCutInteractions,
  encodeTables,
  excludedEventsOf,
  tieSeed,
  datasetStage,
} from '@facet/stages';
import type { ModelData, ExcludedEvents, StageContext } from '@facet/stages';
import { leaveOneOutProtocol, rollingProtocol, timeSplitProtocol, userSplitProtocol } from './protocol.ts';
import type { Protocol, ProtocolName } from './protocol.ts';
import { readSequencesFile } from './sequences-file.ts';

/** The source of a benchmark's interactions. */
export type BenchmarkSource =
  | {
      readonly kind: 'home';
      /** The files of all events of the home; absent if the home may have others. */
      readonly files?: SourceFiles | undefined;
    }
  | {
      readonly kind: 'sequences';
      readonly path: string;
      /** Files of items and users. */
      readonly items: readonly string[];
      readonly users: readonly string[];
    };

/** The data and the protocol that all systems of a benchmark share. */
export interface BenchmarkData {
  /** The hash of the data. */
  readonly id: string;
  readonly data: ModelData;
  readonly protocol: Protocol;
  /** Whether times are real. Without them there is no popularity at a time. */
  readonly hasTimes: boolean;
  /** The sentence that names the files or the home. */
  readonly origin: string;
  /** The rule of positive events; undefined for sequences, whose interactions are all positive. */
  readonly positives: string | undefined;
  readonly excluded: ExcludedEvents;
  /** Sentences about the periods of a rolling benchmark that have too few users. */
  readonly periodNotes?: readonly string[];
  /** The report on the files of items and users of sequences. The import reports on other files. */
  readonly report?: ValidationReport | undefined;
}

/**
 * Reads the events of a home, or the sequences of a file, and splits them by a protocol.
 *
 * @param partition of a user split, 0 to 9
 * @throws AppError `BENCHMARK_NO_TIMES` for a time split of sequences; `BENCHMARK_TOO_SHORT` if the protocol finds no validation or test
 *   users; as `datasetStage`, `filterInteractions`, `readSequencesFile` and `readCatalogFiles`.
 */
export async function openBenchmarkData(
  context: StageContext,
  source: BenchmarkSource,
  protocol: Exclude<ProtocolName, 'rolling'>,
  partition = 0,
): Promise<BenchmarkData> {
  if (protocol !== 'time-split') return openByPosition(context, source, { ...positionProtocols[protocol], partition });
  checkTimes(source);
  const { output } = await datasetStage(context);
  const dataset = await openDataset(context.store, output.datasetId);
  const split = timeSplitProtocol(dataset, dataset.split);
  checkUsers(split, 'No user has interactions both before and in a window of the split (validation or test).');
  const excluded = excludedEventsOf(dataset.info);
  return { id: dataset.id, data: dataset, protocol: split, hasTimes: true, excluded, ...aboutOf(context, source) };
}

/**
 * Reads the events of a home and splits the last `days` days (UTC) into periods of `everyDays` days. Returns the data of each period, which
 * contain no later interaction. Leaves out periods without test users, such as days on which a shop is closed, or without validation users.
 *
 * @throws AppError `BENCHMARK_NO_TIMES` for sequences; `BENCHMARK_TOO_SHORT` if no period is left; as `filterInteractions`.
 */
export async function openRollingData(
  context: StageContext,
  source: BenchmarkSource,
  { everyDays, days }: { readonly everyDays: number; readonly days: number },
): Promise<BenchmarkData[]> {
  checkTimes(source);
  const { interactions, features } = context.config;
  const { table, items, users, excluded } = await readHome(context, interactions);
  const newest = table.times.reduce((latest, time) => Math.max(latest, time), 0);
  const periods = {
    every: everyDays * dayMs,
    count: Math.floor(days / everyDays),
    before: (Math.floor(newest / dayMs) + 1) * dayMs,
  };
  const about = aboutOf(context, source);
  const all = Array.from({ length: periods.count }, (_, position): BenchmarkData => {
    const end = periods.before - (periods.count - position - 1) * periods.every;
    const known = interactionsUntil(table, end);
    const { learned, ...tables } = buildTables(known, end - periods.every, { items, users, features });
    const data = encodeTables(tables, learned);
    const protocol = rollingProtocol(data, periods, position);
    return {
      id: hashJson({ data: hashOf(data), periods, position }),
      data,
      protocol,
      hasTimes: true,
      excluded,
      ...about,
    };
  });
  const usable = all.filter(({ protocol }) => hasUsers(protocol));
  if (usable.length === 0) throw tooShort('No period has users with interactions before and in it.');
  const periodNotes = describePeriods(all, periods.every);
  return usable.map((period) => ({ ...period, periodNotes }));
}

/** Returns sentences that name the periods without users, and those whose validation begins earlier than one period before them. */
function describePeriods(periods: readonly BenchmarkData[], every: number): string[] {
  const day = (time: Cut): string => new Date(Number(time)).toISOString().slice(0, 10);
  const leftOut = periods.filter(({ protocol }) => !hasUsers(protocol)).map(({ protocol: { test } }) => day(test.cut));
  const widened = periods.flatMap(({ protocol }) => {
    const { validation, test } = protocol;
    const isWidened = hasUsers(protocol) && Number(validation.cut) < Number(test.cut) - every;
    return isWidened ? [`${day(test.cut)} (validation from ${day(validation.cut)})`] : [];
  });
  return [
    ...(leftOut.length === 0
      ? []
      : [`Left out without test or validation users: the periods that begin on ${leftOut.join(', ')}.`]),
    ...(widened.length === 0
      ? []
      : [`The previous period has no validation users, so validation begins earlier: ${widened.join(', ')}.`]),
  ];
}

function aboutOf(context: StageContext, source: BenchmarkSource): Pick<BenchmarkData, 'origin' | 'positives'> {
  const positives = source.kind === 'home' ? context.config.interactions.positives : undefined;
  return { origin: describeOrigin(source, context), positives };
}

/** Names the files of a benchmark, or its data home. */
function describeOrigin(source: BenchmarkSource, { home }: StageContext): string {
  if (source.kind === 'sequences') {
    return `Data: sequences ${source.path}${list('items', source.items)}${list('users', source.users)}.`;
  }
  if (source.files === undefined) return `Data: all events of the data home ${home.folder}.`;
  const { events, items = [], users = [] } = source.files;
  return `Data: events ${pathsOf(events)}${list('items', items)}${list('users', users)}.`;
}

function list(kind: string, files: SourceFiles['events']): string {
  return files.length === 0 ? '' : `; ${kind} ${pathsOf(files)}`;
}

function pathsOf(files: SourceFiles['events']): string {
  return files.map((file) => (typeof file === 'string' ? file : file.path)).join(', ');
}

function checkTimes(source: BenchmarkSource): asserts source is Extract<BenchmarkSource, { kind: 'home' }> {
  if (source.kind === 'home') return;
  throw new AppError(`${source.path} contains no times, so a split by time is impossible.`, {
    code: 'BENCHMARK_NO_TIMES',
    category: 'input',
    remedy: 'Use --protocol leave-one-out or user-split, or import events with times.',
  });
}

/** @param problem why a protocol can have no users */
function checkUsers(protocol: Protocol, problem: string): void {
  if (!hasUsers(protocol)) throw tooShort(problem);
}

function hasUsers({ validation, test }: Protocol): boolean {
  return validation.users.length > 0 && test.users.length > 0;
}

function tooShort(problem: string): AppError {
  return new AppError(problem, {
    code: 'BENCHMARK_TOO_SHORT',
    category: 'input',
    remedy: 'Use another --protocol or longer periods, or import more events.',
  });
}

/** A protocol whose cuts are positions in the sequences of users. */
interface PositionProtocol {
  /** Overrides `interactions.repeats` of facet.yaml. */
  readonly repeats?: Rules['repeats'];
  readonly cut: (table: InteractionTable, partition: number) => Cut;
  readonly split: (data: ModelData, hasTimes: boolean, partition: number) => Protocol;
  /** Why a dataset can have no test users. */
  readonly tooShort: string;
}

const positionProtocols: Readonly<Record<Exclude<ProtocolName, 'time-split' | 'rolling'>, PositionProtocol>> = {
  'leave-one-out': {
    repeats: 'first',
    cut: (table) => leaveOneOutCut(table, 'test'),
    split: leaveOneOutProtocol,
    tooShort: 'No user has three distinct items at three times, so leave-one-out has no test users.',
  },
  'user-split': {
    cut: userSplitCut,
    split: userSplitProtocol,
    tooShort: 'Too few users have interactions at two times, so the user split has no validation or test users.',
  },
};

async function openByPosition(
  context: StageContext,
  source: BenchmarkSource,
  {
    repeats = context.config.interactions.repeats,
    cut,
    split,
    tooShort,
    partition,
  }: PositionProtocol & { readonly partition: number },
): Promise<BenchmarkData> {
  const { config } = context;
  const rules = { ...config.interactions, repeats };
  const { table, items, users, excluded, report } =
    source.kind === 'home' ? await readHome(context, rules) : await readSequences(context, source, rules);
  const { learned, ...tables } = buildTables(table, cut(table, partition), { items, users, features: config.features });
  const data = encodeTables(tables, learned);
  const hasTimes = source.kind === 'home';
  const protocol = split(data, hasTimes, partition);
  checkUsers(protocol, tooShort);
  const id = partition === 0 ? hashOf(data) : hashJson({ data: hashOf(data), partition });
  return { id, data, protocol, hasTimes, excluded, report, ...aboutOf(context, source) };
}

interface OrderedInteractions extends Pick<BenchmarkData, 'excluded' | 'report'> {
  readonly table: InteractionTable;
  readonly items: readonly Item[];
  readonly users: readonly User[];
}

type Rules = StageContext['config']['interactions'];

async function readHome({ home, config }: StageContext, rules: Rules): Promise<OrderedInteractions> {
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  const interactions = await readCutInteractions({ snapshot, settings: config, resources: config.dataset }, {});
  const { items, users } = await readCatalog(home);
  const { table, dropped } = filterInteractions(interactions, rules);
  return { table, items, users, excluded: { byRule: dropped, bots: interactions.bots.users } };
}

/**
 * The catalog contains only the items of the sequences, as in published protocols. Other items of the item file can never be labels.
 * Without times, no popularity would rank them below the items of the sequences. In a cell of the item file, `|` separates multiple
 * values, unless `mapping` sets another separator.
 */
async function readSequences(
  { config }: StageContext,
  source: Extract<BenchmarkSource, { kind: 'sequences' }>,
  rules: Rules,
): Promise<OrderedInteractions> {
  const { table, dropped } = orderTable(await readSequencesFile(source.path), { ...rules, tieSeed });
  const mapping = { ...config.mapping, items: { separator: '|', ...config.mapping?.items } };
  const reading = { mapping, now: () => Date.now() };
  const report = new ReportBuilder(reading.now());
  const occurring = new Set(table.itemIds);
  const items: Item[] = [];
  let itemsWithoutEvents = 0;
  await readCatalogFiles('items', source.items, reading, report, (item) => {
    if (occurring.has(item.itemId)) items.push({ ...item, attributes: withoutSingleLists(item.attributes) });
    else itemsWithoutEvents++;
  });
  const users: User[] = [];
  await readCatalogFiles('users', source.users, reading, report, (user) => users.push(user));
  const unknown = source.items.length === 0 ? {} : { unknownItems: unknownItems(table, items), itemsWithoutEvents };
  return {
    table,
    items,
    users,
    excluded: { byRule: { ...dropped }, bots: 0 },
    report: { ...report.build(), ...unknown },
  };
}

/** Counts the items of the interactions that no file of items contains. */
function unknownItems(
  { itemIds, items }: InteractionTable,
  described: readonly Item[],
): ValidationReport['unknownItems'] {
  const known = new Set(described.map(({ itemId }) => itemId));
  const isUnknown = itemIds.map((itemId) => !known.has(itemId));
  return {
    ids: isUnknown.filter(Boolean).length,
    events: items.filter((item) => isUnknown[item]).length,
    examples: [],
  };
}

/** Returns attributes in which a list of one value is that value, so that a price is a number and a date is a date. */
function withoutSingleLists(attributes: Item['attributes']): Item['attributes'] {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      Array.isArray(value) && value.length === 1 ? value[0]! : value,
    ]),
  );
}

/** Hashes the JSON of the records one by one, because the text of a large catalog exceeds the longest string of V8. */
function hashOf({ sequences, items, userAttributes, itemFeatures, userFeatures }: ModelData): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of [sequences.offsets, sequences.items, sequences.times]) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  const features = [...itemFeatures, ...userFeatures].map(({ schema }) => schema);
  for (const [name, records] of Object.entries({ users: sequences.userIds, items, userAttributes, features })) {
    hash.update(`${name}\n`);
    for (const record of records) hash.update(`${JSON.stringify(record)}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}
