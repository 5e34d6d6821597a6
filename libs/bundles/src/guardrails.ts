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
    { ...strict, default: {}, description: `${description} Violated above both max and rise.` },
  );

/** When serving rolls back a newly promoted bundle; the section `guardrails` of `facet.yaml`. */
export const GuardrailSettings = Type.Object(
  {
    enabled: Type.Boolean({ default: false, description: 'Judge newly promoted bundles.' }),
    windowMinutes: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1_440,
      default: 15,
      description: 'How long a bundle is on trial, and the length of the comparison period before it.',
    }),
    requestsMin: Type.Integer({
      minimum: 1,
      default: 500,
      description: 'Minimum number of requests in either period.',
    }),
    fallbackShare: bound(0.5, 0.2, 'Share of responses that do not come from the model.'),
    emptyShare: bound(0.02, 0.02, 'Share of responses without items.'),
    errorShare: bound(0.02, 0.02, 'Share of requests with a status of 500 or more.'),
    p99Ms: bound(250, 150, '99th percentile of the response time in milliseconds.'),
  },
  { ...strict, default: {}, description: 'Automatic rollback of a newly promoted bundle.' },
);
export type GuardrailSettings = Static<typeof GuardrailSettings>;

/** These metrics depend on users and machine, so they are judged only in comparison with the period before. */
const relativeFigures: ReadonlySet<string> = new Set(['fallbackShare', 'p99Ms']);

const judgedFigures = ['fallbackShare', 'emptyShare', 'errorShare', 'p99Ms'] as const;

/** Traffic metrics of a period; a share of no requests is 0. */
export type TrafficFigures = { readonly requests: number } & {
  readonly [Figure in (typeof judgedFigures)[number]]: number;
};

export interface GuardrailViolation {
  readonly figure: (typeof judgedFigures)[number];
  readonly value: number;
  readonly max: number;
  /** Undefined if the period before had too few requests. */
  readonly before: number | undefined;
}

export type GuardrailVerdict =
  | { readonly kind: 'too-few-requests' | 'fine' }
  | { readonly kind: 'violated'; readonly violations: readonly GuardrailViolation[] };

/**
 * Judges a bundle by the requests since it was loaded. If the period before had fewer than `requestsMin` requests, only
 * empty responses and errors are judged, by `max` alone.
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

/** Describes violations for the promotion log: `emptyShare 1 (at most 0.02, 0 before) of 512 requests`. */
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
