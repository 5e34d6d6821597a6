import { describe, expect, it } from 'vitest';
import type { Command } from 'commander';
import { createProgram } from '../src/program.ts';
import { run } from './run.ts';

const commands = [
  'demo',
  'import',
  'validate',
  'dataset',
  'train',
  'evaluate',
  'index',
  'serve',
  'recommend',
  'interests',
  'explore',
  'bundles',
  'promote',
  'rollback',
  'keys create',
  'keys list',
  'experiment list',
  'experiment report',
];

describe('help', () => {
  it('lists every command and the exit codes', async () => {
    const { code, out, err } = await run(['--help']);
    expect(code).toBe(0);
    expect(err).toBe('');
    for (const command of commands) expect(out).toMatch(new RegExp(`^  ${command.split(' ')[0]} `, 'm'));
    expect(out).toMatch(/Exit codes:[\s\S]*130/);
  });

  it.each(commands)('%s prints help and accepts the common options', async (command) => {
    const { code, out } = await run([...command.split(' '), '--help']);
    expect(code).toBe(0);
    for (const option of ['--home', '--config', '--json', '--verbose']) expect(out).toContain(option);
  });

  it('shows the data home that FACET_HOME sets as the default', async () => {
    expect((await run(['train', '--help'], { env: { FACET_HOME: '/data/shop' } })).out).toContain('/data/shop');
    expect((await run(['train', '--help'])).out).toContain('.facet/default');
  });
});

/** Returns a command and its subcommands of all levels. */
function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

it('no option of any command takes a secret, which the list of processes would show', { timeout: 60_000 }, async () => {
  const ignore = (): void => undefined;
  const deps = { version: '', home: undefined, write: { out: ignore, err: ignore }, action: () => async () => {} };
  const names = (await createProgram([], deps)).commands.map((command) => command.name());
  const all: Command[] = [];
  for (const name of names) {
    const program = await createProgram([name], deps);
    all.push(...withSubcommands(program.commands.find((command) => command.name() === name)!));
  }
  expect(all.map((command) => command.name())).toEqual(expect.arrayContaining(['open', 'serve', 'rotate', 'replay']));
  const options = all.flatMap((command) => command.options.map((option) => `${command.name()} ${option.flags}`));
  expect(options.filter((option) => / .*(key|password|token|secret)/i.test(option))).toEqual([]);
});

describe('wrong usage', () => {
  it('is one JSON document with --json', async () => {
    const { code, out } = await run(['rollback', '--json', '--too', 'x']);
    expect([code, JSON.parse(out)]).toEqual([
      2,
      {
        error: {
          code: 'CLI_USAGE',
          message: expect.stringContaining("unknown option '--too'") as string,
          remedy: 'See --help.',
        },
      },
    ]);
  });

  it.each([
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['train', '--hme', 'x'], /unknown option '--hme'[\s\S]*--home/],
    [['import'], /--events/],
    [['promote'], /missing required argument 'id'/],
    [['explore'], /missing required argument 'user'/],
    [['serve', '--port', '99999'], /A port is a number from 0 to 65535/],
    [['serve', '--port', 'http'], /A port is a number/],
    [['recommend', '--user', 'u', '--behaviors', 'a,b'], /cannot be used with/],
    [['recommend', '--user', 'u', '--limit', '0'], /from 1 to 1000/],
    [['demo', '--test-from', '01.10.2011'], /YYYY-MM-DD/],
    [['demo', '--test-from', '2011-02-30'], /calendar|YYYY-MM-DD/],
    [['demo', '--items', 'items.csv'], /need --events/],
    [['demo', '--items', 'items.csv'], /need --events/],
    [['validate', '--events', 'events.csv', '--day', '2011-10-01'], /cannot be used with/],
    [['validate', '--day', '2011-10-01', '--days', '2'], /cannot be used with/],
    [['validate', '--days', '0'], /from 1 to 366/],
  ])('%j exits with 2 and names the problem', async (args, message) => {
    const { code, out, err } = await run(args);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/ at .*\.ts/);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});
