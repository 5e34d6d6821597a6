import { isKnownApiKey } from '@facet/platform';
import { docsPath } from '../docs/docs-path.ts';
import { problemError } from '../problems/problem.ts';
import type { ServingApp } from '../serving-app.ts';
import { presentedKey } from './presented-key.ts';

/** Who is answered. */
export type Access = { readonly kind: 'keys'; readonly keyHashes: readonly string[] } | { readonly kind: 'anybody' };

/** The routes that need no key: probes of an orchestrator, which say nothing but whether the process lives and is ready. */
export const openRoutes: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/** Turns away whoever has no key: one hook for every route, also for the ones that do not exist. */
export function addAccessControl(app: ServingApp, access: Access): void {
  if (access.kind === 'anybody') return;
  app.addHook('onRequest', async (request, reply) => {
    const route = request.routeOptions.url;
    if (route !== undefined && openRoutes.has(route)) return;
    const isDocs = route === docsPath || route?.startsWith(`${docsPath}/`) === true;
    // A browser sends Basic credentials by itself, also when another site makes it: only where nothing but pages is read.
    const key = presentedKey(request.headers, { acceptBasic: isDocs });
    if (key !== undefined && isKnownApiKey(key, access.keyHashes)) return;
    reply.header('www-authenticate', isDocs ? 'Basic realm="Facet: any name, an API key as the password"' : 'Bearer');
    throw problemError(
      'UNAUTHORIZED',
      key === undefined ? 'The request has no API key.' : 'The API key is not known.',
      {
        remedy: 'Send a key in the header x-api-key, or as Authorization: Bearer.',
      },
    );
  });
}
