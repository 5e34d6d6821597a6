import { readFacetVersion } from '@facet/platform/app-arguments';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { Type } from 'typebox';
import type { HttpApp } from './http-app.ts';

/** The metrics of one app, in a dedicated registry. Apps add their own metrics to the registry. */
export type HttpMetrics = ReturnType<typeof createHttpMetrics>;

/** From far below the latency of a small catalog to the patience of a caller. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Creates the metrics of the process and of its requests. */
export function createHttpMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'facet_build_info',
    help: 'Always 1; the label is the version of Facet.',
    labelNames: ['version'] as const,
    aggregator: 'max',
    registers: [registry],
  }).set({ version: readFacetVersion() }, 1);
  const durations = new Histogram({
    name: 'facet_http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of the response.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: durationBuckets,
    registers: [registry],
  });
  return {
    registry,
    /** @param labels.route the route as declared. The raw URL would create a series for every guessed path. */
    observeRequest: (labels: { method: string; route: string; status: number }, seconds: number) =>
      durations.observe(labels, seconds),
  };
}

/** Measures and logs every request, including refused requests. */
export function addRequestObservation(app: HttpApp, metrics: HttpMetrics): void {
  app.decorateRequest('isTurnedAway', false);
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    const { method } = request;
    const { statusCode, elapsedTime } = reply;
    metrics.observeRequest({ method, route, status: statusCode }, elapsedTime / 1000);
    const facts = { method, route, statusCode, ms: elapsedTime, keyName: request.apiKey?.name };
    // Logging every refusal would increase the overload.
    request.log[statusCode < 400 || request.isTurnedAway ? 'debug' : 'info'](facts, 'request');
  });
}

const example = 'process_cpu_seconds_total 12.5\n';

/**
 * Adds `/metrics`, for keys with the scope admin.
 *
 * @param read returns the metrics text; by default that of the app alone.
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
        summary: 'Read the metrics in the Prometheus text format',
        tags: ['operations'],
        response: {
          200: { description: 'The metrics.', content: { 'text/plain': { schema: Type.String(), example } } },
        },
      },
    },
    async (_request, reply) => {
      reply.type(metrics.registry.contentType);
      return read();
    },
  );
}
