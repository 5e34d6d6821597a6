import { InvalidArgumentError } from 'commander';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { chooseConfigFile, currentBundleOf } from '../home.ts';
import { addHome, addNotes, parsePort } from '../options.ts';
import type { Register } from '../options.ts';
import { prepareAccess } from '../serving/access.ts';
import { defaultHost, defaultPort, keepServing, startServing } from '../serving/serving-process.ts';

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
      .option('--port <number>', 'port to listen on; 0: any free port', parsePort, defaultPort)
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
  const server = await startServing(
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
