import { existsSync } from 'node:fs';
import { defaultHome } from '@facet/config/variables';
import { parseRedisFiles } from '@facet/config/connections';
import { tableFormats } from '@facet/import/formats';
import { AppError, nearestName } from '@facet/platform';
import type { QueueOptions } from '@facet/refresh';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { CliEnvironment } from './config.ts';
import type { Progress } from './terminal/progress.ts';
import type { Terminal } from './terminal/terminal.ts';

/** How to start this command line: a prefix for commands in hints and remedies. */
export const facet = existsSync(new URL('../tsconfig.build.json', import.meta.url)) ? 'npm run facet --' : 'facet';

/** Standard output: text for people or, with `--json`, one document for programs. Warnings go to standard error. */
export interface Output {
  /** Prints a text; does nothing with `--json`. */
  show(text: string): void;
  /** Prints rows under a bold header, or the text `empty` if there are none. */
  table(head: readonly string[], rows: readonly (readonly string[])[], options?: TableOptions): void;
  /** Prints the document of the command, at most once; does nothing without `--json`. */
  document(value: unknown): void;
  /** Prints a warning, also with `--json`. */
  warn(text: string): void;
}

interface TableOptions {
  /** Positions of the columns that are aligned to the right. */
  readonly right?: readonly number[];
  /** Default: prints the header alone. */
  readonly empty?: string;
  /** Whether an empty line comes first. */
  readonly isSeparate?: boolean;
}

/** The services that each command receives in addition to its options. */
export interface CommandContext {
  readonly environment: CliEnvironment;
  readonly output: Output;
  /** Style and width of standard output. */
  readonly terminal: Terminal;
  /** Progress of stages, on standard error. */
  readonly progress: Progress;
  /** Aborted with an {@link Interruption} when the process receives a signal. */
  readonly signal: AbortSignal;
}

/** The options of every command. */
export interface CommonOptions {
  readonly home: string;
  /** The file of `--config`, else of `FACET_CONFIG`. Undefined: `facet.yaml` if it exists. */
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** The end of a command by a signal, which is not a failure. */
export class Interruption extends Error {
  readonly signal: NodeJS.Signals;

