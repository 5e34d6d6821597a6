import { resolve } from 'node:path';
import { addApiKey, createApiKey, hashApiKey, readApiKeys } from '@facet/platform';
import type { Scope } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { openHome } from '../home.ts';
import { facet } from '../invocation.ts';
import { renderTable } from '../terminal/tables.ts';
import { formatCount } from '../terminal/text.ts';

export interface KeysOptions extends CommonOptions {
  readonly file?: string;
}

export interface CreateKeyOptions extends KeysOptions {
  readonly name: string;
  readonly scope: Scope[];
  readonly origin?: string[];
  readonly eventsPerSecond?: number;
  readonly bodyBytes?: number;
}

/** `facet keys create`: a new key, shown once; the file keeps its hash. */
export async function createKeyCommand(options: CreateKeyOptions, context: CommandContext): Promise<void> {
  const { name, scope, origin, eventsPerSecond, bodyBytes } = options;
  const file = keysFileOf(options, context);
  const apiKey = createApiKey();
  const limits = {
    ...(origin === undefined ? {} : { origins: [...new Set(origin)] }),
    ...(eventsPerSecond === undefined ? {} : { eventsPerSecondMax: eventsPerSecond }),
    ...(bodyBytes === undefined ? {} : { bodyBytesMax: bodyBytes }),
  };
  const described = { name, scopes: [...new Set(scope)], ...limits };
  await addApiKey(file, { ...described, sha256: hashApiKey(apiKey) });
  context.output.show(`The key ${name}, shown once: ${apiKey}`);
  context.output.show(`Its hash is in ${file}, which a running app reads when it is started again.`);
  context.output.document({ file, ...described, apiKey });
}

/** `facet keys list`: who has a key, and what it is good for. */
export async function listKeysCommand(options: KeysOptions, context: CommandContext): Promise<void> {
  const file = keysFileOf(options, context);
  const keys = await readApiKeys(file);
  const rows = keys.map(({ name, scopes, origins = [], eventsPerSecondMax, bodyBytesMax }) => [
    name,
    scopes.join(', '),
    origins.join(', '),
    countOrNothing(eventsPerSecondMax),
    countOrNothing(bodyBytesMax),
  ]);
  context.output.show(
    rows.length === 0
      ? `There are no keys in ${file}. Make one with: ${facet} keys create --help`
      : renderTable(['Name', 'Scopes', 'Origins', 'Events/s', 'Body bytes'], rows, {
          style: context.terminal.style,
          right: [3, 4],
        }),
  );
  context.output.document({ file, keys });
}

/** `--file`, else where the apps look: `FACET_API_KEYS_FILE`, else the home. */
function keysFileOf({ file, home }: KeysOptions, { environment }: CommandContext): string {
  return resolve(file ?? environment.apiKeysFile ?? openHome(home).keysFile);
}

function countOrNothing(count: number | undefined): string {
  return count === undefined ? '' : formatCount(count);
}
