import { definePlugin } from '@facet/http';
import type { Logger } from '@facet/platform';
import type { RequestSpan, Spans } from '@facet/recommendations';
import type { FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    spans: SpanClock;
  }
}

/** Is called when a span starts. Returns the function to call when the span ends. */
export type WatchSpan = (span: string) => () => void;

/** Measures the spans of one request. Times of spans with the same name add up. */
export class SpanClock implements Spans {
  readonly #clock: () => number;
  #watch: WatchSpan | undefined;
  #endWatched: (() => void) | undefined;
  #current: RequestSpan | undefined;
  #startedAt = 0;
  /** Milliseconds by span, in starting order. */
  readonly durations = new Map<RequestSpan, number>();

  constructor(watch?: WatchSpan, clock: () => number = () => performance.now()) {
    this.#watch = watch;
    this.#clock = clock;
  }

  start(span: RequestSpan): void {
    this.stop();
    this.#current = span;
    this.#endWatched = this.#watch?.(span);
    if (!this.durations.has(span)) this.durations.set(span, 0);
    this.#startedAt = this.#clock();
  }

  stop(): void {
    const span = this.#current;
    if (span === undefined) return;
    this.durations.set(span, this.durations.get(span)! + this.#clock() - this.#startedAt);
    this.#current = undefined;
    this.#endWatched?.();
    this.#endWatched = undefined;
  }

  /** Stops watching: a batch has too many spans to trace. */
  unwatch(): this {
    this.#watch = undefined;
    return this;
  }

  /** Returns the durations, rounded to microseconds. */
  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.durations].map(([span, ms]) => [span, Math.round(ms * 1_000) / 1_000]));
  }
}

interface SpansOptions {
  readonly slowRequestMs: number;
  readonly watchSpans?: (request: FastifyRequest) => WatchSpan;
}

/** Gives every request a span clock. Reports the spans to the metrics, and to the log if the request was slow. */
export const measureSpans = definePlugin<SpansOptions>('spans', (app, { slowRequestMs, watchSpans }) => {
  const { live, metrics, logger } = app.serving;
  const logSlow = createSlowRequestLog(slowRequestMs, logger);
  app.decorateRequest('spans');
  app.addHook('onRequest', (request, _reply, done) => {
    request.spans = new SpanClock(watchSpans?.(request));
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    // Requests that were refused on arrival have no span clock.
    const { spans } = request as Partial<Pick<FastifyRequest, 'spans'>>;
    if (spans !== undefined && spans.durations.size > 0) {
      // Failed work leaves its span open.
      spans.stop();
      const route = request.routeOptions.url ?? 'unknown';
      for (const [span, ms] of spans.durations) metrics.observeSpan(route, span, ms / 1_000);
      logSlow(reply.elapsedTime, () => describeRequest(request, reply, live.loaded?.bundle.id));
    }
    done();
  });
});

/** Returns the facts of the log line of a slow request: its spans and sizes, without users and items. */
function describeRequest(request: FastifyRequest, reply: FastifyReply, bundleId: string | undefined) {
  const { behaviors, limit } = (request.body ?? {}) as {
    readonly behaviors?: readonly unknown[];
    readonly limit?: number;
  };
  return {
    route: request.routeOptions.url ?? 'unknown',
    status: reply.statusCode,
    spans: request.spans.toJSON(),
    bundleId,
    behaviors: behaviors?.length ?? 0,
    limit,
    requestBytes: Number(request.headers['content-length'] ?? 0),
    responseBytes: Number(reply.getHeader('content-length') ?? 0),
  };
}

/** When every request is slow, logging all of them would make them slower. */
const sampleEveryMs = 1_000;

/**
 * Logs one slow request per second, with its duration and the number of other slow requests since the last line. The duration is the time
 * from the arrival of the request to the end of the response.
 *
 * @param clock monotonic, in milliseconds.
 */
export function createSlowRequestLog(
  slowMs: number,
  logger: Pick<Logger, 'warn'>,
  clock: () => number = () => performance.now(),
): (ms: number, describe: () => Readonly<Record<string, unknown>>) => void {
  let sampledAt = -Infinity;
  let others = 0;
  return (ms, describe) => {
    if (ms <= slowMs) return;
    const now = clock();
    if (now - sampledAt < sampleEveryMs) {
      others++;
      return;
    }
    logger.warn({ ...describe(), ms, others }, 'slow request');
    sampledAt = now;
    others = 0;
  };
}
