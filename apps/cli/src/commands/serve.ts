import type { CommandContext, CommonOptions } from '../command-context.ts';
import { chooseConfigFile } from '../config-file.ts';
import { noCurrentBundle, openHome, openStore } from '../home.ts';
import { prepareAccess } from '../serving/access.ts';
import { keepServing } from '../serving/keep-serving.ts';
import { startServing } from '../serving/serving-process.ts';

export interface ServeOptions extends CommonOptions {
  readonly host: string;
  readonly port: number;
  readonly processes?: string;
  readonly insecure?: boolean;
  readonly apiKey?: string;
}

/** `facet serve`: the API over the current bundle of a home, until it is asked to stop. */
export async function serveCommand(options: ServeOptions, context: CommandContext): Promise<void> {
  const { environment, output, signal } = context;
  const home = openHome(options.home);
  const configFile = await chooseConfigFile(options);
  // A mistyped home gets no keys.
  if ((await openStore(home).readRef('current')) === undefined) throw await noCurrentBundle(home);
  const access = await prepareAccess({ ...options, apiKeysFile: environment.apiKeysFile }, home);
  const server = await startServing(
    {
      home,
      host: options.host,
      port: options.port,
      processes: options.processes,
      access,
      configFile,
      logLevel: 'info',
      environment,
      onLog: (line) => process.stderr.write(`${line}\n`),
    },
    signal,
  );
  output.show(`Serving bundle ${server.bundleId} on ${server.url}`);
  if (access.newKey !== undefined) output.show(`API key, shown once: ${access.newKey}`);
  output.document({ home: options.home, url: server.url, bundleId: server.bundleId, apiKey: access.newKey ?? null });
  await keepServing(server, signal);
}
