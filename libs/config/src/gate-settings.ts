import { byStrictness, strictnessFields } from '@facet/platform';
import type { Strictness } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** @param check the check that uses the threshold, which `gate.ignore` can turn off */
function threshold<Check extends string>(
  check: Check,
  [relaxed, normal, strict]: readonly [number, number, number],
  summary: string,
) {
  return { check, summary, ...byStrictness(relaxed, normal, strict) };
}

/** Thresholds of the gate: relaxed, normal and strict. Losses and shares are 0 to 1. docs/promotion.md gives the reasons for `normal`. */
export const gateThresholds = {
  confidence: threshold('incumbent', [0.999, 0.99, 0.95], 'confidence of the bootstrap intervals'),
  lossMax: threshold('incumbent', [0.2, 0.1, 0.05], 'maximum insignificant loss of HitRate@50 and NDCG@50'),
  baselineLossMax: threshold('popularity', [0.2, 0.1, 0.05], 'maximum insignificant loss against popularity'),
  personalLiftMin: threshold('personal', [1.05, 1.2, 1.5], 'minimum ratio of the fit to own and to other users'),
  incumbentLossMax: threshold('incumbent-record', [0.8, 0.5, 0.3], 'maximum loss of the incumbent since its record'),
  coverageLossMax: threshold('coverage', [0.8, 0.5, 0.3], 'maximum loss of coverage@50 against the incumbent'),
  interestCosineMax: threshold('interest-cosine', [0.999, 0.99, 0.95], "maximum mean cosine of a user's interests"),
  effectiveInterestsMin: threshold('effective-interests', [1.05, 1.2, 1.5], 'minimum effective number of interests'),
  effectiveInterestsLossMax: threshold('effective-interests', [0.8, 0.5, 0.3], 'maximum loss of effective interests'),
  indexRecallMin: threshold('index-recall', [0.9, 0.95, 0.97], 'minimum recall of the index against exact search'),
  latencyMsMax: threshold('latency', [200, 50, 20], 'maximum median time without HTTP, ms'),
  latencyRatioMax: threshold('latency', [4, 2, 1.5], "maximum ratio to the incumbent's time"),
  sizeRatioMax: threshold('size', [5, 2, 1.5], 'maximum ratio of the bundle sizes, in both directions'),
  newItemsMax: threshold('new-items', [0.9, 0.5, 0.2], 'maximum share of items that are not in the incumbent'),
  lostItemsMax: threshold('lost-items', [0.5, 0.2, 0.1], 'maximum share of available items that disappear'),
  overlapMin: threshold('overlap', [0.02, 0.1, 0.3], 'minimum share of the first 50 items that users keep'),
};
type ThresholdName = keyof typeof gateThresholds;

/** The thresholds of one strictness. */
export type GateBounds = Readonly<Record<ThresholdName, number>>;

/** The checks that can be turned off. `data-age` has no threshold: the candidate's data must not end before the incumbent's. */
export type GateCheckName = 'data-age' | (typeof gateThresholds)[ThresholdName]['check'];
export const gateCheckNames: readonly GateCheckName[] = [
  ...new Set<GateCheckName>(['data-age', ...Object.values(gateThresholds).map(({ check }) => check)]),
];

/** Returns the thresholds of a strictness. */
export function gateBounds(strictness: Strictness): GateBounds {
  const entries = Object.entries(gateThresholds).map(([name, threshold]) => [name, threshold[strictness]]);
  return Object.fromEntries(entries) as GateBounds;
}

/** Section `gate` of facet.yaml: conditions for a promotion. */
export const GateSettings = Type.Object(
  {
    ...strictnessFields(gateCheckNames),
    usersMin: Type.Integer({
      minimum: 1,
      default: 20,
      description: 'Minimum number of users for a promotion, and for judging the newest day separately.',
    }),
  },
  { default: {}, additionalProperties: false, description: 'Conditions for promoting a refreshed bundle.' },
);
export type GateSettings = Static<typeof GateSettings>;
