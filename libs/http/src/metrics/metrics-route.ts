import { Type } from 'typebox';
import type { HttpApp } from '../http-app.ts';
import { problemAnswers } from '../problems/problem.ts';
import type { HttpMetrics } from './http-metrics.ts';

const example = 'process_cpu_seconds_total 12.5\n';

/**
 * `/metrics`, for a key with the scope admin.
 *
 * @param read those of the app alone by default.
 */
export function addMetricsRoute(
  app: HttpApp,
  metrics: Pick<HttpMetrics, 'registry'>,
  read: () => Promise<string> = () => metrics.registry.metrics(),
): void {
  app.get(
    '/metrics',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'readMetrics',
        summary: 'Metrics in the text format of Prometheus',
        tags: ['operations'],
        response: {
          200: { description: 'The metrics.', content: { 'text/plain': { schema: Type.String(), example } } },
          ...problemAnswers,
        },
      },
    },
    async (_request, reply) => {
      reply.type(metrics.registry.contentType);
      return read();
    },
  );
}
