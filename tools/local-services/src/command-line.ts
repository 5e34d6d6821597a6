import { parseArgs } from 'node:util';

/** An option of a bench or a fault suite. */
export interface CommandOption<Value> {
  /** What follows the option, such as `N`; empty for a flag. */
  readonly argument: string;
  readonly about: string;
  readonly initial: Value;
  /** Returns the value of the given texts. @throws Error with the name of the option if they are invalid. */
  readonly parse: (texts: readonly string[], name: string) => Value;
}

type Options = Readonly<Record<string, CommandOption<unknown>>>;

export interface Command<Given extends Options> {
  /** The command, such as `npm run bench -- storage`. */
  readonly usage: string;
  /** The arguments in the usage, such as `[FILE]`. By default, the command refuses arguments. */
  readonly arguments?: string;
  readonly summary: string;
  readonly options?: Given;
  /** Text below the options. */
  readonly notes: string;
}

export interface CommandLine<Given extends Options> {
  readonly values: { readonly [Name in keyof Given]: Given[Name] extends CommandOption<infer Value> ? Value : never };
  readonly positionals: readonly string[];
}

/** Returns a function that parses a number. Errors contain `kind`. */
function numberParser(kind: string, isValid: (value: number) => boolean) {
  return (text: string, name: string): number => {
    const value = Number(text);
    if (text === '' || !isValid(value)) throw new Error(`${name} is "${text}" instead of ${kind}.`);
    return value;
  };
}

const parseNumber = numberParser('a number of at least 0', (value) => value >= 0);

/** Makes options. Without a default, the value of an option that is not given is undefined. */
export const option = {
  number: single('N', parseNumber),
  positive: single(
    'N',
    numberParser('a number above 0', (value) => value > 0),
  ),
  count: single(
    'N',
    numberParser('a whole number of at least 1', (value) => Number.isSafeInteger(value) && value >= 1),
  ),
  seed: single(
    'N',
    numberParser('a whole number of at least 0', (value) => Number.isSafeInteger(value) && value >= 0),
  ),
  /** Numbers, separated by commas. */
  numbers: single('N,N', (text, name) =>
    text
      .split(',')
      .filter(Boolean)
      .map((part) => parseNumber(part, name)),
  ),
  text: <Initial extends string | undefined = undefined>(argument: string, about: string, initial?: Initial) =>
    single(argument, (text) => text)(about, initial),
  /** One of several texts, which the help lists after `about`. */
  choice: <const Choice extends string, const Initial extends Choice | undefined = undefined>(
    argument: string,
    about: string,
    choices: readonly Choice[],
    initial?: Initial,
  ) => single(argument, (text, name) => parseChoice(text, name, choices))(`${about}: ${choices.join(' or ')}`, initial),
  /** The texts of an option that can be repeated. */
  texts: <Initial extends readonly string[] | undefined = undefined>(
    argument: string,
    about: string,
    initial?: Initial,
  ): CommandOption<readonly string[] | Initial> => ({
    argument,
    about: `${about}; can be repeated`,
    initial: initial as Initial,
    parse: (texts) => texts,
  }),
  flag: (about: string): CommandOption<boolean> => ({ argument: '', about, initial: false, parse: () => true }),
};

/** The option of commands whose results a program can read. */
export const json = option.flag('Print the results as JSON');

/** Returns a function that makes options with one text. If an option is repeated, the last text counts. */
function single<Value>(argument: string, parse: (text: string, name: string) => Value) {
  return <Initial extends Value | undefined = undefined>(
    about: string,
    initial?: Initial,
  ): CommandOption<Value | Initial> => ({
    argument,
    about,
    initial: initial as Initial,
    parse: (texts, name) => parse(texts.at(-1)!, name),
  });
}

function parseChoice<Choice extends string>(text: string, name: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw new Error(`${name} is "${text}" instead of ${choices.join(' or ')}.`);
  return choice;
}

/**
 * Returns the options and arguments of a bench or a fault suite. Prints the help and exits with 0 on `--help`; exits with 2 on an
 * unknown option or a wrong value.
 */
export function readCommandLine<const Given extends Options>(command: Command<Given>): CommandLine<Given> {
  const options: Options = command.options ?? {};
  const types = Object.entries(options).map(([name, { argument }]) => {
    const type = argument === '' ? { type: 'boolean' as const } : { type: 'string' as const, multiple: true };
    return [name, type] as const;
  });
  const config = { options: Object.fromEntries(types), allowPositionals: command.arguments !== undefined };
  if (process.argv.includes('--help')) {
    console.log(helpOf(command));
    process.exit(0);
  }
  try {
    const { values: given, positionals } = parseArgs(config);
    const values = Object.entries(options).map(([name, { initial, parse }]) => {
      const texts = given[name];
      return [name, texts === undefined ? initial : parse(texts as string[], `--${name}`)];
    });
    return { values: Object.fromEntries(values) as CommandLine<Given>['values'], positionals };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`${message}\nRun the command with --help for its options.`);
    process.exit(2);
  }
}

function helpOf({ usage, arguments: wanted, summary, options = {}, notes }: Command<Options>): string {
  const rows = Object.entries(options).map(([name, { argument, about, initial }]) => {
    const isShown = initial !== undefined && initial !== false && initial !== '';
    return [`--${name} ${argument}`.trim(), isShown ? `${about} (default: ${String(initial)})` : about] as const;
  });
  const all = [...rows, ['--help', 'Print this help'] as const];
  const width = Math.max(...all.map(([name]) => name.length));
  const lines = all.map(([name, about]) => `  ${name.padEnd(width)}  ${about}`);
  const line = [usage, wanted, '[options]'].filter((part) => part !== undefined).join(' ');
  return `${summary}\n\n  ${line}\n\nOptions:\n${lines.join('\n')}\n\n${notes}`;
}

/** Writes a line to standard error, which leaves standard output to the results. */
export function logProgress(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Prints the results of a bench or a fault suite: as JSON, or as lines of text. */
export function printResults(isJson: boolean, results: unknown, lines: readonly string[]): void {
  console.log(isJson ? JSON.stringify(results) : lines.join('\n'));
}
