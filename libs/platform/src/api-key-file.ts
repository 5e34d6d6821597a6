import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Type } from 'typebox';
import { isSeq, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { scopes } from './api-keys.ts';
import type { ApiKey } from './api-keys.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { readConfigFile } from './config-file.ts';
import { AppError } from './errors.ts';
import { parseWith } from './parse.ts';

/** How an HTTP server authorizes requests: with the keys of a file, or `anybody` for requests without a key. */
export type AccessSource = { readonly keysFile: string } | 'anybody';

const exact = { additionalProperties: false };

const KeyEntry = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }),
    scopes: Type.Array(Type.Union(scopes.map((scope) => Type.Literal(scope))), { minItems: 1, uniqueItems: true }),
    sha256: Type.String({ pattern: '^[0-9a-fA-F]{64}$' }),
    origins: Type.Optional(Type.Array(Type.String({ pattern: '^https?://[^/\\s]+$' }), { minItems: 1 })),
    eventsPerSecondMax: Type.Optional(Type.Integer({ minimum: 1 })),
    bodyBytesMax: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  exact,
);

const KeyFile = Type.Object({ keys: Type.Array(KeyEntry, { default: [] }) }, exact);

/**
 * Reads the keys of a YAML file, `keys: [{name, scopes, sha256, …}]`. Returns none if the file does not exist.
 *
 * @throws AppError `CONFIG_UNREADABLE` if the file is not YAML; `CONFIG_INVALID` naming each wrong field but not its
 *   value, or a duplicate name.
 */
export async function readApiKeys(path: string): Promise<readonly ApiKey[]> {
  const { keys } = await readConfigFile(KeyFile, path);
  const names = new Set<string>();
  for (const { name } of keys) {
    if (names.has(name)) {
      throw new AppError(`${path} contains two keys with the name ${name}.`, {
        code: 'CONFIG_INVALID',
        category: 'usage',
        remedy: 'Give each key a unique name.',
        context: { path, name },
      });
    }
    names.add(name);
  }
  return keys;
}

/**
 * Adds a key to the file. Creates the file if necessary, readable by its owner only.
 *
 * @throws AppError `KEYS_NAME_TAKEN`; `CONFIG_INVALID` for a wrong field of the key; the errors of {@link readApiKeys}.
 */
export async function addApiKey(path: string, key: ApiKey): Promise<void> {
  const keys = await readApiKeys(path);
  if (keys.some(({ name }) => name === key.name)) {
    throw new AppError(`${path} already contains a key with the name ${key.name}.`, {
      code: 'KEYS_NAME_TAKEN',
      category: 'usage',
      remedy: 'Choose another name, or remove the key from the file.',
      context: { path, name: key.name },
    });
  }
  await replaceApiKey(path, key);
}

/**
 * Replaces the key with the same name, or appends the key. Comments of the file stay.
 *
 * @throws AppError `CONFIG_INVALID` for a wrong field of the key; the errors of {@link readApiKeys}.
 */
export async function replaceApiKey(path: string, key: ApiKey): Promise<void> {
  const keys = await readApiKeys(path);
  parseWith(KeyEntry, key, { source: `the key ${key.name}` });
  const document = parseDocument(await readFile(path, 'utf8').catch(emptyWhenMissing));
  if (!isSeq(document.get('keys'))) document.set('keys', document.createNode([]));
  const at = keys.findIndex(({ name }) => name === key.name);
  document.setIn(['keys', at === -1 ? keys.length : at], document.createNode(key));
  await writeDocument(path, document);
}

function emptyWhenMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

async function writeDocument(path: string, document: Document): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically(path, [document.toString()], { mode: 0o600 });
}
