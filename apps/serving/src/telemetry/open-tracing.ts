import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@facet/platform';
import type { Tracer } from '@opentelemetry/api';
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
