import type { HttpApp } from '@facet/http';
import { defaultTextMapGetter, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Context, Span, Tracer } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
} from '@opentelemetry/semantic-conventions';
import type { FastifyRequest } from 'fastify';
import type { WatchStage } from '../stages/timings.ts';

export interface Tracing {
  /** A span for each stage of a request. */
  readonly watchStages: (request: FastifyRequest) => WatchStage;
  /** A span for each request. To be added before whatever watches stages. */
  addTo(app: HttpApp): void;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a request that is recorded. */
    traced?: Traced;
  }
}

interface Traced {
  readonly span: Span;
  /** What its stages are in. */
  readonly context: Context;
}

/**
 * Traces requests: a span of kind server for each, named by its route, and one for each of its stages. Spans hold no more of a
 * request than its route, status and id. A request with a `traceparent` (W3C Trace Context) is a part of that trace.
 */
export function createTracing(tracer: Tracer): Tracing {
  const propagator = new W3CTraceContextPropagator();
  const nothing = (): void => undefined;

  return {
    watchStages: (request) => (stage) => {
      const { traced } = request;
      if (traced === undefined) return nothing;
      const span = tracer.startSpan(stage, {}, traced.context);
      return () => span.end();
    },
    addTo(app) {
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
    },
  };
}
