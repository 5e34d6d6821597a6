import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { homePaths } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import { defaultHome } from '@facet/config/variables';
import { userPartitions } from '@facet/features';
import { isTableFile, readTextLines } from '@facet/import';
import type { SourceFiles } from '@facet/import';
import { createStageContext, taskTitles, countTrainings } from '@facet/stages';
import type { StageContext } from '@facet/stages';
import {
  checkChoice,
  chooseSystems,
  coldGrid,
  costGrid,
  describeData,
  describeFailed,
  describeVariants,
  describeVersions,
  joinPeriods,
  joinRuns,
  openBenchmarkData,
  openRollingData,
  protocolNames,
  qualityGrid,
  readSweep,
  runBenchmark,
  saveTable,
  summarize,
  sweepSystems,
} from '@facet/benchmark';
import type {
  BenchmarkData,
  BenchmarkRow,
  BenchmarkRun,
  BenchmarkSource,
  BenchmarkTable,
  ProtocolName,
  RunOptions,
  Setting,
  Sweep,
  System,
} from '@facet/benchmark';
import { AppError, describeError, unlessAborted } from '@facet/platform';
import { readFacetVersion } from '@facet/platform/app-arguments';
import { readCommit } from '@facet/platform/commit';
import { InvalidArgumentError, Option } from 'commander';
import { addNotes, parseCount, parseIds, usageError } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { ownFilesHome } from '../source-files.ts';
import { readChosenConfig, runImport, showReport } from '../stages.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { countOf, formatDuration, renderTable, wrap } from '../terminal/text.ts';

/** Days of a period, and days that the periods cover. */
const defaultPeriods = { every: 7, days: 28 };

interface BenchmarkOptions extends Omit<CommonOptions, 'home'> {
  readonly home?: string;
  readonly data?: readonly string[];
  readonly items?: readonly string[];
  readonly users?: readonly string[];
  readonly protocol: ProtocolName;
  readonly every?: number;
  readonly days?: number;
  readonly partitions?: number;
  readonly systems?: readonly string[];
  readonly seeds: number;
  readonly set?: readonly Setting[];
  readonly sweep?: readonly Sweep[];
}

export const registerBenchmark: Register = (command, deps) => {
  addNotes(
    command
      .option(
        '--data <paths...>',
        'folder, files of events, or file of sequences (default: the events of the data home)',
      )
      .option('--items <files...>', 'items with titles and attributes (default: those of the folder)')
      .option('--users <files...>', 'users with attributes (default: those of the folder)')
      .option('--home <dir>', 'data home (default: .facet/<name of the data>)', deps.home)
      .addOption(new Option('--protocol <name>', 'held-out data').choices(protocolNames).default('time-split'))
      .option('--every <days>', 'length of a period with --protocol rolling: 1d, 7d (default: 7d)', parseDays)
      .option('--days <number>', 'last days that the periods cover with --protocol rolling (default: 28)', parseCount)
      .option(
        '--partitions <number>',
        'disjoint groups of test users with --protocol user-split, 1 to 10 (default: 1)',
        parseCount,
      )
      .option('--systems <names>', 'systems, separated by commas (default: all, see below)', parseIds)
      .option('--seeds <number>', 'runs of each system that depends on chance', parseCount, 3)
      .option(
        '--set <name=value...>',
        'hyperparameter of every tower: epochs=5, K=1, extractor.iterations=2',
        addSetting,
      )
      .option('--sweep <name=values...>', 'hyperparameter of the towers with several values: K=1,2,4,8', addSweep),
    `Chooses settings and epochs on validation data only. Saves the table in <home>/benchmarks. Stored rows of the same data, settings
and seed are reused: after Ctrl-C, the same command continues. See docs/benchmark.md for the protocols.

Without --systems, runs facet, the simple methods, sasrec-facet and then every other variant of the model. On millions of events, all
variants take days. For a first answer, choose systems, for example --systems facet,item-cf-bm25,sasrec-facet --seeds 1.

${describeVariants()}`,
    'facet benchmark --data orders.csv --systems popularity,item-cf-bm25,facet',
    'facet benchmark --data beauty/ --protocol leave-one-out --seeds 3',
    'facet benchmark --home .facet/shop --protocol rolling --every 7d --days 28 --systems facet,item-cf-bm25',
    'facet benchmark --home .facet/shop --set epochs=2 --json',
  ).action(deps.action(benchmark));
};

