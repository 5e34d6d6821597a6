import { Type } from 'typebox';
import type { Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

const RatioEstimate = Type.Object(
  { value: Type.Number(), low: Type.Optional(Type.Number()), high: Type.Optional(Type.Number()) },
  { description: 'The value with its 95 % interval over users; absent without data.' },
);

/** A ratio of two sums over users. The interval is absent if the variance is 0 or there is one user. */
export type RatioEstimate = Static<typeof RatioEstimate> & {
  /** Variance of the value. */
  readonly variance: number;
};

const RatioDifference = Type.Object(
  {
    value: Type.Number(),
    low: Type.Number(),
    high: Type.Number(),
    pValue: Type.Number(),
    relative: Type.Optional(Type.Number({ description: 'Divided by the control.' })),
  },
  { description: 'The difference from the control; absent for the control.' },
);

/**
 * The difference of two ratios over disjoint users. `pValue` is two-sided, of the null hypothesis that the ratios are
 * equal. `relative` is absent if the control is 0.
 */
export type RatioDifference = Static<typeof RatioDifference>;

const SampleRatio = Type.Object(
  {
    chiSquare: Type.Number(),
    degrees: Type.Integer(),
    pValue: Type.Number(),
    isMismatch: Type.Boolean({ description: 'The arms are not comparable. Ignore their differences.' }),
    expected: Type.Array(Type.Number(), { description: 'Users by arm that the weights imply.' }),
  },
  { description: 'Whether users are split between the arms by their weights; absent without users.' },
);
export type SampleRatio = Static<typeof SampleRatio>;

const ArmFigure = Type.Object(
  { estimate: Type.Optional(RatioEstimate), difference: Type.Optional(RatioDifference) },
  { title: 'ArmFigure', description: 'A metric of an arm.' },
);
export type ArmFigure = Static<typeof ArmFigure>;

const ArmOutcome = Type.Object(
  {
    outcome: Type.String({ description: 'An event type.' }),
    ofExposures: ArmFigure,
    perUser: ArmFigure,
    ofUsers: ArmFigure,
    interests: Type.Array(
      Type.Object({
        interest: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
          description: 'The number of the interest of the items, from 1; null for none.',
        }),
        itemsShown: Count,
        itemsChosen: Count,
        ofItems: ArmFigure,
        shareOfChosen: Type.Optional(Type.Number({ description: 'Share of all items with the outcome.' })),
      }),
    ),
  },
  {
    title: 'ArmOutcome',
    description:
      'ofExposures: share of responses with the outcome. perUser: the same share, averaged over users. ofUsers: share of users ' +
      'with the outcome.',
  },
);
export type ArmOutcome = Static<typeof ArmOutcome>;

const ArmReport = Type.Object({
  arm: Type.String(),
  users: Count,
  exposures: Type.Integer({ description: 'Responses.' }),
  items: Count,
  /** Share of exposures without interests. */
  fallbacks: ArmFigure,
  /** In the requested order. */
  outcomes: Type.Array(ArmOutcome),
});
export type ArmReport = Static<typeof ArmReport>;

const ShadowTally = Type.Object({
  arm: Type.String(),
  /** Responses for which the arm was computed, and the items of the arm. */
  responses: Count,
  items: Count,
  shown: Type.Integer({ description: 'Items of the shadow arm that users saw.' }),
  chosen: Type.Integer({ description: 'Shown items with an outcome.' }),
  chosenHeld: Type.Integer({ description: 'Shown items with an outcome that the shadow arm contains, too.' }),
});
export type ShadowTally = Static<typeof ShadowTally>;

/**
 * Result of joining an outcome that names a recommendation, in ascending precedence. `elsewhere`: the recommendation is not in the
 * experiment. `otherItem`: the response does not contain the item. `early`, `late`: before the response, or after the window.
 * `repeated`: another outcome of that type on the item was counted.
 */
export const outcomeFates = ['elsewhere', 'otherItem', 'early', 'late', 'repeated', 'counted'] as const;

const JoinCounts = Type.Object({
  /** Responses in the time range with an arm of the experiment. */
  exposures: Count,
  /** Later pages of these responses. */
  pages: Count,
  /** Later pages without a counted first page of the same id, user and arm. */
  orphanPages: Count,
  /** Skipped records: repeated, without a user, of an undeclared arm. */
  repeated: Count,
  withoutUser: Count,
  unknownArm: Count,
  open: Type.Integer({ description: 'Responses so recent that outcomes may follow.' }),
  crossedUsers: Type.Integer({ description: 'Users seen in more than one arm. They are excluded.' }),
  crossedExposures: Count,
});
export type JoinCounts = Static<typeof JoinCounts> & {
  /** By outcome. */
  readonly outcomes: readonly Record<(typeof outcomeFates)[number], number>[];
};

/** The report of an experiment. The sample ratio is also absent for experiments with only shadow arms. */
export const ExperimentReport = Type.Object({
  experiment: Type.String(),
  sampleRatio: Type.Optional(SampleRatio),
  arms: Type.Array(ArmReport, { description: 'The control first.' }),
  shadow: Type.Array(ShadowTally),
  counts: JoinCounts,
});
export type ExperimentReport = Static<typeof ExperimentReport> & { readonly counts: JoinCounts };

/** The arms on one UTC day, the control first. */
export const ExperimentDay = Type.Object(
  {
    day: Type.String({ description: 'A UTC day, YYYY-MM-DD.' }),
    arms: Type.Array(
      Type.Object({
        arm: Type.String(),
        users: Count,
        exposures: Count,
        outcomes: Type.Array(Type.Object({ outcome: Type.String(), ofExposures: ArmFigure })),
      }),
    ),
  },
  { title: 'ExperimentDay' },
);
export type ExperimentDay = Static<typeof ExperimentDay>;
