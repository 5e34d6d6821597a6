import { Type } from 'typebox';
import type { Static } from 'typebox';

const strict = { additionalProperties: false };

/** A metric violates its bound if it exceeds `max` and has risen by more than `rise` since before the promotion. */
const bound = (max: number, rise: number, description: string) =>
  Type.Object(
    {
      max: Type.Number({ minimum: 0, default: max, description: 'Maximum value.' }),
      rise: Type.Number({ minimum: 0, default: rise, description: 'Maximum rise since before the promotion.' }),
    },
    {
      ...strict,
      default: {},
      description: `${description} Violated if it exceeds max and has risen by more than rise since the swap.`,
    },
  );

/** When serving rolls back a newly promoted bundle; the section `guardrails` of `facet.yaml`. */
export const GuardrailSettings = Type.Object(
  {
    enabled: Type.Boolean({ default: true, description: 'Judge newly promoted bundles.' }),
    windowMinutes: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1_440,
      default: 15,
      description: 'How long a bundle is on trial, and the length of the comparison period before it.',
    }),
    requestsMin: Type.Integer({
      minimum: 1,
      default: 500,
      description: 'Minimum number of requests before the swap, and after it.',
    }),
    fallbackShare: bound(
      0.5,
      0.2,
      'Share of responses that do not come from the model, except those with unavailable profiles.',
    ),
    emptyShare: bound(0.02, 0.02, 'Share of responses without items.'),
    errorShare: bound(0.02, 0.02, 'Share of requests with a status of 500 or more, except refusals.'),
    // A busy machine can raise the time of a healthy bundle by some hundred milliseconds.
    p99Ms: bound(1_000, 500, '99th percentile of the response time in milliseconds, without short stalls.'),
    changedShare: Type.Object(
      {
        max: Type.Number({ minimum: 0, maximum: 1, default: 0.9, description: 'Maximum value; 1: do not judge.' }),
      },
      {
        ...strict,
        default: {},
        description:
          'Share of the first 50 items of a user that the previous bundle did not recommend to the same user.',
      },
    ),
    interestCosine: bound(0.99, 0.01, "Mean cosine of the pairs of a user's interests."),
  },
  { ...strict, default: {}, description: 'Automatic rollback of a newly promoted bundle.' },
);
export type GuardrailSettings = Static<typeof GuardrailSettings>;

/** These metrics depend on users and machine, so they are judged only in comparison with the period before. */
const comparedMetrics: ReadonlySet<string> = new Set(['fallbackShare', 'p99Ms']);

const judgedMetrics = ['fallbackShare', 'emptyShare', 'errorShare', 'p99Ms'] as const;

/** Traffic metrics of a period; a share of no requests is 0. */
export const TrafficMetrics = Type.Object({
  requests: Type.Integer({ minimum: 0 }),
  fallbackShare: Type.Number(),
  emptyShare: Type.Number(),
  errorShare: Type.Number(),
  /** Without the worst slices, if there are enough. */
  p99Ms: Type.Number(),
  /** The number of slices of the window that have responses. */
  slices: Type.Integer({ minimum: 0 }),
});
export type TrafficMetrics = Readonly<Static<typeof TrafficMetrics>>;

/** The responses of a bundle and of the bundle before it to the same requests. */
export const SwapMetrics = Type.Object({
  /** The number of requests. */
  compared: Type.Integer({ minimum: 0 }),
  changedShare: Type.Number(),
  /** 0 if no user has several interests. */
  interestCosine: Type.Object({ before: Type.Number(), after: Type.Number() }),
});
export type SwapMetrics = Readonly<Static<typeof SwapMetrics>>;

/** With fewer slices, a short stall decides the 99th percentile. */
export const slicesMin = 5;

/** With fewer compared requests, a difference may be chance. */
const comparedMin = 10;

export interface GuardrailViolation {
  readonly metric: (typeof judgedMetrics)[number] | 'changedShare' | 'interestCosine';
  readonly value: number;
  readonly max: number;
  /** Undefined if there is no value, or the period before had too few requests. */
  readonly before: number | undefined;
}

export type GuardrailVerdict =
  | { readonly kind: 'too-few-requests' | 'fine' }
  | { readonly kind: 'violated'; readonly violations: readonly GuardrailViolation[] };

/**
 * Judges a bundle by the comparison at its swap, and by the requests since then. If the period before had fewer than
 * `requestsMin` requests, of the requests only empty responses and errors are judged, by `max` alone.
 */
export function judgeBundle(
  settings: GuardrailSettings,
  {
    before,
    after,
    swap,
  }: { readonly before: TrafficMetrics; readonly after: TrafficMetrics; readonly swap?: SwapMetrics | undefined },
): GuardrailVerdict {
  const hasEnough = after.requests >= settings.requestsMin;
  const violations = [
    ...(swap === undefined || swap.compared < comparedMin ? [] : judgeSwap(settings, swap)),
    ...(hasEnough ? judgeTraffic(settings, before, after) : []),
  ];
  if (violations.length > 0) return { kind: 'violated', violations };
  return { kind: hasEnough ? 'fine' : 'too-few-requests' };
}

function judgeSwap(
  settings: GuardrailSettings,
  { changedShare, interestCosine: { before, after } }: SwapMetrics,
): GuardrailViolation[] {
  const violations: GuardrailViolation[] = [];
  const { max } = settings.changedShare;
  if (changedShare > max) violations.push({ metric: 'changedShare', value: changedShare, max, before: undefined });
  const cosine = settings.interestCosine;
  if (after > cosine.max && after > before + cosine.rise) {
    violations.push({ metric: 'interestCosine', value: after, max: cosine.max, before });
  }
  return violations;
}

function judgeTraffic(
  settings: GuardrailSettings,
  before: TrafficMetrics,
  after: TrafficMetrics,
): GuardrailViolation[] {
  const isComparable = before.requests >= settings.requestsMin;
  return judgedMetrics.flatMap((metric): GuardrailViolation[] => {
    const { max, rise } = settings[metric];
    const value = after[metric];
    if (metric === 'p99Ms' && after.slices < slicesMin) return [];
    const was = isComparable ? before[metric] : undefined;
    const isWorse = was === undefined ? !comparedMetrics.has(metric) : value > was + rise;
    return value > max && isWorse ? [{ metric, value, max, before: was }] : [];
  });
}

/** Describes violations for the promotion log: `emptyShare 1 (at most 0.02, 0 before) of 512 requests`. */
export function describeViolations(
  violations: readonly GuardrailViolation[],
  { after, swap }: { readonly after: TrafficMetrics; readonly swap?: SwapMetrics | undefined },
): string {
  const ofSwap = violations.filter(({ metric }) => metric === 'changedShare' || metric === 'interestCosine');
  const ofTraffic = violations.filter((violation) => !ofSwap.includes(violation));
  return [
    ...(ofSwap.length === 0 ? [] : [`${list(ofSwap)} of ${swap?.compared} compared requests`]),
    ...(ofTraffic.length === 0 ? [] : [`${list(ofTraffic)} of ${after.requests} requests`]),
  ].join(', ');
}

function list(violations: readonly GuardrailViolation[]): string {
  return violations
    .map(({ metric, value, max, before }) => {
      const was = metric === 'changedShare' ? '' : `, ${before === undefined ? 'unknown' : round(before)} before`;
      return `${metric} ${round(value)} (at most ${max}${was})`;
    })
    .join(', ');
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
