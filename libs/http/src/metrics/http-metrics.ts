import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** The metrics of one app, in a registry of its own; the app adds its own to it. */
export interface HttpMetrics {
  readonly registry: Registry;
  /** @param request.route the route as declared, never the raw URL: that would make a series of every guess. */
  observeRequest(request: { method: string; route: string; statusCode: number; seconds: number }): void;
}

/** From well under the time of a small catalog to what a caller will not wait for. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Those of the process, and the times of its requests. */
export function createHttpMetrics(options: { readonly prefix?: string } = {}): HttpMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: `${options.prefix ?? 'facet_'}http_request_duration_seconds`,
    help: 'Time from the arrival of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: durationBuckets,
    registers: [registry],
  });
  return {
    registry,
    observeRequest: ({ method, route, statusCode, seconds }) =>
      durations.observe({ method, route, status: statusCode }, seconds),
  };
}
