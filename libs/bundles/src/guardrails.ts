import { Type } from 'typebox';
import type { Static } from 'typebox';

const strict = { additionalProperties: false };

/** A figure violates when it is above `max`, and above what it was before the swap by more than `rise`. */
const bound = (max: number, rise: number) =>
  Type.Object(
    { max: Type.Number({ minimum: 0, default: max }), rise: Type.Number({ minimum: 0, default: rise }) },
    { ...strict, default: {} },
  );

/** When an API that has taken up a newly promoted bundle goes back to the one before; the section `guardrails`. */
export const GuardrailSettings = Type.Object(
  {
    enabled: Type.Boolean({ default: false }),
    /** How long a bundle is judged, and how much of the time before it is compared with. */
    windowMinutes: Type.Number({ exclusiveMinimum: 0, maximum: 1_440, default: 15 }),
    /** Fewer requests say nothing, of the bundle or of the one before. */
    requestsMin: Type.Integer({ minimum: 1, default: 500 }),
    /** Of the answers: those that do not come from the model. */
    fallbackShare: bound(0.5, 0.2),
    /** Of the answers: those without an item. */
    emptyShare: bound(0.02, 0.02),
    /** Of the requests: those that failed or were turned away with a status of 500 or more. */
    errorShare: bound(0.02, 0.02),
    /** The time within which 99 of 100 requests were answered, in milliseconds. */
    p99Ms: bound(250, 150),
  },
  { ...strict, default: {} },
);
export type GuardrailSettings = Static<typeof GuardrailSettings>;

/** They depend on who asks and on the machine: without the time before, nobody can tell whose fault they are. */
const relativeFigures: ReadonlySet<string> = new Set(['fallbackShare', 'p99Ms']);

const judgedFigures = ['fallbackShare', 'emptyShare', 'errorShare', 'p99Ms'] as const;

/** What requests looked like over some time; a share of nothing is 0. */
export type TrafficFigures = { readonly requests: number } & {
  readonly [Figure in (typeof judgedFigures)[number]]: number;
};

export interface GuardrailViolation {
  readonly figure: (typeof judgedFigures)[number];
  readonly value: number;
  readonly max: number;
  /** Undefined where too little was known of the time before. */
  readonly before: number | undefined;
}

export type GuardrailVerdict =
  | { readonly kind: 'too-few-requests' | 'fine' }
  | { readonly kind: 'violated'; readonly violations: readonly GuardrailViolation[] };

/**
 * Judges a bundle by the requests since it was taken up. Where the time before had fewer than `requestsMin` requests, only
 * empty answers and errors are judged, by their bound `max` alone.
 */
export function judgeTraffic(
  settings: GuardrailSettings,
  { before, after }: { readonly before: TrafficFigures; readonly after: TrafficFigures },
): GuardrailVerdict {
  if (after.requests < settings.requestsMin) return { kind: 'too-few-requests' };
  const isComparable = before.requests >= settings.requestsMin;
  const violations = judgedFigures.flatMap((figure): GuardrailViolation[] => {
    const { max, rise } = settings[figure];
    const value = after[figure];
    const was = isComparable ? before[figure] : undefined;
    const isWorse = was === undefined ? !relativeFigures.has(figure) : value > was + rise;
    return value > max && isWorse ? [{ figure, value, max, before: was }] : [];
  });
  return violations.length === 0 ? { kind: 'fine' } : { kind: 'violated', violations };
}

/** The violations as the promotion log keeps them: `emptyShare 1 (at most 0.02, 0 before) of 512 requests`. */
export function describeViolations(violations: readonly GuardrailViolation[], requests: number): string {
  const said = violations.map(({ figure, value, max, before }) => {
    const was = before === undefined ? 'unknown before' : `${round(before)} before`;
    return `${figure} ${round(value)} (at most ${max}, ${was})`;
  });
  return `${said.join(', ')} of ${requests} requests`;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