async function benchmark(options: BenchmarkOptions, context: CommandContext): Promise<void> {
  const { output, terminal } = context;
  const config = await readChosenConfig(options);
  const { set: settings = [], sweep: sweeps = [] } = options;
  if (options.protocol !== 'rolling' && (options.every ?? options.days) !== undefined) {
    throw usageError('--every and --days need --protocol rolling.', 'Add --protocol rolling, or omit both options.');
  }
  if (options.protocol !== 'user-split' && options.partitions !== undefined) {
    throw usageError('--partitions needs --protocol user-split.', 'Add --protocol user-split, or omit --partitions.');
  }
  if ((options.partitions ?? 1) > userPartitions) {
    throw usageError(`--partitions ${options.partitions} is too many.`, `Set it to ${userPartitions} or less.`);
  }
  const { every = defaultPeriods.every, days = defaultPeriods.days } = options;
  if (every > days) {
    throw usageError(
      `--days ${days} is shorter than one period of --every ${every}d.`,
      `Set --days to ${every} or more, or --every to ${days}d or less.`,
    );
  }
  checkChoice(options.systems, { config, settings, sweeps });
  const { pipeline, source, home } = await openSource(options, config, context);
  const periods = await openData(pipeline, source, options, context);
  const data = joinPeriods(periods);
  for (const note of describeData(data)) output.show(wrap(note, terminal.width));
  if (data.report !== undefined) showReport(output, data.report, { withLearning: false });
  const chosen = chooseSystems(options.systems, { config, benchmark: data, settings });
  const systems = [...chosen, ...sweeps.flatMap((sweep) => sweepSystems(sweep, chosen))];
  const run = joinRuns(await runPeriods(periods, systems, { pipeline, seeds: options.seeds }, context));
  const [failure] = run.failed;
  if (run.rows.length === 0 && failure !== undefined) throw failure.error;
  const table = summarize(run, systems, data);
  const names = chosen.map(({ name }) => name);
  const results = sweeps.map((sweep) => readSweep(sweep, names, table));
  const folder = await saveTable(pipeline.home.benchmarksFolder, table, results);
  output.show(
    `\n${renderBenchmark(table, terminal)}\n\nSaved in ${folder}: table.md, table.json${sweeps.map(({ name }) => `, sweep-${name}.svg`).join('')}`,
  );
  output.document({ home, folder, table });
  if (failure === undefined) return;
  const { error } = failure;
  throw new AppError(`${countOf(run.failed.length, 'run')} failed. The table contains the others.`, {
    code: 'BENCHMARK_INCOMPLETE',
    category: 'usage',
    remedy: error.remedy,
    cause: error,
  });
}

/** Runs all systems on each period. Shows the progress of each row, and prints one estimate of the total time. */
async function runPeriods(
  periods: readonly BenchmarkData[],
  systems: readonly System[],
  { pipeline, seeds }: { readonly pipeline: StageContext; readonly seeds: number },
  { progress, signal }: CommandContext,
): Promise<BenchmarkRun[]> {
  const version = readCodeVersion();
  const now = (): number => performance.now();
  const towers = systems.filter((system) => system.kind === 'tower');
  const towerRuns = towers.length * seeds;
  if (towerRuns > 0) {
    const all = countOf(towerRuns * periods.length, 'run');
    const variants = `${countOf(towers.length, 'variant')} of the model`;
    const ofEach = towers.reduce((sum, { settings }) => sum + countTrainings(settings), 0);
    const trainings = countOf(ofEach * seeds * periods.length, 'training');
    await progress.run('plan', '', async (stage) => stage.note(`${all} of ${variants}, with ${trainings}`));
  }
  const runs: BenchmarkRun[] = [];
  let isEstimated = false;
  for (const [position, period] of periods.entries()) {
    const part = period.protocol.name === 'rolling' ? 'period' : 'partition';
    const suffix = periods.length === 1 ? '' : `, ${part} ${position + 1} of ${periods.length}`;
    const onRow: RunOptions['onRow'] = ({ name, seed, index, total, towerRunsLeft }) => {
      const row = `${name}, seed ${seed}${suffix}`;
      const stage = progress.stage(`${index + 1}/${total}`, row);
      const pace = createPace(now);
      const allLeft = towerRunsLeft + (periods.length - position - 1) * towerRuns;
      return {
        update(share, detail) {
          pace.update(share);
          stage.update(share, `${row}: ${detail}`);
        },
        epoch(description) {
          stage.step(`${row}: ${description}`);
          const ms = pace.wholeMs();
          if (isEstimated || ms === undefined) return;
          isEstimated = true;
          const time = formatDuration(ms * allLeft);
          stage.note(`about ${time} for ${countOf(allLeft, 'run')} if each takes as long as this one`);
        },
        diverged: (description) => stage.note(`${row}: ${description}`),
        done: (finished, reused) => stage.done(`${row}: ${describeRow(finished, period)}`, { reused }),
        failed: (error) => {
          if (!signal.aborted) stage.note(`${row}: ${describeError(error)}`);
          stage.close();
        },
      };
    };
    runs.push(
      await runBenchmark({ context: pipeline, benchmark: period, systems, seeds, version, signal, now, onRow }),
    );
  }
  return runs;
}

