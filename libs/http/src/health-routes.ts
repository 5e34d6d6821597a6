import { readFacetVersion } from '@facet/platform/app-arguments';
import { Type } from 'typebox';
import type { Static, TProperties } from 'typebox';
import type { HttpApp } from './http-app.ts';
import { isUnderPressure } from './overload/request-bounds.ts';
import { problemError } from './problems/problem.ts';
import type { ProblemCatalog } from './problems/problem.ts';

export interface HealthChecks<Facts extends TProperties> {
  /** The summary of `/readyz` in the API document. */
  readonly readySummary: string;
  /** The fields of `/readyz` in addition to its status and the version. */
  readonly readyFacts: Facts;
  /** Example values of these fields for the API document. */
  readonly readyExample: FactsOf<Facts>;
  /** The errors of `checkReady` in addition to those of the app. */
  readonly readyErrors?: ProblemCatalog;
  /** @throws AppError while the app cannot respond to requests. */
  checkReady(): FactsOf<Facts> | Promise<FactsOf<Facts>>;
  /** The errors of `checkAlive` in addition to those of the app. */
  readonly aliveErrors?: ProblemCatalog;
  /** @throws AppError when only a restart helps. Absent: the process is always alive. */
  checkAlive?(): void | Promise<void>;
}

/** After this time, a delay is due to load. */
const startMsMax = 60_000;

type FactsOf<Facts extends TProperties> = { readonly [Name in keyof Facts]: Static<Facts[Name]> };

/** Adds `/healthz` and `/readyz` for the probes of an orchestrator. They need no key, so they reveal little. */
export function addHealthRoutes<Facts extends TProperties>(app: HttpApp, checks: HealthChecks<Facts>): void {
  app.get(
    '/healthz',
    {
      config: { scope: 'open', errors: checks.aliveErrors },
      schema: {
        operationId: 'checkAlive',
        summary: 'Check whether the process is alive',
        tags: ['operations'],
        security: [],
        response: {
          200: Type.Object(
            { status: Type.Literal('ok') },
            { description: 'The process is alive.', examples: [{ status: 'ok' }] },
          ),
        },
      },
    },
    async () => {
      await checks.checkAlive?.();
      return { status: 'ok' as const };
    },
  );
  const { readyExample } = checks;
  const facts: TProperties = checks.readyFacts;
  const startedAt = performance.now();
  let wasReady = false;
  const version = readFacetVersion();
  const example = { status: 'ready', version: '0.1.0', ...readyExample };
  app.get(
    '/readyz',
    {
      config: { scope: 'open', errors: checks.readyErrors },
      schema: {
        operationId: 'checkReady',
        summary: checks.readySummary,
        tags: ['operations'],
        security: [],
        response: {
          200: Type.Object(
            { status: Type.Literal('ready'), version: Type.String({ description: 'The version of Facet.' }), ...facts },
            { description: 'The process is ready.', examples: [example] },
          ),
        },
      },
    },
    async () => {
      const current = await checks.checkReady();
      // Startup work delays the event loop, so the app refuses requests. After the start, load must not make it unready.
      const isStarting = !wasReady && performance.now() - startedAt < startMsMax;
      if (isStarting && isUnderPressure(app)) throw problemError('NOT_READY', 'The process is still starting.');
      wasReady = true;
      return { status: 'ready' as const, version, ...current };
    },
  );
}
