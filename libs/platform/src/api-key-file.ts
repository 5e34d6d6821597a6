import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Type } from 'typebox';
import { isSeq, parseDocument } from 'yaml';
import { scopes } from './api-keys.ts';
import type { ApiKey } from './api-keys.ts';
import { writeFileAtomically } from './files.ts';
import type { FileOwner } from './files.ts';
import { readConfigFile } from './config-file.ts';
import { AppError } from './errors.ts';
import { waitForFolderLock } from './folders.ts';
import type { FolderLock } from './folders.ts';
import { parseWith } from './parse.ts';
import { readTextIfExists } from './files.ts';

/** How an HTTP server authorizes requests: with the keys of a file, or `anybody` for requests without a key. */
export type AccessSource = { readonly keysFile: string } | 'anybody';

const exact = { additionalProperties: false };
const Hash = Type.String({ pattern: '^[0-9a-fA-F]{64}$' });

const KeyEntry = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }),
    scopes: Type.Array(Type.Union(scopes.map((scope) => Type.Literal(scope))), { minItems: 1, uniqueItems: true }),
    sha256: Hash,
    previous: Type.Optional(
      Type.Array(
        Type.Object(
          { sha256: Hash, acceptedUntil: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$' }) },
          exact,
        ),
      ),
    ),
    origins: Type.Optional(Type.Array(Type.String({ pattern: '^https?://[^/\\s]+$' }), { minItems: 1 })),
    eventsPerSecondMax: Type.Optional(Type.Integer({ minimum: 1 })),
    requestsPerSecondMax: Type.Optional(Type.Integer({ minimum: 1 })),
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
 * @throws AppError `KEYS_NAME_TAKEN`; the errors of {@link replaceApiKey}.
 */
export async function addApiKey(path: string, key: ApiKey): Promise<void> {
  await changeKeys(path, key.name, (held) => {
    if (held === undefined) return key;
    throw new AppError(`${path} already contains a key with the name ${key.name}.`, {
      code: 'KEYS_NAME_TAKEN',
      category: 'usage',
      remedy: 'Choose another name, or replace the key with facet keys rotate.',
      context: { path, name: key.name },
    });
  });
}

/**
 * Replaces the key with the same name, or appends the key. Comments of the file stay.
 *
 * @param acceptPreviousUntil until when the replaced hash is still accepted, in epoch milliseconds; not at all if absent
 * @throws AppError `CONFIG_INVALID` for a wrong field of the key; `KEYS_LOCKED` if another process changes the file for ten
 *   seconds; the errors of {@link readApiKeys}.
 */
export async function replaceApiKey(path: string, key: ApiKey, acceptPreviousUntil?: number): Promise<void> {
  await changeKeys(path, key.name, (held) =>
    held === undefined || acceptPreviousUntil === undefined ? key : withPrevious(key, held, acceptPreviousUntil),
  );
}

/**
 * Replaces the hash of a key. Apps accept the old key until `acceptedUntil`, so that callers can switch to the new one. Keys of
 * earlier rotations end at their own time, at the latest at `acceptedUntil`.
 *
 * @param acceptedUntil epoch milliseconds
 * @throws AppError `KEYS_NAME_UNKNOWN`; the errors of {@link replaceApiKey}.
 */
export async function rotateApiKey(
  path: string,
  { name, sha256, acceptedUntil }: { readonly name: string; readonly sha256: string; readonly acceptedUntil: number },
): Promise<void> {
  await changeKeys(path, name, (held) => {
    const key = requireKey(held, path, name);
    const end = new Date(acceptedUntil).toISOString();
    const previous = (key.previous ?? []).map((entry) =>
      Date.parse(entry.acceptedUntil) > acceptedUntil ? { ...entry, acceptedUntil: end } : entry,
    );
    return withPrevious({ ...key, sha256 }, { ...key, previous }, acceptedUntil);
  });
}

/** A process that starts again and again must not fill the file. */
const previousMax = 10;

/** Adds the hash of the replaced key, and drops the hashes that have ended. */
function withPrevious(key: ApiKey, { sha256, previous = [] }: ApiKey, acceptedUntil: number): ApiKey {
  const accepted = previous.filter((entry) => entry.sha256 !== sha256 && Date.now() < Date.parse(entry.acceptedUntil));
  const all = [...accepted, { sha256, acceptedUntil: new Date(acceptedUntil).toISOString() }];
  return { ...key, previous: all.filter((entry) => entry.sha256 !== key.sha256).slice(-previousMax) };
}

/**
 * Removes a key and its earlier hashes from the file.
 *
 * @throws AppError `KEYS_NAME_UNKNOWN`; the errors of {@link replaceApiKey}.
 */
export async function removeApiKey(path: string, name: string): Promise<void> {
  await changeKeys(path, name, (held) => {
    requireKey(held, path, name);
    return undefined;
  });
}

function requireKey(key: ApiKey | undefined, path: string, name: string): ApiKey {
  if (key !== undefined) return key;
  throw new AppError(`${path} contains no key with the name ${name}.`, {
    code: 'KEYS_NAME_UNKNOWN',
    category: 'usage',
    remedy: 'See the names with facet keys list.',
    context: { path, name },
  });
}

/** Replaces the key with this name by what `change` returns; `undefined` removes it. Changes by several processes take turns. */
async function changeKeys(
  path: string,
  name: string,
  change: (held: ApiKey | undefined) => ApiKey | undefined,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const lock = await waitForLock(path);
  try {
    const keys = await readApiKeys(path);
    const at = keys.findIndex((key) => key.name === name);
    const changed = change(keys[at]);
    const document = parseDocument((await readTextIfExists(path)) ?? '');
    if (!isSeq(document.get('keys'))) document.set('keys', document.createNode([]));
    if (changed) {
      parseWith(KeyEntry, changed, { source: `the key ${name}` });
      document.setIn(['keys', at === -1 ? keys.length : at], document.createNode(changed));
    } else {
      document.deleteIn(['keys', at]);
    }
    await writeFileAtomically(path, [document.toString()], await ownershipOf(path));
  } finally {
    await lock.release();
  }
}

/** An existing file keeps its mode and owner, so that apps of another user can still read it. */
async function ownershipOf(path: string): Promise<{ readonly mode: number; readonly owner?: FileOwner }> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return stats === undefined ? { mode: 0o600 } : { mode: stats.mode & 0o777, owner: stats };
}

const lockWaitMs = 10_000;

async function waitForLock(path: string): Promise<FolderLock> {
  const lock = await waitForFolderLock(dirname(path), lockWaitMs);
  if ('release' in lock) return lock;
  throw new AppError(`Another process is changing ${path}.`, {
    code: 'KEYS_LOCKED',
    category: 'conflict',
    remedy: 'Repeat the command.',
    context: { path },
  });
}