/** Estimates how long a row takes, from its finished share. @param now a clock in milliseconds */
function createPace(now: () => number): { update(share: number): void; wholeMs(): number | undefined } {
  // A resumed training starts with the share of its earlier epochs.
  let first: { readonly share: number; readonly at: number } | undefined;
  let reached = 0;
  return {
    update(share) {
      first ??= { share, at: now() };
      reached = share;
    },
    wholeMs: () =>
      first === undefined || reached <= first.share ? undefined : (now() - first.at) / (reached - first.share),
  };
}

/** Imports the files of events, if given, and returns the source of the interactions. */
async function openSource(
  options: BenchmarkOptions,
  config: FacetConfig,
  context: CommandContext,
): Promise<{ pipeline: StageContext; source: BenchmarkSource; home: string }> {
  const open = (home: string): StageContext => createStageContext(homePaths(home), config);
  if (options.data === undefined) {
    const home = options.home ?? context.environment.home ?? defaultHome;
    return { pipeline: open(home), source: { kind: 'home' }, home };
  }
  const { ignored, ...data } = await findData(options.data, options);
  if (ignored.length > 0) {
    const more = ignored.length > ignoredShown ? `, and ${ignored.length - ignoredShown} more` : '';
    const shown = ignored.slice(0, ignoredShown).map((path) => basename(path));
    context.output.show(wrap(`Ignored in ${options.data[0]}: ${shown.join(', ')}${more}.`, context.terminal.width));
  }
  if (data.kind === 'sequences') {
    const home = options.home ?? (await ownFilesHome({ events: [data.path] }, {}));
    return { pipeline: open(home), source: data, home };
  }
  const home = options.home ?? (await ownFilesHome(data.files, [config.mapping, config.eventTypes]));
  const pipeline = open(home);
  const { report, others } = await runImport(data.files, pipeline, context);
  showReport(context.output, report);
  if (others.events === 0) return { pipeline, source: { kind: 'home', files: data.files }, home };
  const from = (await others.readFiles()).join(', ') || 'another source';
  context.output.show(
    wrap(
      `Warning: the data home ${home} also has ${countOf(others.events, 'event')} from ${from}. The benchmark counts them too, except duplicates. To measure only the files of --data, use another --home.`,
      context.terminal.width,
    ),
  );
  return { pipeline, source: { kind: 'home' }, home };
}

/** Returns the data of each period of a rolling benchmark or each partition of a user split, and of one for the other protocols. */
async function openData(
  pipeline: StageContext,
  source: BenchmarkSource,
  { protocol, every = defaultPeriods.every, days = defaultPeriods.days, partitions = 1 }: BenchmarkOptions,
  { progress, signal }: CommandContext,
): Promise<BenchmarkData[]> {
  const name = source.kind === 'home' ? 'the events of the data home' : basename(source.path);
  return progress.run('data', `${name}, ${protocol}`, async (stage) => {
    const opening =
      protocol === 'rolling'
        ? openRollingData(pipeline, source, { everyDays: every, days })
        : openPartitions(partitions, (partition) => openBenchmarkData(pipeline, source, protocol, partition));
    const periods = await unlessAborted(opening, signal);
    const { data } = periods.at(-1)!;
    const users = periods.reduce((sum, { protocol }) => sum + protocol.test.users.length, 0);
    stage.done(
      `${countOf(data.sequences.items.length, 'interaction')} with ${countOf(data.items.length - 1, 'item')}, ` +
        `${countOf(users, 'user')} in the test`,
    );
    return periods;
  });
}

async function openPartitions(
  count: number,
  open: (partition: number) => Promise<BenchmarkData>,
): Promise<BenchmarkData[]> {
  const partitions: BenchmarkData[] = [];
  for (let partition = 0; partition < count; partition++) partitions.push(await open(partition));
  return partitions;
}

