import type { HttpApp } from '@facet/http';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { apiNames } from './proxies.ts';
import type { ApiName } from './proxies.ts';

const Upstream = Type.Object({
  name: Type.String(),
  url: Type.String(),
  /** `ready`, `not-ready`: it responds, but not yet to requests; `unreachable`: nothing responds. */
  state: Type.Union([Type.Literal('ready'), Type.Literal('not-ready'), Type.Literal('unreachable')]),
  /** Why it is not ready. */
  problem: Type.Optional(Type.String()),
});
type Upstream = Static<typeof Upstream>;

const probeTimeoutMs = 2_000;

/** Adds `GET /upstreams`: which APIs behind the console respond. The page sends no metrics requests to the others. */
export function addUpstreams(
  app: HttpApp,
  options: { readonly upstreams: Readonly<Record<ApiName, string>>; readonly prometheus: string | undefined },
): void {
  app.get(
    '/upstreams',
    {
      config: { scope: 'any' },
      schema: {
        response: { 200: Type.Object({ upstreams: Type.Array(Upstream), hasPrometheus: Type.Boolean() }) },
      },
    },
    async () => ({
      upstreams: await Promise.all(apiNames.map((name) => probe(name, options.upstreams[name]))),
      hasPrometheus: options.prometheus !== undefined,
    }),
  );
}

async function probe(name: ApiName, url: string): Promise<Upstream> {
  try {
    const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(probeTimeoutMs) });
    if (response.ok) return { name, url, state: 'ready' };
    const { message = `Status ${response.status}.` } = (await response.json()) as { readonly message?: string };
    return { name, url, state: 'not-ready', problem: message };
  } catch {
    return { name, url, state: 'unreachable' };
  }
}
