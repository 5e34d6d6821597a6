import { apiNames } from '@facet/config/api-urls';
import type { ApiName } from '@facet/config/api-urls';
import type { HttpApp } from '@facet/http';
import { probeApi } from '@facet/http/probe-api';
import { Type } from 'typebox';

const Upstream = Type.Object({
  name: Type.String(),
  url: Type.String(),
  state: Type.Union([Type.Literal('ready'), Type.Literal('not-ready'), Type.Literal('unreachable')]),
  problem: Type.Optional(Type.String()),
});

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
      upstreams: await Promise.all(
        apiNames.map(async (name) => {
          const url = options.upstreams[name];
          return { name, url, ...(await probeApi(url)) };
        }),
      ),
      hasPrometheus: options.prometheus !== undefined,
    }),
  );
}
