import { setTimeout as delay } from 'node:timers/promises';
import { definePlugin } from '@facet/http';
import type { Logger } from '@facet/platform';
import { defaultTextMapGetter, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Context, Span, Tracer } from '@opentelemetry/api';
import { W3CTraceContextPropagator, ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import {
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_SERVICE_NAME,
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

export interface TracingSettings {
  /** The share of requests without a `traceparent` that is traced. */
  readonly share: number;
}

export interface OpenTracing {
  readonly tracer: Tracer;
  /** Flushes pending spans, for at most a few seconds. */
  close(): Promise<void>;
}

const flushMs = 3_000;
const reportEveryMs = 60_000;

/**
 * Exports spans as OTLP over HTTP. OpenTelemetry's packages read endpoint, headers, batch size and service name from the
 * environment. Import this module only if tracing is on, because the packages are large.
 */
export function openTracing({ share }: TracingSettings, logger: Pick<Logger, 'warn'>): OpenTracing {
  const own = resourceFromAttributes({ [ATTR_SERVICE_NAME]: 'facet-serving', 'process.pid': process.pid });
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [new BatchSpanProcessor(reportFailures(new OTLPTraceExporter(), logger))],
  });
  return {
    tracer: provider.getTracer('facet'),
    async close() {
      const flushed = provider.shutdown().catch(() => undefined);
      await Promise.race([flushed, delay(flushMs, undefined, { ref: false })]);
    },
  };
}

/** Logs failed exports, at most once a minute. */
function reportFailures(exporter: SpanExporter, logger: Pick<Logger, 'warn'>): SpanExporter {
  let reportedAt = -Infinity;
  let dropped = 0;
  const report = (error: unknown): void => {
    const now = performance.now();
    if (now - reportedAt < reportEveryMs) return;
    reportedAt = now;
    logger.warn({ err: error, dropped }, 'cannot export traces');
    dropped = 0;
  };
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== ExportResultCode.SUCCESS) {
          dropped += spans.length;
          report(result.error);
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
