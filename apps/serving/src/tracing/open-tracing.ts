import type { Logger } from '@facet/platform';
import { OtlpExporter } from './otlp-exporter.ts';
import type { OtlpSettings } from './otlp-exporter.ts';
import { createTracing } from './request-tracing.ts';
import type { Tracing } from './request-tracing.ts';

export interface TracingSettings extends OtlpSettings {
  /** Of the requests without a `traceparent`, which is traced. */
  readonly share: number;
}

export interface OpenTracing extends Tracing {
  /** Sends what is left. */
  close(): Promise<void>;
}

export function openTracing(settings: TracingSettings, logger: Logger): OpenTracing {
  const exporter = new OtlpExporter(settings, logger);
  return { ...createTracing(exporter, settings.share), close: () => exporter.close() };
}
