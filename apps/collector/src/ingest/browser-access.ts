import type { Access, HttpApp, RouteAccess } from '@facet/http';
import cors from '@fastify/cors';
import type { RouteOptions } from 'fastify';

/** Browsers remember the answer to a preflight for this long. */
const preflightSeconds = 600;

/**
 * Answers preflights, and lets pages of the origins that some key names read answers. That a key is used from its own
 * origins only is checked with the key.
 */
export async function addBrowserAccess(app: HttpApp, access: Access): Promise<void> {
  const origins = access.kind === 'keys' ? access.keys.flatMap((key) => key.origins ?? []) : [];
  await app.register(cors, {
    origin: [...new Set(origins)],
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['content-type', 'x-api-key', 'authorization', 'x-request-id'],
    exposedHeaders: ['retry-after', 'x-request-id'],
    maxAge: preflightSeconds,
    // What is refused otherwise gets an answer that is no problem of this API.
    strictPreflight: false,
  });
}

/** A preflight comes without a key. Undefined for other routes. */
export function accessOfPreflight({ method, url }: RouteOptions): RouteAccess | undefined {
  return method === 'OPTIONS' && url === '*' ? { scope: 'open' } : undefined;
}
