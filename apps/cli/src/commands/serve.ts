import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { defaultHome, defaultHost, ports } from '@facet/config/variables';
import { homePaths } from '@facet/config/home-paths';
import { readTextIfExists } from '@facet/platform';
import { InvalidArgumentError } from 'commander';
import { addHome, addNotes, parsePort } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { chooseConfigFile, currentBundleOf } from '../home.ts';
import { createConsoleLink } from '../serving/console-link.ts';
import type { RunningConsole } from '../serving/console-link.ts';
import { keepServing, prepareAccess, startServingProcess } from '../serving/processes.ts';

interface ServeOptions extends CommonOptions {
  readonly host: string;
  readonly port: number;
  readonly processes?: string;
  readonly insecure?: boolean;
}

export const registerServe: Register = (command, deps) => {
  addNotes(
    addHome(command, deps)
      .option('--host <address>', 'address to listen on', defaultHost)
      .option('--port <number>', 'port to listen on; 0: any free port', parsePort, ports.serving)
      .option('--processes <number>', 'processes that share the port; cores: one per core', parseProcesses)
      .option('--insecure', 'accept requests without a key'),
    'Accepts the keys of FACET_API_KEYS_FILE, else creates a key and prints it once.',
    'facet serve --home .facet/movielens-100k',
    'facet serve --host 0.0.0.0 --port 9000 --processes cores',
  ).action(deps.action(serve));
};

async function serve(options: ServeOptions, { environment, output, signal }: CommandContext): Promise<void> {
  const { home, host, port, processes } = options;
  const configFile = await chooseConfigFile(options);
  // Checks the home first: a mistyped home must not get a file of keys.
  await currentBundleOf(home);
  const access = await prepareAccess({ ...options, apiKeysFile: environment.apiKeysFile }, home);
  const server = await startServingProcess(
    { home, host, port, processes, access, configFile, logLevel: 'info', environment },
    signal,
  );
  output.show(`Serving bundle ${server.bundleId} on ${server.url}`);
  if (access.newKey !== undefined) output.show(`API key, shown once: ${access.newKey}`);
  output.document({ home, url: server.url, bundleId: server.bundleId, apiKey: access.newKey ?? null });
  await keepServing(server, signal);
}

function parseProcesses(text: string): string {
  if (!/^(cores|[1-9][0-9]?)$/.test(text)) throw new InvalidArgumentError('Use cores, or a number from 1 to 99.');
  return text;
}

interface OpenOptions extends Omit<CommonOptions, 'home'> {
  readonly home?: string;
  readonly url?: string;
  readonly browser: boolean;
}

export const registerOpen: Register = (command, deps) => {
  addNotes(
    command
      .option('--home <dir>', 'data home of the console (default: the one that started last)', deps.home)
      .option('--url <url>', 'address of the console')
      .option('--no-browser', 'only print the link'),
    `The link signs in once, within ten minutes. The key is the one in FACET_API_KEY, else the new key of facet demo. Without a key, the
page asks for one.`,
    'facet open',
    'facet open --url https://console.example.com',
  ).action(deps.action(open));
};

async function open(options: OpenOptions, { environment, output }: CommandContext): Promise<void> {
  const noted = options.url === undefined ? await findConsole(options.home) : undefined;
  const url = options.url ?? noted?.url ?? `http://${defaultHost}:${ports.console}`;
  const apiKey = environment.apiKey ?? noted?.apiKey;
  const link = await createConsoleLink({ url, ...(apiKey === undefined ? {} : { apiKey }) });
  output.show(link);
  const isOpened = options.browser && (await openBrowser(link, environment.inherited));
  output.document({ url, link, isOpened });
}

/** Reads the console of a home, or the newest one of the homes next to the default home. */
async function findConsole(home: string | undefined): Promise<RunningConsole | undefined> {
  const parent = dirname(defaultHome);
  const names = await readdir(parent).catch(() => []);
  const homes = home === undefined ? names.map((name) => join(parent, name)) : [home];
  const files = await Promise.all(
    homes.map(async (folder) => {
      const { consoleFile } = homePaths(folder);
      const stats = await stat(consoleFile).catch(() => undefined);
      return stats === undefined ? [] : [{ consoleFile, at: stats.mtimeMs }];
    }),
  );
  const [newest] = files.flat().sort((a, b) => b.at - a.at);
  const text = newest === undefined ? undefined : await readTextIfExists(newest.consoleFile);
  return text === undefined ? undefined : (JSON.parse(text) as RunningConsole);
}

/** Opens the desktop's browser. Returns false without a desktop. */
async function openBrowser(link: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const hasDesktop = environment['DISPLAY'] || environment['WAYLAND_DISPLAY'] || environment['WSL_DISTRO_NAME'];
  if (!hasDesktop) return false;
  for (const program of ['xdg-open', 'wslview']) {
    const child = spawn(program, [link], { stdio: 'ignore', detached: true });
    const isStarted = await new Promise<boolean>((resolve) => {
      child.once('spawn', () => resolve(true));
      child.once('error', () => resolve(false));
    });
    if (isStarted) {
      child.unref();
      return true;
    }
  }
  return false;
}
