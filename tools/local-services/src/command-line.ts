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

export type Options = Readonly<Record<string, CommandOption<unknown>>>;

/** Returns a function that makes options with a number. Errors contain `kind`. */
function number(kind: string, isValid: (value: number) => boolean) {
  return single('N', (text, name) => parseNumber(text, name, kind, isValid));
}

function parseNumber(text: string, name: string, kind: string, isValid: (value: number) => boolean): number {
  const value = Number(text);
  if (text === '' || !isValid(value)) throw new Error(`${name} is "${text}" instead of ${kind}.`);
  return value;
}

const parseAmount = (text: string, name: string): number =>
  parseNumber(text, name, 'a number of at least 0', (value) => value >= 0);

/** Makes options. Without a default, the value of an option that is not given is undefined. */
export const option = {
  number: single('N', parseAmount),
  positive: number('a number above 0', (value) => value > 0),
  count: number('a whole number of at least 1', (value) => Number.isSafeInteger(value) && value >= 1),
  seed: number('a whole number of at least 0', (value) => Number.isSafeInteger(value) && value >= 0),
  /** Numbers, separated by commas. */
  numbers: single('N,N', (text, name) => {
    const parts = text.split(',').filter(Boolean);
    return parts.map((part) => parseAmount(part, name));
  }),
  text: <Initial extends string | undefined = undefined>(argument: string, about: string, initial?: Initial) =>
    single(argument, (text) => text)(about, initial),
  /** One of several texts, which the help lists after `about`. */
  choice: <const Choice extends string, const Initial extends Choice | undefined = undefined>(
    argument: string,
    about: string,
    choices: readonly Choice[],
    initial?: Initial,
  ) => {
    const named = choices.join(' or ');
    const parse = (text: string, name: string): Choice => {
      const choice = choices.find((one) => one === text);
      if (choice === undefined) throw new Error(`${name} is "${text}" instead of ${named}.`);
      return choice;
    };
    return single(argument, parse)(`${about}: ${named}`, initial);
  },
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

/**
 * Returns the options and arguments of a bench or a fault suite. Prints the help and exits with 0 on `--help`; exits with 2 on an
 * unknown option or a wrong value. The command that starts the program prints its name and what it does above the help.
 *
 * @param command.notes text below the options
 * @param command.hasArguments whether the program has other arguments than options; by default, it refuses them
 */
export function readCommandLine<const Given extends Options>({
  options,
  notes,
  hasArguments = false,
}: {
  readonly options: Given;
  readonly notes: string;
  readonly hasArguments?: boolean;
}) {
  if (process.argv.includes('--help')) {
    console.log(describeOptions(options, notes));
    process.exit(0);
  }
  const types = Object.entries(options).map(([name, { argument }]) => {
    const type = argument === '' ? { type: 'boolean' as const } : { type: 'string' as const, multiple: true };
    return [name, type] as const;
  });
  try {
    const config = { options: Object.fromEntries(types), allowPositionals: hasArguments };
    const { values: given, positionals } = parseArgs(config);
    const values = Object.entries(options).map(([name, { initial, parse }]) => {
      const texts = given[name];
      return [name, texts === undefined ? initial : parse(texts as string[], `--${name}`)];
    });
    return { values: Object.fromEntries(values) as ValuesOf<Given>, positionals };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`${message}\nRun the command with --help for its options.`);
    process.exit(2);
  }
}

type ValuesOf<Given extends Options> = {
  readonly [Name in keyof Given]: Given[Name] extends CommandOption<infer Value> ? Value : never;
};

function describeOptions(options: Options, notes: string): string {
  const rows = Object.entries(options).map(([name, { argument, about, initial }]) => {
    const isShown = initial !== undefined && initial !== false && initial !== '';
    return [`--${name} ${argument}`.trim(), isShown ? `${about} (default: ${String(initial)})` : about] as const;
  });
  const all = [...rows, ['--help', 'Print this help'] as const];
  const width = Math.max(...all.map(([name]) => name.length));
  const lines = all.map(([name, about]) => `  ${name.padEnd(width)}  ${about}`);
  return `Options:\n${lines.join('\n')}\n\n${notes}`;
}

/** Writes a line to standard error, which leaves standard output to the results. */
export function logProgress(text: string): void {
  process.stderr.write(`${text}\n`);
}
