import type { BundleView } from '@facet/bundles';
import { drawShadows, isSampled } from '@facet/exposures';
import type { DrawnShadow, ExposureRecord, ShadowAnswer } from '@facet/exposures';
import type { UserProfile } from '@facet/profiles';
import { answerRecommendations, mergeOf, renderAnswer, unmeasured } from '@facet/recommendations';
import type { AnswerContext, ReadProfile, RecommendationsAnswer, RecommendationsRequest } from '@facet/recommendations';
import { enterArms } from '../experiments/enter-arms.ts';
import type { EnteredArms } from '../experiments/enter-arms.ts';
import type { Loaded } from '../live/live-bundle.ts';
import type { RouteDeps } from '../route-deps.ts';
import type { Timings } from '../stages/timings.ts';

export interface AnsweredText {
  readonly answer: RecommendationsAnswer;
  /** The JSON of it. */
  readonly text: string;
}

/** Who asks, beside the body. */
export interface Caller {
  readonly keyName: string | undefined;
  readonly timings: Timings;
}

/** Answers a request by the arms that its user is in, and records what was answered. */
export async function answerAndRecord(
  request: RecommendationsRequest,
  caller: Caller,
  loaded: Loaded,
  deps: RouteDeps,
): Promise<AnsweredText> {
  const now = deps.now();
  const entered = enter(request, now, loaded, deps);
  const { bundle: armBundle, ...overrides } = entered.settings;
  const reading = rememberReading(loaded.profiles.read);
  const context = {
    readProfile: reading.read,
    settings: deps.settings,
    recommendationId: deps.createId(),
    now,
    arms: entered.arms,
    overrides,
    measure: caller.timings.measure,
  };
  const answerWith = (bundle: BundleView): Promise<RecommendationsAnswer> =>
    answerRecommendations(request, { ...context, bundle });
  const answer =
    armBundle === undefined || armBundle === loaded.bundle.id
      ? await answerWith(loaded.bundle)
      : ((await deps.armBundles.use(armBundle, answerWith)) ?? (await answerWith(loaded.bundle)));
  const text = renderAnswer(request.timings === true ? { ...answer, timings: caller.timings.toJSON() } : answer);
  deps.metrics.countArms(answer.arms ?? {});
  if (deps.recorder !== undefined) {
    const record = exposureOf(
      { request, answer, text, context, keyName: caller.keyName, profile: reading.profile },
      deps,
    );
    deps.recorder.record(record, shadowsOf(request, context, deps));
  }
  return { answer, text };
}

function enter(
  { cursor, userId }: RecommendationsRequest,
  now: number,
  { bundle }: Loaded,
  { experiments, armBundles }: RouteDeps,
): EnteredArms {
  // A further page is of the list that the first one began.
  if (cursor !== undefined || experiments.length === 0) return { arms: {}, settings: {} };
  return enterArms(experiments, { unitId: userId, now }, (id) => id === bundle.id || armBundles.has(id));
}

/** Reads profiles, and remembers what was read last. */
function rememberReading(read: ReadProfile): { readonly read: ReadProfile; readonly profile: UserProfile | undefined } {
  const remembered: { read: ReadProfile; profile: UserProfile | undefined } = {
    profile: undefined,
    async read(userId) {
      const reading = await read(userId);
      remembered.profile = reading.profile;
      return reading;
    },
  };
  return remembered;
}

interface Answered {
  readonly request: RecommendationsRequest;
  readonly answer: RecommendationsAnswer;
  readonly text: string;
  readonly context: Omit<AnswerContext, 'bundle'>;
  readonly keyName: string | undefined;
  readonly profile: UserProfile | undefined;
}

function exposureOf(answered: Answered, { sampledShare }: RouteDeps): ExposureRecord {
  const { request, answer, text, context, keyName, profile } = answered;
  const { recommendationId, bundleId, deltaId, source, items, position, arms = {} } = answer;
  const { now, settings, overrides } = context;
  const isReplayable = request.cursor === undefined && request.timings !== true;
  return {
    recommendationId,
    answeredAt: now,
    bundleId,
    ...(deltaId === undefined ? {} : { deltaId }),
    ...(request.userId === undefined ? {} : { userId: request.userId }),
    arms,
    source: { kind: source.kind, ...(source.reason === undefined ? {} : { reason: source.reason }) },
    merge: mergeOf(request, context),
    items: items.map(({ itemId }) => itemId),
    interests: items.map(({ interest }) => interest ?? null),
    offset: position,
    ...(keyName === undefined ? {} : { keyName }),
    ...(isReplayable && isSampled(recommendationId, sampledShare)
      ? { sampled: { request: { body: request, settings, overrides }, profile, now, answer: text } }
      : {}),
  };
}

/** What the shadow arms would have answered, to be computed later. */
function shadowsOf(
  request: RecommendationsRequest,
  context: Omit<AnswerContext, 'bundle'>,
  deps: RouteDeps,
): (() => Promise<ShadowAnswer | undefined>)[] {
  if (request.cursor !== undefined) return [];
  const drawn = drawShadows(deps.experiments, context.recommendationId, context.now);
  return drawn.map((shadow) => () => computeShadow(shadow, request, context, deps));
}

async function computeShadow(
  { experiment, arm }: DrawnShadow,
  request: RecommendationsRequest,
  context: Omit<AnswerContext, 'bundle'>,
  { live, armBundles }: RouteDeps,
): Promise<ShadowAnswer | undefined> {
  const { bundle: armBundle, ...overrides } = arm.settings;
  const compute = async (bundle: BundleView): Promise<ShadowAnswer> => {
    const { bundleId, items } = await answerRecommendations(request, {
      ...context,
      overrides,
      bundle,
      measure: unmeasured,
    });
    return {
      experiment,
      arm: arm.name,
      bundleId,
      items: items.map(({ itemId }) => itemId),
      interests: items.map(({ interest }) => interest ?? null),
    };
  };
  return armBundle === undefined ? live.use(({ bundle }) => compute(bundle)) : armBundles.use(armBundle, compute);
}
