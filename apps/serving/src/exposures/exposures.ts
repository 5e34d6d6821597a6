import { drawShadows, isSampled } from '@facet/exposures';
import type { DrawnShadow, ExposureRecord, ExposureWriter, SampledResponse, ShadowResponse } from '@facet/exposures';
import { definePlugin } from '@facet/http';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { respondWithRecommendations } from '@facet/recommendations';
import type { RecommendationsRequest, RecommendationsResponse, ResponseContext } from '@facet/recommendations';
import type { FastifyRequest } from 'fastify';
import type { ServedRecommendation, Serving } from '../serving.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface ExposureOptions {
  readonly recorder: ExposureRecorder;
  /** The share of responses to record with everything that a replay needs. */
  readonly sampledShare: number;
  /** Whether to record responses to requests without a userId. */
  readonly recordStateless: boolean;
}

/** Records the recommendations of the routes in this context, and computes their shadow arms. */
export const recordExposures = definePlugin<ExposureOptions>('exposures', (app, options) => {
  const { serving } = app;
  app.addHook('onSend', (request, _reply, _payload, done) => {
    if (request.recommendation !== undefined) recordExposure(request, request.recommendation, serving, options);
    done();
  });
});

function recordExposure(
  request: FastifyRequest,
  served: ServedRecommendation,
  serving: Serving,
  { recorder, sampledShare, recordStateless }: ExposureOptions,
): void {
  const body = request.body as RecommendationsRequest;
  if (body.record === false) return;
  const { response, userHash, merge, list } = served;
  const userId = list === undefined ? undefined : body.userId;
  if (userId === undefined && userHash === undefined && !recordStateless) return;
  const isToSample = list !== undefined && body.timings !== true && isSampled(response.recommendationId, sampledShare);
  recorder.record(
    {
      ...describeExposure(served, request.apiKey?.name),
      userId,
      userHash,
      merge,
      sampled: isToSample ? describeSample(body, served, list) : undefined,
    },
    list === undefined ? [] : prepareShadows(body, list.context, serving),
  );
}

function describeExposure(
  { response, respondedAt }: ServedRecommendation,
  keyName: string | undefined,
): Omit<ExposureRecord, 'merge'> {
  const { recommendationId, bundleId, deltaId, source, items, position, arms = {} } = response;
  return {
    recommendationId,
    respondedAt,
    bundleId,
    deltaId,
    arms,
    source: { kind: source.kind, reason: source.reason },
    items: items.map(({ itemId }) => itemId),
    interests: items.map(interestIndex),
    ...(items.some(({ propensity }) => propensity !== undefined)
      ? { propensities: items.map(({ propensity }) => propensity ?? null) }
      : {}),
    offset: position,
    keyName,
  };
}

/** Returns the index of an item's interest, from 0, as the log stores it. Responses number interests from 1. */
function interestIndex({ interest }: RecommendationsResponse['items'][number]): number | null {
  return interest === undefined ? null : interest - 1;
}

/** Returns everything that a replay needs. */
function describeSample(
  body: RecommendationsRequest,
  { response, text, respondedAt }: ServedRecommendation,
  { context, profile, liveBundleId }: NonNullable<ServedRecommendation['list']>,
): SampledResponse {
  const { settings, overrides } = context;
  return {
    request: { body, settings, overrides },
    profile,
    now: respondedAt,
    liveBundleId: response.bundleId === liveBundleId ? undefined : liveBundleId,
    response: text,
  };
}

type ComputeShadow = () => Promise<ShadowResponse | undefined>;
type ListContext = Omit<ResponseContext, 'bundle' | 'spans'>;

/** Draws the shadow arms of a response, to be computed later. */
function prepareShadows(body: RecommendationsRequest, context: ListContext, serving: Serving): ComputeShadow[] {
  const drawn = drawShadows(serving.arms.experiments, context.recommendationId, context.now);
  return drawn.map((shadow) => () => computeShadow(shadow, body, context, serving));
}

/** Returns undefined if the server is busy or the bundle of the arm is not loaded. */
async function computeShadow(
  { experiment, arm }: DrawnShadow,
  body: RecommendationsRequest,
  context: ListContext,
  { live, arms, admission }: Serving,
): Promise<ShadowResponse | undefined> {
  if (!admission.hasTimeToSpare) return undefined;
  const { bundle: armBundleId, ...overrides } = arm.settings;
  return live.use(({ bundle: liveBundle }) =>
    arms.use(armBundleId ?? liveBundle.id, liveBundle, async (bundle) => {
      const { bundleId, items } = await respondWithRecommendations(body, { ...context, overrides, bundle });
      return {
        experiment,
        arm: arm.name,
        bundleId,
        items: items.map(({ itemId }) => itemId),
        interests: items.map(interestIndex),
      };
    }),
  );
}

export interface RecorderDeps {
  readonly writer: Pick<ExposureWriter, 'append' | 'counts' | 'close'>;
  readonly metrics: Pick<Metrics, 'countShadow'>;
  readonly logger: Logger;
}

/** Records waiting for their shadow arms. Beyond this bound, shadow arms are left out. */
const pendingMax = 4;

/** Writes exposure records, with the lists of their shadow arms. No request waits for it. */
export class ExposureRecorder {
  readonly #deps: RecorderDeps;
  readonly #pending = new Set<Promise<void>>();
  /** Shadow arms are computed one at a time, to use spare time only. */
  #last: Promise<void> = Promise.resolve();

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  record(record: ExposureRecord, shadows: readonly ComputeShadow[]): void {
    const { writer, metrics } = this.#deps;
    if (shadows.length === 0 || this.#pending.size >= pendingMax) {
      for (let left = shadows.length; left > 0; left--) metrics.countShadow('left_out');
      writer.append(record);
      return;
    }
    const work = this.#last.then(async () => {
      const shadow: ShadowResponse[] = [];
      for (const compute of shadows) {
        const list = await this.#attempt(compute);
        if (list !== undefined) shadow.push(list);
      }
      writer.append(shadow.length === 0 ? record : { ...record, shadow });
    });
    this.#last = work;
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
  }

  /** Writes all pending records. */
  async close(): Promise<void> {
    await Promise.all(this.#pending);
    await this.#deps.writer.close();
  }

  async #attempt(compute: ComputeShadow): Promise<ShadowResponse | undefined> {
    const { metrics, logger } = this.#deps;
    try {
      const list = await compute();
      metrics.countShadow(list === undefined ? 'left_out' : 'computed');
      return list;
    } catch (error) {
      metrics.countShadow('failed');
      logger.warn({ problem: describeError(error), err: error }, 'a shadow arm failed');
      return undefined;
    }
  }
}
