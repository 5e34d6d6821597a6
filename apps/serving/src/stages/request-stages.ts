import type { HttpApp } from '@facet/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { LiveBundle } from '../live/live-bundle.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { RecordSlowRequest, SlowRequest } from './slow-requests.ts';
import { createTimings } from './timings.ts';
import type { Timings, WatchStage } from './timings.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of what is done for it. */
    timings: Timings;
  }
}

export interface RequestStagesDeps {
  readonly live: Pick<LiveBundle, 'loaded'>;
  readonly metrics: Pick<Metrics, 'observeStage'>;
  readonly recordSlow: RecordSlowRequest;
  /** Absent: nobody watches. */
  readonly watchStages?: ((request: FastifyRequest) => WatchStage) | undefined;
}

/** Gives every request its timings, and tells the metrics and the log of slow requests of them when it has been answered. */
export function addRequestStages(app: HttpApp, { live, metrics, recordSlow, watchStages }: RequestStagesDeps): void {
  app.decorateRequest('timings');
  app.addHook('onRequest', (request, _reply, done) => {
    request.timings = createTimings(watchStages?.(request));
    done();
  });
  app.addHook('onResponse', async (request, reply) => {
    // Of one that was turned away at the door there are none.
    const { timings } = request as Partial<Pick<FastifyRequest, 'timings'>>;
    if (timings === undefined || timings.stages.size === 0) return;
    const { stages } = timings;
    const route = request.routeOptions.url ?? 'unknown';
    for (const [stage, ms] of stages) metrics.observeStage(route, stage, ms / 1_000);
    recordSlow(reply.elapsedTime, () => describe(request, reply, live.loaded?.bundle.id));
  });
}

function describe(request: FastifyRequest, reply: FastifyReply, bundleId: string | undefined): Omit<SlowRequest, 'ms'> {
  const { behaviors, limit } = (request.body ?? {}) as {
    readonly behaviors?: readonly unknown[];
    readonly limit?: number;
  };
  return {
    route: request.routeOptions.url ?? 'unknown',
    status: reply.statusCode,
    stages: request.timings.toJSON(),
    bundleId,
    behaviors: behaviors?.length ?? 0,
    limit,
    requestBytes: Number(request.headers['content-length'] ?? 0),
    answerBytes: Number(reply.getHeader('content-length') ?? 0),
  };
}
