import { findApiKey } from '@facet/platform';
import type { ApiKey, Scope } from '@facet/platform';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { HttpApp } from '../http-app.ts';
import { problemError } from '../problems/problem.ts';
import { presentedKey } from './presented-key.ts';
import type { KeyPlace, PresentedKey } from './presented-key.ts';

/** Who is answered. */
export type Access = { readonly kind: 'keys'; readonly keys: readonly ApiKey[] } | { readonly kind: 'anybody' };

/** What a route asks of a caller; declared in its `config`. */
export interface RouteAccess {
  /** The scope that the key must have; `open` asks for no key at all. */
  readonly scope: Scope | 'open';
  /** Where a key may stand beside its headers. */
  readonly keyPlaces?: readonly KeyPlace[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: RouteAccess['scope'];
    keyPlaces?: RouteAccess['keyPlaces'];
  }
  interface FastifyRequest {
    /** The key of the caller; undefined on open routes, and where anybody is answered. */
    apiKey: ApiKey | undefined;
  }
}

/**
 * Makes a route without a scope an error at boot.
 *
 * @param accessOf for the routes of plugins, which declare nothing themselves.
 */
export function requireScopes(app: HttpApp, accessOf?: (route: RouteOptions) => RouteAccess | undefined): void {
  app.addHook('onRoute', (route) => {
    route.config = { ...accessOf?.(route), ...route.config };
    if (route.config.scope === undefined) {
      throw new Error(`${String(route.method)} ${route.url} declares no scope: give it config: { scope }.`);
    }
  });
}

/**
 * Turns away whoever has no key, or one that is not for this: one hook for every route, also for the ones that do not
 * exist.
 */
export function addAccessControl(app: HttpApp, access: Access): void {
  app.decorateRequest('apiKey', undefined);
  if (access.kind === 'anybody') return;
  app.addHook('onRequest', async (request, reply) => {
    const { scope } = request.routeOptions.config;
    if (scope === 'open') return;
    const key = identify(request, reply, access.keys);
    request.apiKey = key;
    // A path that does not exist has no scope: whoever has a key may know that.
    if (scope !== undefined) refuseOtherUse(key, scope, request);
  });
}

/** @throws AppError `UNAUTHORIZED`. */
function identify(request: FastifyRequest, reply: FastifyReply, keys: readonly ApiKey[]): ApiKey {
  const { keyPlaces = [] } = request.routeOptions.config;
  const presented = presentedKey(request, keyPlaces);
  const key = presented === undefined ? undefined : findApiKey(presented.text, keys);
  const isExposed = presented?.place === 'query' && key?.origins === undefined;
  if (key !== undefined && !isExposed) return key;
  const isBasic = keyPlaces.includes('basic');
  reply.header('www-authenticate', isBasic ? 'Basic realm="Facet: any name, an API key as the password"' : 'Bearer');
  throw problemError('UNAUTHORIZED', complaintOf(presented, key));
}

function complaintOf(presented: PresentedKey | undefined, key: ApiKey | undefined): string {
  if (presented === undefined) return 'The request has no API key.';
  return key === undefined ? 'The API key is not known.' : 'An API key without origins is not taken from a URL.';
}

/** @throws AppError `FORBIDDEN`, `LENGTH_REQUIRED`, `BODY_TOO_LARGE`. */
function refuseOtherUse(key: ApiKey, scope: Scope, { headers }: FastifyRequest): void {
  const { name, origins, bodyBytesMax } = key;
  if (!key.scopes.includes(scope)) {
    throw problemError('FORBIDDEN', `The key ${name} does not have the scope ${scope}.`, {
      remedy: 'Use a key that has it.',
    });
  }
  if (origins !== undefined && !origins.includes(headers.origin ?? '')) {
    throw problemError('FORBIDDEN', `The key ${name} is only good for the origins that it was made for.`, {
      remedy: 'Use a key without origins, or add the origin to this one.',
    });
  }
  if (bodyBytesMax === undefined) return;
  if (headers['transfer-encoding'] !== undefined) {
    throw problemError('LENGTH_REQUIRED', `The bodies of the key ${name} are bounded, so they must say their length.`);
  }
  if (Number(headers['content-length'] ?? 0) > bodyBytesMax) {
    throw problemError('BODY_TOO_LARGE', `The body is larger than the ${bodyBytesMax} bytes of the key ${name}.`);
  }
}
