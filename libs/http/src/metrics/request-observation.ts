import type { HttpApp } from '../http-app.ts';
import type { HttpMetrics } from './http-metrics.ts';

/** Measures and logs every request, also those that are turned away. */
export function addRequestObservation(app: HttpApp, metrics: HttpMetrics): void {
  app.decorateRequest('isTurnedAway', false);
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    const { method } = request;
    const { statusCode, elapsedTime } = reply;
    metrics.observeRequest({ method, route, statusCode, seconds: elapsedTime / 1000 });
    const facts = { method, route, statusCode, ms: elapsedTime, keyName: request.apiKey?.name };
    // A line for each of those that are too many would make it worse.
    request.log[statusCode < 400 || request.isTurnedAway ? 'debug' : 'info'](facts, 'request');
  });
}
