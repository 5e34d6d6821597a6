import { Type } from 'typebox';
import type { Static, TProperties } from 'typebox';
import type { HttpApp } from '../http-app.ts';
import { problemAnswers } from '../problems/problem.ts';

export interface HealthChecks<Facts extends TProperties> {
  /** What has to be so for requests to be answered, for people. */
  readonly readySummary: string;
  /** What `/readyz` tells beside its status. */
  readonly readyFacts: Facts;
  /** Those facts as they may be, for the docs. */
  readonly readyExample?: FactsOf<Facts>;
  /** @throws AppError one of the app's problems while requests cannot be answered. */
  checkReady(): FactsOf<Facts> | Promise<FactsOf<Facts>>;
  /** @throws AppError one of the app's problems when only a restart helps. Absent: as long as it answers, it lives. */
  checkAlive?(): void | Promise<void>;
}

type FactsOf<Facts extends TProperties> = { readonly [Name in keyof Facts]: Static<Facts[Name]> };

/** `/healthz` and `/readyz`, for an orchestrator's probes: open, so they tell no more than they must. */
export function addHealthRoutes<Facts extends TProperties>(app: HttpApp, checks: HealthChecks<Facts>): void {
  app.get(
    '/healthz',
    {
      config: { scope: 'open' },
      schema: {
        operationId: 'checkAlive',
        summary: 'Whether the process lives',
        tags: ['operations'],
        security: [],
        response: {
          200: Type.Object({ status: Type.Literal('ok') }, { description: 'It does.', examples: [{ status: 'ok' }] }),
          503: problemAnswers['5xx'],
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
  const examples = readyExample === undefined ? {} : { examples: [{ status: 'ready', ...readyExample }] };
  app.get(
    '/readyz',
    {
      config: { scope: 'open' },
      schema: {
        operationId: 'checkReady',
        summary: checks.readySummary,
        tags: ['operations'],
        security: [],
        response: {
          200: Type.Object({ status: Type.Literal('ready'), ...facts }, { description: 'They can.', ...examples }),
          503: problemAnswers['5xx'],
        },
      },
    },
    async () => ({ status: 'ready' as const, ...(await checks.checkReady()) }),
  );
}
