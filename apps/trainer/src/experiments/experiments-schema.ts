import { ExperimentDay, ExperimentReport } from '@facet/exposures/report';
import { epochMs } from '@facet/platform';
import { Type } from 'typebox';

const Time = epochMs('Epoch milliseconds.');
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

const { experiment, ...figures } = ExperimentReport.properties;

/** The response of a report. */
export const ReportResponse = Type.Object(
  {
    experiment,
    from: Type.Optional(Time),
    before: Type.Optional(Time),
    windowHours: Type.Number(),
    computedAt: Time,
    damagedLines: Type.Integer({ description: 'Lines of the exposure log that cannot be read.' }),
    ...figures,
    days: Type.Array(ExperimentDay, { description: 'The newest 60 days of the window, ascending.' }),
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
