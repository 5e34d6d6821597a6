import { byStrictness, strictnessFields } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Three numbers: relaxed, normal and strict. */
type Triple = readonly [number, number, number];

function bounds(max: Triple, rise: Triple, summary: string) {
  const at = (index: 0 | 1 | 2) => ({ max: max[index], rise: rise[index] });
  return { summary, ...byStrictness(at(0), at(1), at(2)) };
}

/** The bounds of each metric. It is violated if it exceeds `max` and has risen by more than `rise` since before the promotion. */
export const guardrailBounds = {
  fallbackShare: bounds([0.8, 0.5, 0.3], [0.4, 0.2, 0.1], 'responses that do not come from the model'),
  emptyShare: bounds([0.1, 0.02, 0.01], [0.1, 0.02, 0.01], 'responses without items'),
  errorShare: bounds([0.1, 0.02, 0.005], [0.1, 0.02, 0.005], 'requests with a status of 500 or more'),
  // A busy machine can raise the time of a healthy bundle by some hundred milliseconds.
  p99Ms: bounds([2_000, 1_000, 500], [1_000, 500, 250], '99th percentile of the response time, ms'),
  // Has no value before the promotion, so that its rise does not count.
  changedShare: bounds([0.98, 0.9, 0.7], [0, 0, 0], 'first 50 items that the previous bundle did not recommend'),
  interestCosine: bounds([0.999, 0.99, 0.95], [0.02, 0.01, 0.01], "mean cosine of the pairs of a user's interests"),
};
type GuardrailMetric = keyof typeof guardrailBounds;

/** When serving rolls back a newly promoted bundle; the section `guardrails` of `facet.yaml`. */
export const GuardrailSettings = Type.Object(
  {
    enabled: Type.Boolean({ default: true, description: 'Judge newly promoted bundles.' }),
    ...strictnessFields(Object.keys(guardrailBounds) as GuardrailMetric[]),
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
  },
  { additionalProperties: false, default: {}, description: 'Automatic rollback of a newly promoted bundle.' },
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
  readonly metric: GuardrailMetric;
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
  ].filter(({ metric }) => !settings.ignore.includes(metric));
  if (violations.length > 0) return { kind: 'violated', violations };
  return { kind: hasEnough ? 'fine' : 'too-few-requests' };
}

function judgeSwap(
  { strictness }: GuardrailSettings,
  { changedShare, interestCosine: { before, after } }: SwapMetrics,
): GuardrailViolation[] {
  const violations: GuardrailViolation[] = [];
  const { max } = guardrailBounds.changedShare[strictness];
  if (changedShare > max) violations.push({ metric: 'changedShare', value: changedShare, max, before: undefined });
  const cosine = guardrailBounds.interestCosine[strictness];
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
    const { max, rise } = guardrailBounds[metric][settings.strictness];
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
