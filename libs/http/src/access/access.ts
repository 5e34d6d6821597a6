import { stat } from 'node:fs/promises';
import { AppError, describeError, findApiKey, hasScope, readApiKeys, repeat } from '@facet/platform';
import type { AccessSource, ApiKey, Logger, Scope } from '@facet/platform';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { HttpApp } from '../http-app.ts';
import { problemError } from '../problems/problem.ts';

/** Who may call an app. */
export type Access =
  | {
      readonly kind: 'keys';
      /** The keys that are accepted now. */
      readonly keys: readonly ApiKey[];
      /** Stops reading changed keys. The app calls it when it closes. */
      readonly close?: () => Promise<void>;
    }
  | { readonly kind: 'anybody' };

export interface ReadAccessOptions {
  readonly logger: Pick<Logger, 'info' | 'error'>;
  /** How often to look at the file. A change counts after two equal looks. Default: a second. */
  readonly watchMs?: number;
}

/**
 * Reads the accepted keys, and reads them again whenever the file changes, so that a revoked key stops working within seconds. A
 * file that becomes missing or invalid is logged, and the last valid keys stay.
 *
 * @throws AppError `HTTP_KEYS_MISSING` if the file has no keys; those of `readApiKeys`.
 */
export async function readAccess(
  source: AccessSource,
  { logger, watchMs = 1_000 }: ReadAccessOptions,
): Promise<Access> {
  if (source === 'anybody') return { kind: 'anybody' };
  const { keysFile } = source;
  let version = await readVersion(keysFile);
  let keys = await readApiKeys(keysFile);
  if (keys.length === 0) throw keysMissing(keysFile);

  let seenBefore = version;
  let loggedVersion: string | undefined;
  const refresh = async (): Promise<void> => {
    const seen = await readVersion(keysFile);
    // A file that is being written changes between two looks.
    const isStable = seen === seenBefore;
    seenBefore = seen;
    if (seen === version || !isStable) return;
    if (seen === missing) throw keysMissing(keysFile);
    const changed = await readApiKeys(keysFile);
    if ((await readVersion(keysFile)) !== seen) return;
    keys = changed;
    version = seen;
    logger.info({ keysFile, keyNames: keys.map(({ name }) => name) }, 'read the changed API keys');
  };
  const close = repeat(watchMs, refresh, (error) => {
    if (loggedVersion === seenBefore) return;
    loggedVersion = seenBefore;
    logger.error({ problem: describeError(error), err: error }, 'API keys cannot be read: the last valid keys stay');
  });
  return {
    kind: 'keys',
    get keys() {
      return keys;
    },
    close,
  };
}

const missing = 'missing';

/** Returns a text that changes with the content of a file. An empty file is not finished, and counts as missing. */
async function readVersion(path: string): Promise<string> {
  const stats = await stat(path).catch(() => undefined);
  return stats === undefined || stats.size === 0
    ? missing
    : [stats.mtimeMs, stats.ctimeMs, stats.size, stats.ino].join();
}

function keysMissing(keysFile: string): AppError {
  return new AppError(`${keysFile} has no API key to check requests against.`, {
    code: 'HTTP_KEYS_MISSING',
    category: 'usage',
    remedy:
      'Create a key with facet keys create, set FACET_API_KEYS_FILE to a file with keys, or set FACET_INSECURE=true to ' +
      'accept requests without a key.',
    context: { keysFile },
  });
}

/**
 * A source of a key in addition to the headers.
 * `basic`: the password of Basic credentials. Browsers attach it to cross-site requests, too, so use it for read-only pages.
 * `query`: `?key=`. URLs end up in logs, so only keys with origins are accepted, which are public. `navigator.sendBeacon`
 * allows no other source.
 */
export type KeySource = 'basic' | 'query';

/** The access requirements of a route, declared in its `config`. */
export interface RouteAccess {
  /** The scope that the key must have; `any` accepts each key, `open` needs no key. */
  readonly scope: Scope | 'any' | 'open';
  readonly keySources?: readonly KeySource[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: RouteAccess['scope'];
    keySources?: RouteAccess['keySources'];
  }
  interface FastifyRequest {
    /** The key of the caller; undefined on open routes, and if the app needs no keys. */
    apiKey: ApiKey | undefined;
  }
}

