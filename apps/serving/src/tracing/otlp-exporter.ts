import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';

/** A span, of what has ended. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: 'server' | 'internal';
  /** Epoch milliseconds, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly isError: boolean;
}

export interface OtlpSettings {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`: the base URL of a collector that takes OTLP over HTTP. */
  readonly endpoint: string;
  /** `OTEL_EXPORTER_OTLP_HEADERS`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
}

const sendEveryMs = 1_000;
const spansPerRequest = 512;
/** More are dropped: a collector that is away must not cost memory. */
const spansMax = 8_192;
const timeoutMs = 5_000;
/** Between two complaints. */
const complaintEveryMs = 60_000;

/**
 * Sends spans to a collector as OTLP over HTTP in JSON, some at a time. It never fails and never waits: what cannot be sent is
 * dropped, and the log says so.
 */
export class OtlpExporter {
  readonly #settings: OtlpSettings;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #closing = new AbortController();
  readonly #sending: Promise<void>;
  #spans: Span[] = [];
  #dropped = 0;
  #complainedAt = -Infinity;

  constructor(settings: OtlpSettings, logger: Pick<Logger, 'warn'>) {
    this.#settings = settings;
    this.#logger = logger;
    this.#sending = this.#sendAgainAndAgain();
  }

  add(span: Span): void {
    if (this.#spans.length >= spansMax) this.#dropped++;
    else this.#spans.push(span);
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sending;
  }

  async #sendAgainAndAgain(): Promise<void> {
    const { signal } = this.#closing;
    do {
      await delay(sendEveryMs, undefined, { signal, ref: false }).catch(() => undefined);
      await this.#sendAll();
    } while (!signal.aborted);
  }

  async #sendAll(): Promise<void> {
    while (this.#spans.length > 0) {
      const spans = this.#spans.splice(0, spansPerRequest);
      try {
        await this.#send(spans);
      } catch (error) {
        this.#dropped += spans.length + this.#spans.length;
        this.#spans = [];
        this.#complain(error);
      }
    }
  }

  async #send(spans: readonly Span[]): Promise<void> {
    const { endpoint, headers, serviceName } = this.#settings;
    const response = await fetch(`${endpoint.replace(/\/+$/, '')}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(describeSpans(spans, serviceName)),
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`the collector answers ${response.status}`);
  }

  #complain(error: unknown): void {
    const now = performance.now();
    if (now - this.#complainedAt < complaintEveryMs) return;
    this.#complainedAt = now;
    this.#logger.warn({ problem: describeError(error), dropped: this.#dropped }, 'traces cannot be exported');
    this.#dropped = 0;
  }
}

/** An ExportTraceServiceRequest of opentelemetry-proto, in its JSON form. */
function describeSpans(spans: readonly Span[], serviceName: string): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: describeAttributes({ 'service.name': serviceName, 'process.pid': process.pid }) },
        scopeSpans: [{ scope: { name: 'facet' }, spans: spans.map(describeSpan) }],
      },
    ],
  };
}

function describeSpan({
  traceId,
  spanId,
  parentSpanId,
  name,
  kind,
  startMs,
  endMs,
  attributes,
  isError,
}: Span): object {
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: kind === 'server' ? 2 : 1,
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(endMs),
    attributes: describeAttributes(attributes),
    status: isError ? { code: 2 } : {},
  };
}

function describeAttributes(attributes: Readonly<Record<string, string | number>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
}

/** To the microsecond, which is what a double holds of the time since 1970. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1_000)}000`;
}