function describeRow(row: BenchmarkRow, { protocol }: BenchmarkData): string {
  const figures = protocol.tasks.map((task) => {
    const { recall, ndcg } = row.tasks[task]!.cutoffs.find(({ cutoff }) => cutoff === protocol.mainCutoff)!;
    const measured = `recall@${protocol.mainCutoff} ${recall.toFixed(4)}, ndcg ${ndcg.toFixed(4)}`;
    return protocol.tasks.length === 1 ? measured : `${task} ${measured}`;
  });
  const seconds = row.tuningSeconds + row.trainingSeconds;
  return `${figures.join('; ')}; fitted in ${formatDuration(1000 * seconds)}`;
}

const ignoredShown = 10;

/** The data of `--data`. */
type NamedData =
  { readonly kind: 'events'; readonly files: SourceFiles } | Extract<BenchmarkSource, { kind: 'sequences' }>;

const namesOf = {
  sequences: /^sequences(?![a-z]).*\.txt(\.gz|\.zst)?$/i,
  items: /^(items|products|catalog|movies|articles|meta)(?![a-z])|\.item(\.gz|\.zst)?$/i,
  users: /^(users|customers|people)(?![a-z])|\.user(\.gz|\.zst)?$/i,
  events:
    /^(events|interactions|orders|purchases|transactions|ratings|reviews|clicks|behaviors)(?![a-z])|\.inter(\.gz|\.zst)?$/i,
};

/**
 * Classifies the files of `--data`, or of its folder, by their names. A text file whose name begins with `sequences` contains one
 * user per line, as do other text files with lines of ids separated by spaces; its items and users are in the same folder. Other files of a
 * folder need the name of a table format. A single file without a known name contains the events. `ignored` are the other files of the folder,
 * without hidden ones.
 *
 * @throws AppError `BENCHMARK_DATA_UNKNOWN`; `EVENTS_FILE_UNREADABLE` for a missing path; `CLI_USAGE` for a folder or sequences with another path.
 */
async function findData(
  paths: readonly string[],
  catalog: { readonly items?: readonly string[]; readonly users?: readonly string[] },
): Promise<NamedData & { readonly ignored: readonly string[] }> {
  const [first = ''] = paths;
  const facts = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  const missing = paths.find((_, index) => facts[index] === undefined);
  if (missing !== undefined) {
    throw new AppError(`${missing} does not exist.`, {
      code: 'EVENTS_FILE_UNREADABLE',
      category: 'input',
      remedy: 'Correct --data.',
    });
  }
  const folder = paths.find((_, index) => facts[index]?.isDirectory() === true);
  const isFolder = folder !== undefined;
  if (isFolder && paths.length > 1) {
    throw usageError(
      `--data names the folder ${folder} and another path.`,
      'Pass one folder, or only files of events.',
    );
  }
  const entries = isFolder ? await readdir(first, { withFileTypes: true }) : [];
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  const files = isFolder ? names.sort().map((name) => join(first, name)) : [...paths];
  const named = (kind: keyof typeof namesOf, among = files): string[] =>
    among.filter((path) => namesOf[kind].test(basename(path)) && (kind === 'sequences' || isTableFile(path, kind)));
  const without = (...used: readonly string[]): string[] => {
    const known = new Set(used.map((path) => resolve(path)));
    return isFolder ? files.filter((path) => !known.has(resolve(path)) && !basename(path).startsWith('.')) : [];
  };
  const haveIds = isFolder ? [] : await Promise.all(paths.map(isSequencesFile));
  const ofSequences = [...named('sequences'), ...paths.filter((_, index) => haveIds[index])];
  const [sequences] = ofSequences;
  const another = (isFolder ? ofSequences : paths).find((path) => path !== sequences);
  if (sequences !== undefined && another !== undefined) {
    throw usageError(
      `${sequences} is a file of sequences, and --data also contains ${another}.`,
      'Pass one file of sequences.',
    );
  }
  if (sequences !== undefined) {
    const siblings = isFolder
      ? files
      : (await readdir(dirname(sequences))).map((name) => join(dirname(sequences), name));
    const { items = named('items', siblings), users = named('users', siblings) } = catalog;
    return { kind: 'sequences', path: sequences, items, users, ignored: without(sequences, ...items, ...users) };
  }
  const found = isFolder ? named('events') : files;
  // Reviews next to other events are often texts.
  const others = found.filter((path) => !/^reviews(?![a-z])/i.test(basename(path)));
  const tables = files.filter((path) => isTableFile(path, 'events'));
  const unnamed = tables.filter((path) => !Object.values(namesOf).some((name) => name.test(basename(path))));
  const single = found.length === 0 && unnamed.length === 1 ? unnamed : found;
  const events = isFolder && others.length > 0 ? others : single;
  if (events.length === 0) {
    throw new AppError(`${first} has no file whose name indicates events or sequences.`, {
      code: 'BENCHMARK_DATA_UNKNOWN',
      category: 'input',
      remedy:
        'Pass the files: --data EVENTS --items ITEMS --users USERS. Or name them events.csv, items.csv and users.csv.',
    });
  }
  const items = catalog.items ?? (isFolder ? named('items') : []);
  const users = catalog.users ?? (isFolder ? named('users') : []);
  return {
    kind: 'events',
    files: { events, items: items.length === 0 ? undefined : items, users: users.length === 0 ? undefined : users },
    ignored: without(...events, ...items, ...users),
  };
}