/**
 * Rejects routes without a scope at boot.
 *
 * @param accessOf returns the access of plugin routes, which declare no scope.
 */
export function requireScopes(app: HttpApp, accessOf?: (route: RouteOptions) => RouteAccess | undefined): void {
  app.addHook('onRoute', (route) => {
    route.config = { ...accessOf?.(route), ...route.config };
    if (route.config.scope === undefined) {
      throw new Error(`${String(route.method)} ${route.url} declares no scope. Add config: { scope }.`);
    }
  });
}

/** Refuses callers without a key, and keys without the scope of the route. Covers unknown routes, too. */
export function addAccessControl(app: HttpApp, access: Access): void {
  app.decorateRequest('apiKey', undefined);
  if (access.kind === 'anybody') return;
  app.addHook('onClose', async () => access.close?.());
  app.addHook('onRequest', async (request, reply) => {
    const { scope } = request.routeOptions.config;
    if (scope === 'open') return;
    const key = identify(request, reply, access.keys);
    request.apiKey = key;
    // Unknown routes have no scope. Any key may learn that a route does not exist.
    if (scope !== undefined) refuseOtherUse(key, scope, request);
  });
}

/** @throws AppError `UNAUTHORIZED`. */
function identify(request: FastifyRequest, reply: FastifyReply, keys: readonly ApiKey[]): ApiKey {
  const { keySources = [] } = request.routeOptions.config;
  const presented = readPresentedKey(request, keySources);
  const key = presented === undefined ? undefined : findApiKey(presented.text, keys, Date.now());
  const isExposed = presented?.source === 'query' && key?.origins === undefined;
  if (key !== undefined && !isExposed) return key;
  const isBasic = keySources.includes('basic');
  reply.header('www-authenticate', isBasic ? 'Basic realm="Facet: any name, an API key as the password"' : 'Bearer');
  throw problemError('UNAUTHORIZED', explainRefusal(presented, key));
}

function explainRefusal(presented: PresentedKey | undefined, key: ApiKey | undefined): string {
  if (presented === undefined) return 'The request has no API key.';
  return key === undefined ? 'The API key is not known.' : 'A URL may contain only API keys with origins.';
}

interface PresentedKey {
  readonly text: string;
  readonly source: 'header' | KeySource;
}

/** Reads the API key from `x-api-key`, else `Authorization: Bearer`, else the given sources. */
function readPresentedKey(request: FastifyRequest, sources: readonly KeySource[]): PresentedKey | undefined {
  const own = request.headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return { text: own, source: 'header' };
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return { text: credentials, source: 'header' };
  if (scheme.toLowerCase() === 'basic' && sources.includes('basic')) {
    const [, password] = /^[^:]*:(.+)$/s.exec(Buffer.from(credentials, 'base64').toString('utf8')) ?? [];
    if (password !== undefined) return { text: password, source: 'basic' };
  }
  const { key } = request.query as { readonly key?: unknown };
  return sources.includes('query') && typeof key === 'string' ? { text: key, source: 'query' } : undefined;
}

/** @throws AppError `FORBIDDEN`, `LENGTH_REQUIRED`, `BODY_TOO_LARGE`. */
function refuseOtherUse(key: ApiKey, scope: Scope | 'any', { headers }: FastifyRequest): void {
  const { name, origins, bodyBytesMax } = key;
  if (scope !== 'any' && !hasScope(key, scope)) {
    throw problemError('FORBIDDEN', `The key ${name} does not have the scope ${scope}.`, {
      remedy: `Use a key with the scope ${scope}.`,
    });
  }
  if (origins !== undefined && !origins.includes(headers.origin ?? '')) {
    throw problemError('FORBIDDEN', `The key ${name} is limited to its own origins.`, {
      remedy: 'Use a key without origins, or add the origin to this key.',
    });
  }
  if (bodyBytesMax === undefined) return;
  if (headers['transfer-encoding'] !== undefined) {
    throw problemError(
      'LENGTH_REQUIRED',
      `The key ${name} limits the body size, so the request must declare its length.`,
    );
  }
  if (Number(headers['content-length'] ?? 0) > bodyBytesMax) {
    throw problemError('BODY_TOO_LARGE', `The body exceeds the ${bodyBytesMax} bytes that the key ${name} allows.`);
  }
}
