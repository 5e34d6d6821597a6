import { join, resolve } from 'node:path';
import { AppError, parseWith } from '@facet/platform';
import { Type } from 'typebox';
import type { Access } from './auth/access.ts';

/** Everything that this process is told from outside, each with what its absence means. */
const Environment = Type.Object({
  FACET_HOME: Type.String({ default: '.facet/default' }),
  /** Default: `lake` in FACET_HOME. */
  FACET_LAKE: Type.Optional(Type.String()),
  /** Default: `catalog` in FACET_HOME. */
  FACET_CATALOG: Type.Optional(Type.String()),
  /** Default: `artifacts` in FACET_HOME. */
  FACET_ARTIFACTS: Type.Optional(Type.String()),
  FACET_HOST: Type.String({ default: '127.0.0.1' }),
  /** 0 lets the system choose a free one. */
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
  /** SHA-256 of each accepted key in hex, separated by commas. */
  FACET_API_KEY_HASHES: Type.String({ default: '' }),
  /** `true` answers anybody. */
  FACET_INSECURE: Type.Union([Type.Literal('true'), Type.Literal('false')], { default: 'false' }),
  FACET_LOG_LEVEL: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map((level) => Type.Literal(level)),
    { default: 'info' },
  ),
});

export interface ServingConfig {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly artifactsFolder: string;
  readonly host: string;
  readonly port: number;
  readonly access: Access;
  readonly logLevel: string;
}

const sha256Hex = /^[0-9a-f]{64}$/i;

/**
 * Reads the environment. A variable that is set to nothing counts as absent, as Compose files leave them.
 *
 * @throws AppError `CONFIG_INVALID` naming each wrong variable, `SERVING_KEYS_MISSING` without keys and without the
 * explicit word that none are wanted. No message holds the value of a key.
 */
export function readConfig(environment: NodeJS.ProcessEnv): ServingConfig {
  const given = Object.keys(Environment.properties)
    .filter((name) => (environment[name] ?? '') !== '')
    .map((name) => [name, environment[name]]);
  const values = parseWith(Environment, Object.fromEntries(given), { source: 'the environment', coerce: true });
  const home = resolve(values.FACET_HOME);
  return Object.freeze({
    lakeFolder: resolve(values.FACET_LAKE ?? join(home, 'lake')),
    catalogFolder: resolve(values.FACET_CATALOG ?? join(home, 'catalog')),
    artifactsFolder: resolve(values.FACET_ARTIFACTS ?? join(home, 'artifacts')),
    host: values.FACET_HOST,
    port: values.FACET_PORT,
    access: readAccess(values.FACET_API_KEY_HASHES, values.FACET_INSECURE === 'true'),
    logLevel: values.FACET_LOG_LEVEL,
  });
}

function readAccess(hashList: string, insecure: boolean): Access {
  const keyHashes = hashList
    .split(',')
    .map((hash) => hash.trim())
    .filter((hash) => hash !== '');
  const wrong = keyHashes.findIndex((hash) => !sha256Hex.test(hash));
  if (wrong !== -1) {
    throw new AppError(`Entry ${wrong + 1} of FACET_API_KEY_HASHES is not a SHA-256 in hex.`, {
      code: 'CONFIG_INVALID',
      remedy: 'Give the hash of the key, 64 hex digits, not the key.',
    });
  }
  if (insecure && keyHashes.length > 0) {
    throw new AppError('FACET_INSECURE=true contradicts FACET_API_KEY_HASHES.', {
      code: 'CONFIG_INVALID',
      remedy: 'Set one of them.',
    });
  }
  if (insecure) return { kind: 'anybody' };
  if (keyHashes.length > 0) return { kind: 'keys', keyHashes };
  throw new AppError('There is no API key to check requests against.', {
    code: 'SERVING_KEYS_MISSING',
    remedy: 'Set FACET_API_KEY_HASHES to the SHA-256 of a key, or FACET_INSECURE=true to answer anybody.',
  });
}

/**
 * Keeps Faiss to one thread a search: requests already run beside each other, and threads that fight for the same cores
 * cost a factor of ten. Must run before the native index is loaded; a value that the operator set stays.
 */
export function limitNativeThreads(): void {
  process.env['OMP_NUM_THREADS'] ??= '1';
}
