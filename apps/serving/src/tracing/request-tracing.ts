import type { HttpApp } from '@facet/http';
import type { FastifyRequest } from 'fastify';
import type { WatchStage } from '../stages/timings.ts';
import type { OtlpExporter, Span } from './otlp-exporter.ts';
import { createSpanId, readTraceContext } from './trace-context.ts';
import type { TraceContext } from './trace-context.ts';

interface Trace extends TraceContext {
  readonly spanId: string;
  readonly startMs: number;
}

export interface Tracing {
  /** A span for each stage of a request. */
  readonly watchStages: (request: FastifyRequest) => WatchStage;
  /** A span for each request. To be added before whatever watches stages. */
  addTo(app: HttpApp): void;
}

/** Epoch milliseconds of the clock that only goes forward. */
const nowMs = (): number => performance.timeOrigin + performance.now();

/**
 * Traces requests: a span of kind server for each, named by its route, and one for each of its stages. Spans hold no more of a
 * request than its route, status and id.
 *
 * @param share of the requests without a `traceparent` that is traced.
 */
export function createTracing(exporter: Pick<OtlpExporter, 'add'>, share: number): Tracing {
  const traces = new WeakMap<FastifyRequest, Trace>();
  const nothing = (): void => undefined;

  return {
    watchStages: (request) => (stage) => {
      const trace = traces.get(request);
      if (trace === undefined) return nothing;
      const startMs = nowMs();
      return () =>
        exporter.add({
          traceId: trace.traceId,
          spanId: createSpanId(),
          parentSpanId: trace.spanId,
          name: stage,
          kind: 'internal',
          startMs,
          endMs: nowMs(),
          attributes: {},
          isError: false,
        });
    },
    addTo(app) {
      app.addHook('onRequest', async (request) => {
        if (request.routeOptions.url?.startsWith('/v1/') !== true) return;
        const context = readTraceContext(request.headers['traceparent'], share);
        if (context.isSampled) traces.set(request, { ...context, spanId: createSpanId(), startMs: nowMs() });
      });
      app.addHook('onResponse', async (request, reply) => {
        const trace = traces.get(request);
        if (trace !== undefined) exporter.add(spanOf(trace, request, reply.statusCode));
      });
    },
  };
}

function spanOf({ traceId, spanId, parentSpanId, startMs }: Trace, request: FastifyRequest, status: number): Span {
  const route = request.routeOptions.url ?? 'unknown';
  return {
    traceId,
    spanId,
    parentSpanId,
    name: `${request.method} ${route}`,
    kind: 'server',
    startMs,
    endMs: nowMs(),
    attributes: {
      'http.request.method': request.method,
      'http.route': route,
      'http.response.status_code': status,
      'facet.request_id': request.id,
    },
    isError: status >= 500,
  };
}
