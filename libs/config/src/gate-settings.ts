import { Type } from 'typebox';
import type { Static } from 'typebox';

/** A bound of a check, or `false`: the check is not made. */
function boundOf(value: number, limits: { readonly minimum: number; readonly maximum?: number }) {
  return Type.Union([Type.Literal(false), Type.Number(limits)], { default: value });
}

const share = { minimum: 0, maximum: 1 };
const ratio = { minimum: 1 };

/** Section `gate` of facet.yaml: when a candidate is not promoted. docs/promotion.md gives the reasons for the defaults. */
export const GateSettings = Type.Object(
  {
    /** Users of the window who are asked: a seeded sample of them if there are more. */
    usersMax: Type.Integer({ minimum: 1, default: 2000 }),
    /** Of fewer users nothing can be said: the candidate is rejected, and a newest day with fewer is not looked at alone. */
    usersMin: Type.Integer({ minimum: 1, default: 20 }),
    /** Of the bootstrap intervals: a difference counts as significant when its interval does not hold 0. */
    confidence: Type.Number({ exclusiveMinimum: 0.5, exclusiveMaximum: 1, default: 0.99 }),
    /** Whether a candidate is rejected whose data ends before that of the incumbent. */
    olderData: Type.Boolean({ default: false }),
    /** Share of the incumbent's HitRate@50 or NDCG@50 that may be lost, if it is not significant. */
    lossMax: boundOf(0.1, share),
    /** The same against popularity of the last 30 days. */
    baselineLossMax: boundOf(0.1, share),
    /** NDCG@50 of users' own choices by that of other users' choices: how much the ranking knows of each. */
    personalLiftMin: boundOf(1.2, ratio),
    /** Share of the HitRate@50 and NDCG@50 recorded in the incumbent that it may lose on the newest data. */
    incumbentLossMax: boundOf(0.5, share),
    /** Share of the incumbent's coverage@50 that may be lost. */
    coverageLossMax: boundOf(0.5, share),
    /** Index recall against exact search, as the index stage measured it. */
    indexRecallMin: boundOf(0.95, share),
    /** Mean cosine of the pairs of a user's interests. */
    interestCosineMax: boundOf(0.99, share),
    /** How many interests share the held-out choices, as the exponential of their entropy, for users of two and more … */
    effectiveInterestsMin: boundOf(1.2, ratio),
    /** … and which share of the incumbent's may be lost. */
    effectiveInterestsLossMax: boundOf(0.5, share),
    /** Median time of an answer without HTTP, in milliseconds. */
    latencyMsMax: boundOf(50, { minimum: 0 }),
    /** That time by the incumbent's, where it is more than a millisecond. */
    latencyRatioMax: boundOf(2, ratio),
    /** Bytes of the bundle by the incumbent's, either way. */
    sizeRatioMax: boundOf(2, ratio),
    /** Share of the candidate's items that the incumbent does not know. */
    newItemsMax: boundOf(0.5, share),
    /** Share of the incumbent's available items that are gone or unavailable. */
    lostItemsMax: boundOf(0.2, share),
    /** Mean share of the first 50 items of a user that stay, over a fixed sample of users. */
    overlapMin: boundOf(0.1, share),
  },
  { default: {}, additionalProperties: false },
);
export type GateSettings = Static<typeof GateSettings>;
