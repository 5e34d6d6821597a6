import type { ExperimentDay, ExperimentReport as ComputedReport } from '@facet/exposures/report';
import { epochMs } from '@facet/platform';
import { Type } from 'typebox';

const Time = epochMs('Epoch milliseconds.');
const Count = Type.Integer({ minimum: 0 });
const ArmSettings = Type.Object(
  {},
  { additionalProperties: true, description: 'The settings that the arm changes, as in facet.yaml.' },
);

export const DeclaredExperiment = Type.Object(
  {
    name: Type.String(),
    state: Type.Enum(['scheduled', 'running', 'ended']),
    from: Type.Optional(epochMs('Epoch milliseconds; absent without a start.')),
    before: Type.Optional(epochMs('Epoch milliseconds; absent without an end.')),
    share: Type.Number({ description: 'Share of users who participate.' }),
    arms: Type.Array(Type.Object({ name: Type.String(), weight: Type.Number(), settings: ArmSettings }), {
      description: 'The control first.',
    }),
    shadow: Type.Array(Type.Object({ name: Type.String(), share: Type.Number(), settings: ArmSettings }), {
      description: 'Arms that are computed and logged but not shown.',
    }),
  },
  { title: 'DeclaredExperiment' },
);

const Figure = Type.Object(
  {
    estimate: Type.Optional(
      Type.Object(
        {
          value: Type.Number(),
          low: Type.Optional(Type.Number()),
          high: Type.Optional(Type.Number()),
        },
        { description: 'The value with its 95 % interval over users; absent without data.' },
      ),
    ),
    difference: Type.Optional(
      Type.Object(
        {
          value: Type.Number(),
          low: Type.Number(),
          high: Type.Number(),
          pValue: Type.Number(),
          relative: Type.Optional(Type.Number({ description: 'Divided by the control.' })),
        },
        { description: 'The difference from the control; absent for the control.' },
      ),
    ),
  },
  { title: 'ArmFigure', description: 'A metric of an arm.' },
);

const Outcome = Type.Object(
  {
    outcome: Type.String({ description: 'An event type.' }),
    ofExposures: Figure,
    perUser: Figure,
    ofUsers: Figure,
    interests: Type.Array(
      Type.Object({
        interest: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
          description: 'The number of the interest of the items, from 1; null for none.',
        }),
        itemsShown: Count,
        itemsChosen: Count,
        ofItems: Figure,
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

const Day = Type.Object(
  {
    day: Type.String({ description: 'A UTC day, YYYY-MM-DD.' }),
    arms: Type.Array(
      Type.Object({
        arm: Type.String(),
        users: Count,
        exposures: Count,
        outcomes: Type.Array(Type.Object({ outcome: Type.String(), ofExposures: Figure })),
      }),
    ),
  },
  { title: 'ExperimentDay' },
);

/** The response of a report. Times are epoch milliseconds. */
interface ReportResponse extends ComputedReport {
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  readonly windowHours: number;
  readonly computedAt: number;
  readonly damagedLines: number;
  readonly days: readonly ExperimentDay[];
}

export const ExperimentReport = Type.Unsafe<ReportResponse>(
  Type.Object(
    {
      experiment: Type.String(),
      from: Type.Optional(Time),
      before: Type.Optional(Time),
      windowHours: Type.Number(),
      computedAt: Time,
      damagedLines: Type.Integer({ description: 'Lines of the exposure log that cannot be read.' }),
      sampleRatio: Type.Optional(
        Type.Object(
          {
            chiSquare: Type.Number(),
            degrees: Type.Integer(),
            pValue: Type.Number(),
            isMismatch: Type.Boolean({ description: 'The arms are not comparable. Ignore their differences.' }),
            expected: Type.Array(Type.Number(), { description: 'Users by arm that the weights imply.' }),
          },
          { description: 'Whether users are split between the arms by their weights; absent without users.' },
        ),
      ),
      arms: Type.Array(
        Type.Object({
          arm: Type.String(),
          users: Count,
          exposures: Type.Integer({ description: 'Responses.' }),
          items: Count,
          fallbacks: Figure,
          outcomes: Type.Array(Outcome),
        }),
        { description: 'The control first.' },
      ),
      shadow: Type.Array(
        Type.Object({
          arm: Type.String(),
          responses: Count,
          items: Count,
          shown: Type.Integer({ description: 'Items of the shadow arm that users saw.' }),
          chosen: Type.Integer({ description: 'Shown items with an outcome.' }),
          chosenHeld: Type.Integer({ description: 'Shown items with an outcome that the shadow arm contains, too.' }),
        }),
      ),
      counts: Type.Object({
        exposures: Count,
        pages: Count,
        orphanPages: Count,
        repeated: Count,
        withoutUser: Count,
        unknownArm: Count,
        open: Type.Integer({ description: 'Responses so recent that outcomes may follow.' }),
        crossedUsers: Type.Integer({ description: 'Users seen in more than one arm. They are excluded.' }),
        crossedExposures: Count,
      }),
      days: Type.Array(Day, { description: 'The newest 60 days of the window, ascending.' }),
    },
    {
      title: 'ExperimentReport',
      description: 'The arms of an experiment. Intervals are 95 %, over users.',
      examples: [
        {
          experiment: 'merge-2026-02',
          windowHours: 24,
          computedAt: 1_769_904_000_000,
          damagedLines: 0,
          arms: [],
          shadow: [],
          counts: {
            exposures: 0,
            pages: 0,
            orphanPages: 0,
            repeated: 0,
            withoutUser: 0,
            unknownArm: 0,
            open: 0,
            crossedUsers: 0,
            crossedExposures: 0,
          },
          days: [],
        },
      ],
    },
  ),
);

// Query parameters are strings, and the app coerces nothing.
const moments = [Type.String({ format: 'date-time' }), Type.String({ format: 'date' })];

export const ReportQueryString = Type.Object({
  from: Type.Optional(
    Type.Union(moments, {
      description: 'Start of the responses, RFC 3339, or a UTC day. Default: that of the experiment.',
      examples: ['2026-02-01'],
    }),
  ),
  before: Type.Optional(
    Type.Union(moments, {
      description: 'End of the responses, RFC 3339, or a UTC day. Default: that of the experiment.',
      examples: ['2026-02-01'],
    }),
  ),
  outcomes: Type.Optional(
    Type.String({
      pattern: '^[^,]{1,64}(,[^,]{1,64}){0,9}$',
      description: 'Event types that count as outcomes, separated by commas. Default: click,purchase.',
      examples: ['click,purchase'],
    }),
  ),
  windowHours: Type.Optional(
    Type.String({
      pattern: '^\\d{1,4}(\\.\\d+)?$',
      description: 'Hours after a response in which outcomes count. Default: 24.',
    }),
  ),
});