/** Returns whether the first line of a `.txt` file contains ids separated by spaces. */
async function isSequencesFile(path: string): Promise<boolean> {
  if (!/\.txt(\.gz|\.zst)?$/i.test(path)) return false;
  for await (const { lines } of readTextLines(path)) {
    return /^[^\s,;|]+( [^\s,;|]+)+ *$/.test(lines[0] ?? '');
  }
  return false;
}

/** Name, seeds, validation, parameters and seconds. The saved table has all columns. */
const costColumns = [0, 1, 2, 4, 5, 6, 7];

/** Returns the table for a terminal. */
function renderBenchmark(table: BenchmarkTable, { style, width }: Pick<Terminal, 'style' | 'width'>): string {
  const parts = table.tasks.map((task) => {
    const { head, rows } = qualityGrid(table, task);
    const users = table.systems[0]?.tasks[task]?.users ?? 0;
    return `${style('bold', taskTitles[task])} (${countOf(users, 'user')})\n${renderTable(head, rows, { style, right: columnsAfterFirst(head) })}`;
  });
  const cold = coldGrid(table);
  const cost = costGrid(table);
  const pick = (cells: readonly string[]): string[] => costColumns.map((column) => cells[column]!);
  const head = pick(cost.head);
  return [
    ...table.rules.map((rule) => wrap(rule, width)),
    ...parts,
    ...(cold === undefined
      ? []
      : [
          `${style('bold', 'Cold items')} (${countOf(cold.users, 'user')}), by side features\n${renderTable(cold.head, cold.rows, { style, right: columnsAfterFirst(cold.head) })}`,
        ]),
    wrap(
      '± is half of the 95 % t interval over seeds. The last columns are 95 % bootstrap intervals over users: of the system, and of the first system minus this one, paired by user.',
      width,
    ),
    renderTable(head, cost.rows.map(pick), { style, right: columnsAfterFirst(head) }),
    ...[...describeFailed(table), describeVersions(table)].map((line) => wrap(line, width)),
  ].join('\n\n');
}

function columnsAfterFirst(head: readonly string[]): number[] {
  return [...head.keys()].slice(1);
}

/** Parses a number of days, `7d`. */
function parseDays(text: string): number {
  const days = Number(/^(\d+)d$/.exec(text)?.[1]);
  if (!(days > 0)) throw new InvalidArgumentError('Write it as a number of days, such as 7d.');
  return days;
}

/** Parses `name=value`. A value that is not JSON is a string. */
function addSetting(text: string, others: readonly Setting[] = []): Setting[] {
  const { name, value } = parseAssignment(text, 'name=value');
  return [...others, { name, value: jsonOrText(value) }];
}

/** Parses `name=value,value`. */
function addSweep(text: string, others: readonly Sweep[] = []): Sweep[] {
  const { name, value } = parseAssignment(text, 'name=value,value');
  return [...others, { name, values: value.split(',').map(jsonOrText) }];
}

function parseAssignment(text: string, form: string): { name: string; value: string } {
  const [, name, value] = /^([\w.]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError(`Write it as ${form}.`);
  return { name, value };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Returns the version of Facet with the commit of its code, such as `0.1.0+1f4e2ab`. In a clone, git names the commit. */
function readCodeVersion(): string {
  const version = readFacetVersion();
  const commit = version.includes('+') ? undefined : readCommit(import.meta.dirname);
  return commit === undefined ? version : `${version}+${commit}`;
}
