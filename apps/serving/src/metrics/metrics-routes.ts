import { Type } from 'typebox';
import type { ServingApp } from '../serving-app.ts';
import type { Metrics } from './metrics.ts';

/** Measures and logs every request, also those that are turned away. */
export function addRequestObservation(app: ServingApp, metrics: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    const { method } = request;
    const { statusCode, elapsedTime } = reply;
    metrics.observeRequest({ method, route, statusCode, seconds: elapsedTime / 1000 });
    request.log[statusCode < 400 ? 'debug' : 'info']({ method, route, statusCode, ms: elapsedTime }, 'request');
  });
}

export function addMetricsRoutes(app: ServingApp, metrics: Metrics): void {
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'readMetrics',
        summary: 'Metrics in the text format of Prometheus',
        tags: ['operations'],
        response: { 200: { description: 'The metrics.', content: { 'text/plain': { schema: Type.String() } } } },
      },
    },
    async (_request, reply) => {
      reply.type(metrics.registry.contentType);
      return metrics.registry.metrics();
    },
  );
}