  constructor(
    signal: NodeJS.Signals,
    message = 'Stopped. Finished stages are kept. Run the same command again to continue.',
  ) {
    super(message);
    this.name = 'Interruption';
    this.signal = signal;
  }
}

/** The dependencies of the registration of a command. */
export interface CommandDeps {
  /** `FACET_HOME`, if set. */
  readonly home: string | undefined;
  /**
   * Turns the body of a command into its action: appends the context to arguments and options, and reports failures.
   *
   * @param settings `reportsVariables`: the command itself reports unknown variables, which other commands refuse
   */
  action<Args extends unknown[]>(
    body: (...args: [...Args, CommandContext]) => Promise<void>,
    settings?: { readonly reportsVariables: boolean },
  ): (...args: Args) => Promise<void>;
}

/** Adds options, help and action to one command. */
export type Register = (command: Command, deps: CommandDeps) => void;

/** Adds a subcommand with the options of every command. */
export function addSubcommand(
  parent: Command,
  name: string,
  summary: string,
  options?: { isDefault: boolean },
): Command {
  const command = addCommonOptions(parent.command(name, options).description(summary));
  if (options?.isDefault === true) refuseUnknownSubcommands(parent, command);
  return command;
}

/**
 * Refuses an unknown subcommand and suggests the nearest name. Commander does this only for commands that require a subcommand.
 *
 * @param fallback the command that runs without a subcommand; it takes no arguments
 */
export function refuseUnknownSubcommands(parent: Command, fallback = parent): void {
  fallback.allowExcessArguments().hook('preAction', (_, command) => {
    const [word] = command.args;
    if (command !== fallback || word === undefined) return;
    if (fallback !== parent && parent.args[0] === fallback.name()) {
      parent.error(`error: too many arguments for '${fallback.name()}': ${word}`, {
        code: 'commander.excessArguments',
      });
    }
    const nearest = nearestName(
      word,
      parent.commands.map((other) => other.name()),
    );
    const suggestion = nearest === undefined ? '' : `\n(Did you mean ${nearest}?)`;
    parent.error(`error: unknown command '${word}'${suggestion}`, { code: 'commander.unknownCommand' });
  });
}

/** The heading of the options of every command. */
export const commonOptions = 'Common options:';

/** Adds the options of every command. */
export function addCommonOptions(command: Command): Command {
  return command
    .optionsGroup(commonOptions)
    .option('--json', 'print one JSON document to standard output and nothing else')
    .option('--verbose', 'print stack traces of errors')
    .option('--config <file>', 'configuration file (default: FACET_CONFIG, else facet.yaml if it exists)')
    .helpOption('-h, --help', 'display help for command')
    .optionsGroup('Options:');
}

export function addHome(command: Command, { home }: CommandDeps): Command {
  return command.addOption(
    new Option('--home <dir>', 'data home: the folder of lake, catalog and artifacts').default(home ?? defaultHome),
  );
}

/** Adds the files of events, items and users. */
export function addFiles(command: Command, { fallback }: { readonly fallback?: string } = {}): Command {
  const byDefault = fallback === undefined ? '' : ` (default: ${fallback})`;
  const titles = Object.values(tableFormats).map(({ title }) => title);
  return command
    .option('--events <files...>', `events: ${titles.join(', ')}${byDefault}`)
    .option('--items <files...>', 'items with titles and attributes')
    .option('--users <files...>', 'users with attributes');
}

/** Refuses items and users without events before the command runs. */
export function requireEvents(command: Command): Command {
  return command.hook('preAction', () => {
    const { events, items, users } = command.opts<Record<string, unknown>>();
    if (events === undefined && (items ?? users) !== undefined) {
      command.error('error: --items and --users need --events');
    }
  });
}

/** Adds the user of a request. */
export function addRequester(command: Command): Command {
  return command
    .option('--user <id>', 'id of a user')
    .addOption(
      new Option('--behaviors <ids>', 'item ids of a behavior sequence, oldest first, separated by commas')
        .argParser(parseIds)
        .conflicts('user'),
    );
}

export function addKafka(command: Command): Command {
  return command
    .option('--brokers <list>', 'Kafka brokers as host:port,… (default: FACET_KAFKA_BROKERS)')
    .option('--topic-prefix <prefix>', 'prefix of the topics (default: FACET_TOPIC_PREFIX, else facet)');
}

export function addRedis(command: Command): Command {
  return command.option(
    '--redis <url>',
    'Redis of the profile store (default: FACET_REDIS_URL)',
    withoutPassword('--redis', 'FACET_REDIS'),
  );
}

export function addQueue(command: Command): Command {
  return command
    .option(
      '--queue <url>',
      'Redis of trainer and indexer (default: FACET_QUEUE_URL)',
      withoutPassword('--queue', 'FACET_QUEUE'),
    )
    .option('--queue-prefix <prefix>', 'prefix of the queue keys (default: FACET_QUEUE_PREFIX, else facet)');
}

/** The options of {@link addQueue}. */
export interface QueueFlags {
  readonly queue?: string;
  readonly queuePrefix?: string;
}

/** Returns the queue of the options or of the environment. */
export function queueOf({ queue, queuePrefix }: QueueFlags, { environment }: CommandContext): QueueOptions | undefined {
  const redisUrl = queue ?? environment.queueUrl;
  if (redisUrl === undefined) return undefined;
  const redisFiles = parseRedisFiles('FACET_QUEUE', environment.inherited, redisUrl);
  return { redisUrl, redisFiles, prefix: queuePrefix ?? environment.queuePrefix };
}

/** Returns a parser that refuses a URL with a password, because the list of processes shows arguments to all users of a machine. */
function withoutPassword(option: string, prefix: string): (url: string) => string {
  return (url) => {
    if (!/^[^/]*\/\/[^@/]*:[^@/]*@/.test(url)) return url;
    throw usageError(
      `The URL of ${option} contains a password, which the list of processes shows.`,
      `Write the password to a file, name the file in ${prefix}_PASSWORD_FILE, and remove the password from the URL. Or set ${prefix}_URL instead of ${option}.`,
    );
  };
}

/** Returns an error in the use of a command, such as a wrong combination of options. */
export function usageError(message: string, remedy: string): AppError {
  return new AppError(message, { code: 'CLI_USAGE', category: 'usage', remedy });
}

/** Adds notes and examples below the options. */
export function addNotes(command: Command, notes: string, ...examples: readonly string[]): Command {
  const lines = examples.length === 0 ? '' : `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}`;
  return command.addHelpText('after', `${notes === '' ? '' : `\n${notes.trim()}\n`}${lines}`);
}

export const parseCount = integerParser(1, Number.MAX_SAFE_INTEGER, 'Use a positive integer.');
export const parseLimit = integerParser(1, 1000, 'Use a number from 1 to 1000.');
export const parseDays = integerParser(1, 366, 'Use a number from 1 to 366.');
export const parsePort = integerParser(0, 65_535, 'A port is a number from 0 to 65535.');

function integerParser(min: number, max: number, problem: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) throw new InvalidArgumentError(problem);
    return value;
  };
}

export function parseHours(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Use a number of hours, 0 or more.');
  return Number(text);
}

export function parseReason(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('The reason is empty.');
  return text.trim();
}

export function parseDate(text: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(Date.parse(text)).toJSON()?.startsWith(text) === true;
  if (!isDay) throw new InvalidArgumentError('Use a calendar day, written YYYY-MM-DD.');
  return text;
}

export function parseTime(text: string): number {
  const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const time = Date.parse(text);
  if (!isTime || Number.isNaN(time)) {
    throw new InvalidArgumentError('Write a time as 2026-01-31 (UTC) or 2026-01-31T12:00:00Z.');
  }
  return time;
}

export function parseIds(text: string): string[] {
  return text
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
}
