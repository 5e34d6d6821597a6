import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@facet/platform';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { createTracing } from './request-tracing.ts';
import type { Tracing } from './request-tracing.ts';

export interface TracingSettings {
  /** Of the requests without a `traceparent`, which is traced. */
  readonly share: number;
}

export interface OpenTracing extends Tracing {
  /** Sends what is left, unless that takes longer than a few seconds. */
  close(): Promise<void>;
}

const flushMs = 3_000;

/** Between two complaints. */
const complaintEveryMs = 60_000;

/**
 * Sends spans to a collector as OTLP over HTTP. Where to, with which headers, how many at a time and in whose name is read from
 * the environment by OpenTelemetry's packages, which nothing loads where nothing is traced.
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
    ...createTracing(provider.getTracer('facet')),
    async close() {
      const flushed = provider.shutdown().catch(() => undefined);
      await Promise.race([flushed, delay(flushMs, undefined, { ref: false })]);
    },
  };
}

/** Tells the log what could not be sent, not each time. */
function reportFailures(exporter: SpanExporter, logger: Pick<Logger, 'warn'>): SpanExporter {
  let complainedAt = -Infinity;
  let dropped = 0;
  const complain = (error: unknown): void => {
    const now = performance.now();
    if (now - complainedAt < complaintEveryMs) return;
    complainedAt = now;
    logger.warn({ err: error, dropped }, 'traces cannot be exported');
    dropped = 0;
  };
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== ExportResultCode.SUCCESS) {
          dropped += spans.length;
          complain(result.error);
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
