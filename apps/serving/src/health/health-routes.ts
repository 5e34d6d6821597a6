import { Type } from 'typebox';
import type { LiveBundle } from '../live/live-bundle.ts';
import { Problem } from '../problems/problem.ts';
import type { ServingApp } from '../serving-app.ts';

export function addHealthRoutes(app: ServingApp, live: LiveBundle): void {
  app.get(
    '/healthz',
    {
      schema: {
        operationId: 'checkAlive',
        summary: 'Whether the process lives',
        tags: ['operations'],
        security: [],
        response: { 200: Type.Object({ status: Type.Literal('ok') }, { description: 'It does.' }) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'checkReady',
        summary: 'Whether requests can be answered: the bundle and the profiles are loaded',
        tags: ['operations'],
        security: [],
        response: {
          200: Type.Object({ status: Type.Literal('ready'), bundleId: Type.String() }, { description: 'They can.' }),
          503: Problem,
        },
      },
    },
    async () => ({ status: 'ready' as const, bundleId: live.require().bundle.id }),
  );
}
