import { resolve } from 'node:path';
import { homePaths } from '@facet/config/home-paths';
import {
  addApiKey,
  createApiKey,
  hashApiKey,
  hourMs,
  readApiKeys,
  removeApiKey,
  rotateApiKey,
  scopes,
} from '@facet/platform';
import type { Scope } from '@facet/platform';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { addHome, addNotes, addSubcommand, facet, parseCount, parseHours } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { formatCount } from '../terminal/text.ts';

interface KeysOptions extends CommonOptions {
  readonly file?: string;
}

interface NamedKeyOptions extends KeysOptions {
  readonly name: string;
}

interface CreateKeyOptions extends NamedKeyOptions {
  readonly scope: Scope[];
  readonly origin?: string[];
  readonly eventsPerSecond?: number;
  readonly requestsPerSecond?: number;
  readonly bodyBytes?: number;
}

export const registerKeys: Register = (command, deps) => {
  const add = (name: string, summary: string): Command =>
    addHome(addSubcommand(command, name, summary), deps).option(
      '--file <file>',
      'file of keys (default: FACET_API_KEYS_FILE, else keys.yaml in the data home)',
    );
  addNotes(
    add('create', 'Create a key and print it once; the file stores its hash')
      .requiredOption('--name <name>', 'name of the key in logs and reports')
      .addOption(
        new Option(
          '--scope <scope...>',
          'ingest: send events; serve: get recommendations; read: see runs and data; admin: operate the apps',
        )
          .choices(scopes)
          .makeOptionMandatory(),
      )
      .option('--origin <url...>', 'web origins of a key for browsers; the key works nowhere else', addOrigin)
      .option('--events-per-second <number>', 'maximum rate of events to the collector', parseCount)
      .option('--requests-per-second <number>', 'maximum rate of requests to serving', parseCount)
      .option('--body-bytes <number>', 'maximum size of a request body', parseCount),
    '',
    'facet keys create --name backend --scope ingest --scope serve',
    'facet keys create --name web --scope ingest --origin https://shop.example --events-per-second 500',
  ).action(deps.action(createKey));
  addNotes(
    add('rotate', 'Replace a key and print the new one; old keys work until the overlap ends')
      .requiredOption('--name <name>', 'name of the key')
      .option('--overlap <hours>', 'hours until all old keys stop working; 0 stops them now', parseHours, 24),
    '',
    'facet keys rotate --name backend --overlap 72',
  ).action(deps.action(rotateKey));
  add('revoke', 'Remove a key; running apps refuse it within seconds')
    .requiredOption('--name <name>', 'name of the key')
    .action(deps.action(revokeKey));
  add('list', 'List names, scopes and limits of the keys').action(deps.action(listKeys));
};

async function createKey(options: CreateKeyOptions, context: CommandContext): Promise<void> {
  const { name, scope, origin, eventsPerSecond, requestsPerSecond, bodyBytes } = options;
  const file = keysFileOf(options, context);
  const apiKey = createApiKey();
  // The file of keys must not contain undefined values.
  const limits = {
    ...(origin === undefined ? {} : { origins: [...new Set(origin)] }),
    ...(eventsPerSecond === undefined ? {} : { eventsPerSecondMax: eventsPerSecond }),
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecondMax: requestsPerSecond }),
    ...(bodyBytes === undefined ? {} : { bodyBytesMax: bodyBytes }),
  };
  const described = { name, scopes: [...new Set(scope)], ...limits };
  await addApiKey(file, { ...described, sha256: hashApiKey(apiKey) });
  context.output.show(`Key ${name}, shown once: ${apiKey}`);
  context.output.show(`The hash is in ${file}. Running apps read it within seconds.`);
  context.output.document({ file, ...described, apiKey });
}

async function rotateKey(
  options: NamedKeyOptions & { readonly overlap: number },
  context: CommandContext,
): Promise<void> {
  const { name, overlap } = options;
  const file = keysFileOf(options, context);
  const apiKey = createApiKey();
  const acceptedUntil = Date.now() + overlap * hourMs;
  await rotateApiKey(file, { name, sha256: hashApiKey(apiKey), acceptedUntil });
  const until = new Date(acceptedUntil).toISOString();
  context.output.show(`New key ${name}, shown once: ${apiKey}`);
  context.output.show(`Old keys work until ${until} at the latest. Running apps read ${file} within seconds.`);
  context.output.document({ file, name, apiKey, previousAcceptedUntil: until });
}

async function revokeKey(options: NamedKeyOptions, context: CommandContext): Promise<void> {
  const { name } = options;
  const file = keysFileOf(options, context);
  await removeApiKey(file, name);
  context.output.show(`Key ${name} is removed from ${file}. Running apps refuse it within seconds.`);
  context.output.document({ file, name });
}

async function listKeys(options: KeysOptions, context: CommandContext): Promise<void> {
  const file = keysFileOf(options, context);
  const keys = await readApiKeys(file);
  const rows = keys.map(
    ({ name, scopes, origins = [], eventsPerSecondMax, requestsPerSecondMax, bodyBytesMax, previous = [] }) => [
      name,
      scopes.join(', '),
      origins.join(', '),
      ...[eventsPerSecondMax, requestsPerSecondMax, bodyBytesMax].map((max) =>
        max === undefined ? '' : formatCount(max),
      ),
      previous.map(({ acceptedUntil }) => acceptedUntil).join(', '),
    ],
  );
  const header = ['Name', 'Scopes', 'Origins', 'Events/s', 'Requests/s', 'Body bytes', 'Old keys work until'];
  const empty = `${file} has no keys. Create one with: ${facet} keys create --help`;
  context.output.table(header, rows, { right: [3, 4, 5], empty });
  context.output.document({ file, keys });
}

/** Returns `--file`, else the file of the apps: `FACET_API_KEYS_FILE`, else the one of the data home. */
function keysFileOf({ file, home }: KeysOptions, { environment }: CommandContext): string {
  return resolve(file ?? environment.apiKeysFile ?? homePaths(home).keysFile);
}

function addOrigin(text: string, others: readonly string[] = []): string[] {
  const origin = URL.canParse(text) ? new URL(text).origin : '';
  if (!/^https?:/.test(origin) || origin !== text.replace(/\/$/, '')) {
    throw new InvalidArgumentError('Write an origin as scheme, host and optional port: https://shop.example.');
  }
  return [...others, origin];
}
