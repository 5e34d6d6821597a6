import type { BundleView } from '@facet/bundles';
import { drawShadows, isSampled } from '@facet/exposures';
import type { DrawnShadow, SampledResponse, ShadowResponse } from '@facet/exposures';
import {
  answerNextPage,
  answerRecommendations,
  decodeCursor,
  mergeOf,
  renderAnswer,
  unmeasured,
} from '@facet/recommendations';
import type {
  AnswerContext,
  PageSequence,
  ProfileReading,
  ReadProfile,
  RecommendationsAnswer,
  RecommendationsRequest,
} from '@facet/recommendations';
import { enterArms } from '../experiments/enter-arms.ts';
import type { EnteredArms } from '../experiments/enter-arms.ts';
import { exposureOf } from '../exposures/exposure-of.ts';
import type { ExposureRecorder } from '../exposures/exposure-recorder.ts';
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
  /** Is told which bundle is asked, before it answers or fails to. */
  readonly onBundle: (bundleId: string) => void;
}

/** Answers a request and records what was answered: a list by the arms that its user is in, or a further page of one. */
export async function answerAndRecord(
  request: RecommendationsRequest,
  caller: Caller,
  loaded: Loaded,
  deps: RouteDeps,
): Promise<AnsweredText> {
  return request.cursor === undefined
    ? answerList(request, caller, loaded, deps)
    : answerPage(decodeCursor(request.cursor), request, { caller, loaded, deps });
}

async function answerList(
  request: RecommendationsRequest,
  caller: Caller,
  loaded: Loaded,
  deps: RouteDeps,
): Promise<AnsweredText> {
  const now = deps.now();
  const entered = enter(request, now, loaded, deps);
  const { bundle: armBundle = loaded.bundle.id, ...overrides } = entered.settings;
  const remembered = rememberReading(loaded.profiles.read);
  const context = {
    readProfile: remembered.read,
    settings: deps.settings,
    recommendationId: deps.createId(),
    now,
    arms: entered.arms,
    overrides,
    measure: caller.timings.measure,
  };
  const answerWith = (bundle: BundleView): Promise<RecommendationsAnswer> => {
    caller.onBundle(bundle.id);
    return answerRecommendations(request, { ...context, bundle });
  };
  const answer = (await deps.armBundles.use(armBundle, loaded.bundle, answerWith)) ?? (await answerWith(loaded.bundle));
  const text = textOf(answer, request, caller);
  deps.metrics.countArms(answer.arms ?? {});
  const recorder = recorderFor(request.userId, deps);
  if (recorder !== undefined) {
    const sampled = sampleOf({ request, answer, text, context, loaded, profile: remembered.reading?.profile }, deps);
    const record = {
      ...exposureOf(answer, { answeredAt: now, keyName: caller.keyName }),
      ...(request.userId === undefined ? {} : { userId: request.userId }),
      merge: mergeOf(request, context),
      ...(sampled === undefined ? {} : { sampled }),
    };
    recorder.record(record, shadowsOf(request, context, deps));
  }
  return { answer, text };
}

/** The arms of a further page are those of its list; who counts them counts lists. */
function answerPage(
  sequence: PageSequence,
  request: RecommendationsRequest,
  { caller, loaded, deps }: { readonly caller: Caller; readonly loaded: Loaded; readonly deps: RouteDeps },
): AnsweredText {
  caller.onBundle(loaded.bundle.id);
  const answer = answerNextPage(sequence, request, loaded.bundle);
  const { userHash, merge } = sequence;
  const record = {
    ...exposureOf(answer, { answeredAt: deps.now(), keyName: caller.keyName }),
    ...(userHash === undefined ? {} : { userHash }),
    merge,
  };
  recorderFor(userHash, deps)?.record(record, []);
  return { answer, text: textOf(answer, request, caller) };
}

/** Of a request that names nobody nothing is kept, unless that is wanted. */
function recorderFor(user: string | undefined, { recorder, recordStateless }: RouteDeps): ExposureRecorder | undefined {
  return user !== undefined || recordStateless ? recorder : undefined;
}

function textOf(
  answer: RecommendationsAnswer,
  { timings }: RecommendationsRequest,
  { timings: measured }: Caller,
): string {
  return renderAnswer(timings === true ? { ...answer, timings: measured.toJSON() } : answer);
}

function enter(
  { userId }: RecommendationsRequest,
  now: number,
  { bundle }: Loaded,
  { experiments, armBundles }: RouteDeps,
): EnteredArms {
  if (experiments.length === 0) return { arms: {}, settings: {} };
  return enterArms(experiments, { unitId: userId, now }, (id) => armBundles.has(id, bundle));
}

interface Remembered {
  readonly read: ReadProfile;
  readonly reading: ProfileReading | undefined;
}

/** Reads the profile of the one who asks once: what is computed later is of the same. */
function rememberReading(read: ReadProfile): Remembered {
  const remembered: { read: ReadProfile; reading: ProfileReading | undefined } = {
    reading: undefined,
    read: async (userId) => (remembered.reading ??= await read(userId)),
  };
  return remembered;
}

interface Answered {
  readonly request: RecommendationsRequest;
  readonly answer: RecommendationsAnswer;
  readonly text: string;
  readonly context: Omit<AnswerContext, 'bundle'>;
  readonly loaded: Loaded;
  readonly profile: ProfileReading['profile'];
}

/** What a replay takes, of an answer that is one of the sample. Times are never the same again. */
function sampleOf(answered: Answered, { sampledShare }: RouteDeps): SampledResponse | undefined {
  const { request, answer, text, context, loaded, profile } = answered;
  if (request.timings === true || !isSampled(answer.recommendationId, sampledShare)) return undefined;
  const { now, settings, overrides } = context;
  return {
    request: { body: request, settings, overrides },
    profile,
    now,
    ...(answer.bundleId === loaded.bundle.id ? {} : { liveBundleId: loaded.bundle.id }),
    answer: text,
  };
}

/** What the shadow arms would have answered, to be computed later. */
function shadowsOf(
  request: RecommendationsRequest,
  context: Omit<AnswerContext, 'bundle'>,
  deps: RouteDeps,
): (() => Promise<ShadowResponse | undefined>)[] {
  const drawn = drawShadows(deps.experiments, context.recommendationId, context.now);
  return drawn.map((shadow) => () => computeShadow(shadow, request, context, deps));
}

async function computeShadow(
  { experiment, arm }: DrawnShadow,
  request: RecommendationsRequest,
  context: Omit<AnswerContext, 'bundle'>,
  { live, armBundles, admission }: RouteDeps,
): Promise<ShadowResponse | undefined> {
  if (!admission.hasTimeToSpare) return undefined;
  const { bundle: armBundle, ...overrides } = arm.settings;
  const compute = async (bundle: BundleView): Promise<ShadowResponse> => {
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
  return live.use(({ bundle }) => armBundles.use(armBundle ?? bundle.id, bundle, compute));
}
