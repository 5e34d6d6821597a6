import { definePlugin } from '@facet/http';
import { defaultTextMapGetter, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Context, Span, Tracer } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
} from '@opentelemetry/semantic-conventions';
import type { FastifyRequest } from 'fastify';
import type { WatchSpan } from './spans.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set if the request is traced. */
    traced?: { readonly span: Span; /** The parent of the request's spans. */ readonly context: Context };
  }
}

/**
 * Traces requests: one server span for each request, named by its route. A request with a `traceparent` (W3C Trace Context)
 * joins that trace. Spans contain only the route, the status and the id of a request.
 */
export const traceRequests = definePlugin<{ readonly tracer: Tracer }>('tracing', (app, { tracer }) => {
  const propagator = new W3CTraceContextPropagator();
  app.decorateRequest('traced');
  app.addHook('onRequest', async (request) => {
    const { method, id } = request;
    const { url: route } = request.routeOptions;
    if (route?.startsWith('/v1/') !== true) return;
    const caller = propagator.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter);
    const attributes = {
      [ATTR_HTTP_REQUEST_METHOD]: method,
      [ATTR_HTTP_ROUTE]: route,
      'facet.request_id': id,
    };
    const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, caller);
    if (span.isRecording()) request.traced = { span, context: trace.setSpan(caller, span) };
  });
  app.addHook('onResponse', async ({ traced }, { statusCode }) => {
    const span = traced?.span;
    span?.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, statusCode);
    if (statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  });
});

const nothing = (): void => undefined;

/** Returns a watcher that makes a child span for each span of a traced request. */
export function createSpanWatcher(tracer: Tracer): (request: FastifyRequest) => WatchSpan {
  return (request) => (name) => {
    const { traced } = request;
    if (traced === undefined) return nothing;
    const span = tracer.startSpan(name, {}, traced.context);
    return () => span.end();
  };
}
