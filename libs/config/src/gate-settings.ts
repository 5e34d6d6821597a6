import { Type } from 'typebox';
import type { Static } from 'typebox';

/** A bound of a check, or `false` to disable the check. */
function boundOf(value: number, limits: { readonly minimum: number; readonly maximum?: number }, description: string) {
  return Type.Union([Type.Literal(false), Type.Number(limits)], {
    default: value,
    description: `${description} false: no check.`,
  });
}

const share = { minimum: 0, maximum: 1 };
const ratio = { minimum: 1 };

/** Section `gate` of facet.yaml: conditions for a promotion. docs/promotion.md gives the reasons for the defaults. */
export const GateSettings = Type.Object(
  {
    usersMax: Type.Integer({
      minimum: 1,
      default: 2000,
      description: 'Maximum number of users of the window: a seeded sample.',
    }),
    usersMin: Type.Integer({
      minimum: 1,
      default: 20,
      description: 'Minimum number of users for a promotion, and for judging the newest day separately.',
    }),
    confidence: Type.Number({
      exclusiveMinimum: 0.5,
      exclusiveMaximum: 1,
      default: 0.99,
      description: 'Confidence of the bootstrap intervals: a difference is significant if its interval excludes 0.',
    }),
    olderData: Type.Boolean({
      default: false,
      description: "Allow a candidate whose data ends before the incumbent's.",
    }),
    lossMax: boundOf(
      0.1,
      share,
      'Maximum insignificant loss of HitRate@50 and NDCG@50 against the incumbent, as a share.',
    ),
    baselineLossMax: boundOf(
      0.1,
      share,
      'Maximum insignificant loss against popularity of the last 30 days, as a share.',
    ),
    personalLiftMin: boundOf(
      1.2,
      ratio,
      "Minimum ratio of NDCG@50 on a user's own interactions and on those of other users.",
    ),
    incumbentLossMax: boundOf(
      0.5,
      share,
      'Maximum loss of the incumbent against its recorded HitRate@50 and NDCG@50 on the newest data.',
    ),
    coverageLossMax: boundOf(0.5, share, 'Maximum loss of coverage@50 against the incumbent.'),
    indexRecallMin: boundOf(0.95, share, 'Minimum index recall against exact search, measured by the index stage.'),
    interestCosineMax: boundOf(0.99, share, "Maximum mean cosine of the pairs of a user's interests."),
    effectiveInterestsMin: boundOf(
      1.2,
      ratio,
      'Minimum effective number of interests: the exponential of the entropy of the shares of held-out interactions that each interest wins. Checked if users have two or more interests on average.',
    ),
    effectiveInterestsLossMax: boundOf(
      0.5,
      share,
      'Maximum loss of effective interests against the incumbent, as a share.',
    ),
    latencyMsMax: boundOf(50, { minimum: 0 }, 'Maximum median response time without HTTP.'),
    latencyRatioMax: boundOf(2, ratio, "Maximum ratio to the incumbent's time; times below 1 ms pass."),
    sizeRatioMax: boundOf(2, ratio, 'Maximum ratio of the bundle sizes, in both directions.'),
    newItemsMax: boundOf(0.5, share, 'Maximum share of items that are not in the incumbent.'),
    lostItemsMax: boundOf(0.2, share, "Maximum share of the incumbent's available items that disappear."),
    overlapMin: boundOf(0.1, share, 'Minimum mean share of the first 50 items that a fixed sample of users keeps.'),
  },
  { default: {}, additionalProperties: false, description: 'Conditions for promoting a refreshed bundle.' },
);
export type GateSettings = Static<typeof GateSettings>;
